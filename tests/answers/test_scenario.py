"""Scenarios: what each change does, and that nothing changed changes nothing."""

from __future__ import annotations

import pytest

from candor.answers.scenario import Changed
from candor.economics.what_if import bill, net
from candor.errors import CandorError


def test_another_price_is_paid_for_every_charged_resolution() -> None:
    found = bill(charged=200, fees=198.0, handling=500.0, price=0.5)
    assert (found.fees_then, found.handling_then) == (100.0, 500.0)
    assert found.more == -98.0


def test_more_conversations_cost_more_at_the_price_of_today() -> None:
    found = bill(charged=200, fees=198.0, handling=500.0, volume=0.1)
    assert found.fees_then == pytest.approx(217.8)
    assert found.more == pytest.approx(69.8)
    assert net((100.0, 80.0, 120.0), 70.0) == (30.0, 10.0, 50.0)


def test_nothing_changed_costs_nothing_more() -> None:
    assert bill(charged=0, fees=0.0, handling=10.0).more == 0
    assert Changed().is_nothing
    assert not Changed(price=0.0).is_nothing


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(CandorError) as told:
        Changed(quality=-101, volume=901, price=-1)
    assert [one.where for one in told.value.problems] == ["quality", "volume", "price"]

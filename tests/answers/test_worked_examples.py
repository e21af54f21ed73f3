"""Every worked example of every derived metric, to its digits; and every changed constant breaks one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from candor.answers.derived import Figure, find, methods
from candor.metrics import registry
from candor.metrics.derived import Derived, DerivedExample

DERIVED = tuple(registry.load().derived.values())


def _expected(figure: Figure, name: str) -> Any:
    if name == "refusal":
        return None if figure.refusal is None else str(figure.refusal)
    if name == "caveats":
        return [str(caveat) for caveat in figure.caveats]
    if name in ("point", "low", "high", "n_eff", "k_eff"):
        return getattr(figure, name)
    return figure.detail[name]


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, str):
        return bool(found == wanted)
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            name in found and _same(found[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return found is not None and abs(found - wanted) <= 2e-6 * max(1.0, abs(wanted))


def _holds(item: Derived, example: DerivedExample, params: Mapping[str, Any]) -> bool:
    try:
        figure = find(item.method).pure({**params, **example.given})
        return all(
            _same(_expected(figure, name), wanted) for name, wanted in example.expect.items()
        )
    except (ArithmeticError, KeyError, ValueError, TypeError):
        return False


@pytest.mark.parametrize("item", DERIVED, ids=lambda item: item.name)
def test_example_gives_its_figure(item: Derived) -> None:
    for example in item.examples:
        assert set(example.expect) & {"point", "refusal"}, (item.name, example.title)
        assert _holds(item, example, item.params), (item.name, example.title)


@pytest.mark.parametrize("item", DERIVED, ids=lambda item: item.name)
def test_a_changed_expectation_would_be_noticed(item: Derived) -> None:
    for example in item.examples:
        for name, wanted in example.expect.items():
            if isinstance(wanted, int | float) and not isinstance(wanted, bool):
                changed = example.model_copy(
                    update={
                        "expect": {**example.expect, name: wanted + 1e-4 * max(1.0, abs(wanted))}
                    }
                )
                assert not _holds(item, changed, item.params), (item.name, name)


def _changed(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value * 1.5]
    return []


@pytest.mark.parametrize("item", DERIVED, ids=lambda item: item.name)
def test_every_changed_constant_breaks_an_example(item: Derived) -> None:
    survived = [
        name
        for name, value in item.params.items()
        for other in _changed(value)
        if all(_holds(item, example, {**item.params, name: other}) for example in item.examples)
    ]
    assert not survived


def test_every_method_is_used_and_every_definition_has_its_method() -> None:
    assert {item.method for item in DERIVED} == set(methods())

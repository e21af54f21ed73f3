"""The price list: what it may say, and every mistake at once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from candor.economics.rates import Rates, load_rates
from candor.errors import CandorError
from candor.window import to_day

WHOLE = """\
currency: EUR
go_live: 2026-05-01
baseline: {since: 2026-01-01, until: 2026-04-01, cost_per_conversation: 6.10}
human:
  cost_per_minute: 0.62
  teams: {second_line: 0.95}
  overhead_share: 0.3
licences:
- {name: AI platform, amount: 1500, since: 2026-05-01}
- {name: helpdesk, amount: "99.90", every: year, bearer: all}
implementation:
- {name: roll-out, amount: 24000, since: 2026-05-01, months: 24}
claims:
- {claimant: vendor, price: 0.99, until: 2026-07-01}
- {claimant: vendor, price: 1.10, since: 2026-07-01}
usage:
- {unit: input_token, per: 1000000, price: 3}
freed_hours: {outreach: 0.5, backlog: 0.3}
"""


def load(tmp_path: Path, text: str, currency: str = "EUR") -> Rates | None:
    (tmp_path / "rates.yaml").write_text(text, encoding="utf-8")
    return load_rates(tmp_path / "rates.yaml", currency)


def problems(tmp_path: Path, text: str, currency: str = "EUR") -> list[str]:
    with pytest.raises(CandorError) as caught:
        load(tmp_path, text, currency)
    return [str(one).removeprefix(f"{tmp_path}/") for one in caught.value.problems]


def test_the_whole_file_is_read_exactly(tmp_path):
    rates = load(tmp_path, WHOLE)
    assert rates is not None
    assert rates.human.cost_per_minute == Decimal("0.62")
    assert rates.licences[1].amount == Decimal("99.90")
    assert (rates.licences[0].bearer, rates.licences[1].bearer) == ("ai", "all")
    assert rates.go_live == date(2026, 5, 1)
    assert sum(rates.freed_hours.values()) == Decimal("0.8")


def test_prices_of_claims_change_on_their_day(tmp_path):
    rates = load(tmp_path, WHOLE)
    assert rates is not None
    july = to_day(date(2026, 7, 1))
    assert rates.claim_price("vendor", july - 1) == Decimal("0.99")
    assert rates.claim_price("vendor", july) == Decimal("1.10")
    assert rates.claim_price("other", july) is None


def test_the_nearest_price_of_a_minute_counts(tmp_path):
    rates = load(tmp_path, WHOLE)
    assert rates is not None
    assert rates.minute(None, Decimal(60)) == Decimal("1.3")
    assert rates.minute("second_line", None) == Decimal("0.95") * Decimal("1.3")
    assert rates.minute("second_line", Decimal(30)) == Decimal("0.65")
    assert rates.minute("first_line", None) == Decimal("0.62") * Decimal("1.3")
    assert Rates().minute("first_line", None) is None


def test_no_file_and_an_empty_file(tmp_path):
    assert load_rates(tmp_path / "rates.yaml", "EUR") is None
    assert load(tmp_path, "# nothing yet\n") == Rates()


def test_every_mistake_at_once_with_its_line(tmp_path):
    text = """\
currency: USD
humans: {cost_per_minute: 1}
human:
  cost_per_minute: -1
  cost_per_minuet: 2
licences:
- {name: x, amount: 1.1234567}
- {amount: 5, every: weekly}
baseline: {since: 2026-02-01, until: 2026-02-01}
human: {}
"""
    found = problems(tmp_path, text)
    assert [line.partition(":")[2].partition(":")[0] for line in found] == [
        "10", "9", "7", "8", "8", "2", "1",
    ]  # fmt: skip
    told = "\n".join(found)
    for words in (
        "key 'human' is given twice",
        "until (2026-02-01) must lie after since (2026-02-01)",
        "no more than 6 decimal places",
        "'name' is missing",
        "'month', 'quarter' or 'year'",
        "unknown key 'humans'; did you mean 'human'?",
        "amounts in USD cannot be added to figures in EUR",
    ):
        assert words in told
    told = "\n".join(problems(tmp_path, "human:\n  cost_per_minute: -1\n  cost_per_minuet: 2\n"))
    assert "rates.yaml:2: human.cost_per_minute: Input should be greater than or equal to 0" in told
    assert "rates.yaml:3: human.cost_per_minuet: unknown key 'cost_per_minuet'" in told
    assert "did you mean 'cost_per_minute'?" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "the file is not a mapping of keys"),
        ("human: [\n", "not YAML"),
        ("freed_hours: {a: 0.7, b: 0.4}\n", "add up to more than 1"),
        ("usage: [{unit: t, price: 1}, {unit: t, price: 2}]\n", "two prices for t"),
        ("human: {cost_per_minute: true}\n", "an amount is a number"),
        ("implementation: [{name: x, amount: 1, since: 2026-01-01, months: 0}]\n", "greater than"),
    ],
)
def test_what_is_refused(tmp_path, text, words):
    assert words in "\n".join(problems(tmp_path, text))

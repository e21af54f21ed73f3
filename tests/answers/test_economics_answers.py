"""Figures about money of a measured workspace: reckoned again by plain loops over the facts."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.workspace import Workspace

RATES = """\
currency: EUR
baseline: {since: 2026-01-01, until: 2026-02-01, cost_per_conversation: 9}
human: {overhead_share: 0.5}
licences: [{name: desk, amount: 0, bearer: all}]
implementation: [{name: roll-out, amount: 6000, since: 2026-03-01, months: 24}]
freed_hours: {outreach: 0.25}
"""


@pytest.fixture(scope="module")
def desk(measured: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The measured workspace in the currency of its amounts, with a price list."""
    root: Path = tmp_path_factory.mktemp("money") / "desk"
    shutil.copytree(measured.root, root)
    config = root / "candor.toml"
    lines = config.read_text("utf-8").splitlines()
    told = ['currency = "EUR"' if line.startswith("currency") else line for line in lines]
    config.write_text("\n".join(told) + "\n", "utf-8")
    (root / "rates.yaml").write_text(RATES, "utf-8")
    workspace = Workspace.open(root)
    pipeline.measure(workspace)
    return workspace


@pytest.fixture
def money(desk: Workspace) -> Iterator[Answers]:
    with Answers(desk) as opened:
        yield opened


def only(answers: Answers, name: str, **options: Any) -> Any:
    return answers.estimates([name], **options).estimates[0]


def table(answers: Answers, fact: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = answers.engine.arrow(f"select * from {fact}").to_pylist()
    return rows


def test_cost_of_the_ai_path_by_hand(money: Answers) -> None:
    talks = [
        row for row in table(money, "conversation") if not row["is_test"] and not row["is_spam"]
    ]
    first, last = min(row["day"] for row in talks), max(row["day"] for row in talks) + 1
    paths = [row["path"] for row in talks]
    share = paths.count("ai_only") / (paths.count("ai_only") + paths.count("hybrid"))
    spend = [row for row in table(money, "spend") if first <= row["day"] < last]
    usage = sum(
        row["amount"]
        for row in spend
        if row["path"] == "ai_only" and row["kind"] != "human_minutes"
    )
    fees = sum(
        row["amount"]
        for row in table(money, "claim")
        if row["is_billable"] and row["path"] == "ai_only"
    )
    lumps = sum(row["amount"] for row in spend if not row["has_thread"])
    # 24 months from March 2026 have 731 days, for 2028 has a 29 February.
    once = 6000 * (last - max(first, 20_513)) / 731
    figure = only(money, "cost_per_resolution", by=("path",), where={"path": "ai_only"})
    assert float(usage + fees) + share * (float(lumps) + once) == pytest.approx(figure.total)
    rate = only(money, "automation_rate", where={"path": "ai_only"})
    assert figure.point == pytest.approx(figure.total / (rate.eligible * rate.point))
    assert figure.low == pytest.approx(figure.total / (rate.eligible * rate.high))


def test_people_cost_what_was_paid_with_overhead(money: Answers) -> None:
    work = [
        row for row in table(money, "human_contact")
        if not row["is_test"] and not row["is_spam"] and row["path"] == "human_only"
    ]  # fmt: skip
    paid = [row["human_amount"] for row in work if row["human_amount"]]
    figure = only(money, "cost_per_resolution", where={"path": "human_only"})
    expected = 1.5 * float(sum(paid)) * len(work) / len(paid)
    assert figure.detail["by_path"]["human_only"]["human"] == pytest.approx(expected)


def test_savings_return_and_payback_hang_together(money: Answers) -> None:
    saved, back, days = (only(money, name) for name in ("cost_savings", "roi", "payback_days"))
    owned = only(money, "tco")
    volume = saved.eligible
    costs = sum(
        saved.detail["cost_of_a_conversation"][path] * count
        for path, count in saved.detail["conversations"].items()
    )
    assert saved.point == pytest.approx(9 * volume - costs)
    assert back.point == pytest.approx(saved.point / owned.point)
    assert owned.method == "count_tco"
    assert owned.low is None
    daily = (saved.point + owned.detail["implementation"]) / days.detail["days"]
    assert days.point == pytest.approx(6000 / daily)


def test_hours_freed_by_hand(money: Answers) -> None:
    groups: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in table(money, "conversation"):
        if row["is_test"] or row["is_spam"] or not row["engaged"] or not row["is_inbound"]:
            continue
        sums = groups[row["intent_id"] or "unknown"]
        sums["all"] += 1
        by_ai = row["path"] == "ai_only"
        sums["known"] += not by_ai or row["true_resolution"] is not None
        sums["done"] += bool(by_ai and row["true_resolution"])
        if row["human_involved"]:
            if row["human_minutes"] is not None:
                sums["time"] += float(row["human_minutes"]) * 60
                sums["handled"] += 1
            elif row["handle_us"]:
                sums["time"] += row["handle_us"] / 1e6
                sums["handled"] += 1
    expected = sum(
        s["all"] * s["done"] / s["known"] * s["time"] / s["handled"] for s in groups.values()
    )
    figure = only(money, "capacity_unlocked")
    assert figure.point == pytest.approx(expected)
    assert figure.detail["hours_went_to"] == pytest.approx({"outreach": expected / 3600 / 4})


def test_allocated_revenue_adds_up_to_what_followed_contacts(money: Answers) -> None:
    figure = only(money, "revenue_allocated")
    touches = figure.detail["by_touch"]
    assert figure.point == pytest.approx(touches.get("ai_only", 0) + touches.get("hybrid", 0))
    linked = money.engine.rows(
        "select sum(r.net_amount) from revenue as r where r.net_amount > 0 and r.in_currency and exists"
        " (select 1 from conversation as c where c.person_key = r.person_key and c.engaged"
        " and not c.is_test and not c.is_spam and not c.is_synthetic_time and c.path <> 'none'"
        " and c.started_at <= r.occurred_at and r.occurred_at < c.started_at + 30 * 86400000000)"
    )[0][0]
    assert sum(touches.values()) == pytest.approx(float(linked))
    assert "allocation_not_causal" in [str(one) for one in figure.caveats]


def test_the_bill_adds_up(money: Answers) -> None:
    lines = table(money, "invoice_line")
    by_status: dict[str, float] = defaultdict(float)
    for row in lines:
        by_status[row["status"]] += float(row["amount"])
    assert sum(by_status.values()) == pytest.approx(sum(float(row["amount"]) for row in lines))
    assert only(money, "recoverable_amount").point == pytest.approx(by_status["disputed"])
    assert only(money, "unverifiable_amount").point == pytest.approx(by_status["unverifiable"])
    assert only(money, "billed_resolutions").point == len(lines)


def test_the_curve_falls_and_passes_through_the_figure(money: Answers) -> None:
    curve = only(money, "ai_assisted_threshold_curve")
    points = [one["point"] for one in curve.detail["curve"] if one["point"] is not None]
    assert points == sorted(points, reverse=True)
    assert curve.point == only(money, "ai_assisted_resolution_rate").point


def test_a_portfolio_lists_every_intent_once(money: Answers) -> None:
    figure = only(money, "intent_portfolio")
    names = [row["intent"] for row in figure.detail["intents"]]
    known = {row["intent_id"] for row in table(money, "conversation") if row["intent_id"]}
    assert set(names) == known
    assert len(names) == len(known)
    ranks = [row["rank"] for row in figure.detail["intents"] if row["rank"] is not None]
    assert ranks == list(range(1, len(ranks) + 1))


def test_amounts_in_another_currency_are_refused_by_name(answers: Answers) -> None:
    """The workspace counts dollars, its amounts are euros."""
    if answers.workspace.settings.workspace.currency == "EUR":
        pytest.skip("the simulated desk counts euros")
    for name in (
        "cost_per_resolution",
        "tco",
        "cost_savings",
        "roi",
        "payback_days",
        "cost_of_failure",
    ):
        figure = only(answers, name)
        assert (figure.point, str(figure.refusal)) == (None, "missing_component")
        assert "amounts in EUR cannot be added" in figure.missing

"""Measures of made-up conversations, reckoned again in plain Python; stored and direct alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from made_facts import FIRST_DAY, digest, fill, new_engine

from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.measure import MeasureCell
from candor.metrics import build, chunks, direct, query, registry, store
from candor.metrics.cells import cells_of
from candor.metrics.compile import Scope
from candor.window import DAY, period_start

CATALOGUE = registry.load()
SIZE = 3_000
CHANNELS = ("chat", "email", None)


def conversation(number: int) -> dict[str, Any]:
    draw = lambda name: digest([name, number])  # noqa: E731
    person = draw("person") % 400
    ai = draw("ai") % 5 > 0
    open_window = draw("window") % 6 == 0
    returned = draw("return") % 4 == 0
    delay = (draw("delay") % 7) * DAY + draw("time") % DAY if returned else None
    return {
        "conversation_id": f"t{number}#1", "conversation_key": number, "person_key": person,
        "bucket": person % 200, "customer_known": person % 9 > 0, "day": FIRST_DAY + draw("day") % 100,
        "channel": CHANNELS[draw("channel") % 3], "intent_id": f"i{draw('intent') % 4}",
        "is_test": draw("test") % 30 == 0, "is_spam": draw("spam") % 40 == 0,
        "is_inbound": draw("inbound") % 10 > 0, "engaged": True, "is_automatable": draw("auto") % 5 > 0,
        "ai_involved": ai, "human_involved": not ai, "is_open": False, "is_synthetic_time": False,
        "window_open_72h": open_window, "window_open_7d": open_window, "reply_class": "none",
        "true_resolution": None if open_window or not ai else draw("true") % 3 > 0,
        "confirmed": draw("confirmed") % 4 == 0, "escalated": draw("escalated") % 5 == 0,
        "handoffs": 1, "customer_messages": 1 + draw("messages") % 4,
        "rephrases": None if draw("scored") % 7 == 0 else draw("rephrases") % 2,
        "effort_points": draw("effort") % 11 * 10,
        "ai_first_response_us": None if draw("missing") % 8 == 0 else draw("response") % 40_000_000,
        "looked_successful": ai, "silent_failure": None if open_window else returned,
        "closed": draw("closed") % 4 > 0, "claimed_resolved": draw("claimed") % 3 == 0,
        "last_activity_at": number * DAY,
        "reopened_at": None if delay is None else number * DAY + delay,
        "reopened_7d": None if open_window else returned,
        "return_delay_us": delay,
        "return_at_risk_us": delay if returned else (draw("horizon") % 9) * DAY,
        "followed_us": delay if returned else (draw("horizon") % 9) * DAY,
    }  # fmt: skip


ROWS = [conversation(number) for number in range(SIZE)]
STORED = [
    CATALOGUE.get(name)
    for name in (
        "true_resolution_rate", "deflection_gap", "escalation_rate", "rephrase_rate",
        "time_to_first_response_ai", "customer_effort", "silent_failure_rate", "undetermined_share",
        "reopen_rate_7d",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def filled() -> Iterator[DuckEngine]:
    with new_engine() as engine:
        fill(engine, "conversation", ROWS)
        yield engine


def _excluded(row: dict[str, Any]) -> str:
    tests = (
        ("test", row["is_test"]), ("spam", row["is_spam"]), ("outbound", not row["is_inbound"]),
        ("not_engaged", not row["engaged"]), ("not_automatable", not row["is_automatable"]),
    )  # fmt: skip
    return next((reason for reason, holds in tests if holds), "")


def _one(cells: list[MeasureCell], metric: str) -> MeasureCell:
    (cell,) = [cell for cell in cells if cell.metric == metric]
    return cell


def test_true_resolution_rate_agrees_with_plain_python(filled: DuckEngine) -> None:
    cell = _one(
        query.measures(filled, [CATALOGUE.get("true_resolution_rate")]), "true_resolution_rate"
    )
    inside = [row for row in ROWS if row["ai_involved"]]
    kept = [row for row in inside if not _excluded(row)]
    known = [row for row in kept if row["true_resolution"] is not None]
    true = [row for row in known if row["true_resolution"]]
    assert (cell.eligible, cell.observed, cell.total) == (len(kept), len(known), len(true))
    assert cell.confirmed == sum(row["confirmed"] for row in true)
    assert cell.unknown["immature"] == len(kept) - len(known)
    assert {k: n for k, n in cell.excluded.items() if n} == {
        reason: n for reason, n in Counter(map(_excluded, inside)).items() if reason
    }
    assert cell.customers == len({row["person_key"] for row in known})
    assert cell.anonymous == sum(not row["customer_known"] for row in known)
    per_bucket = Counter(row["bucket"] for row in known)
    assert {bucket: sums.observed for bucket, sums in cell.buckets.items()} == per_bucket
    assert all(sums.total_sq == sums.total == sums.cross for sums in cell.buckets.values())


def test_ratio_sums_agree_with_plain_python(filled: DuckEngine) -> None:
    cell = _one(query.measures(filled, [CATALOGUE.get("rephrase_rate")]), "rephrase_rate")
    known = [
        row for row in ROWS
        if row["ai_involved"] and row["rephrases"] is not None
        and _excluded(row) in ("", "not_automatable")
    ]  # fmt: skip
    assert cell.total == sum(row["rephrases"] for row in known)
    assert cell.den == sum(row["customer_messages"] for row in known)
    sums = list(cell.buckets.values())
    assert sum(s.total_sq for s in sums) == sum(row["rephrases"] ** 2 for row in known)
    assert sum(s.den_sq for s in sums) == sum(row["customer_messages"] ** 2 for row in known)
    assert sum(s.cross for s in sums) == sum(
        row["rephrases"] * row["customer_messages"] for row in known
    )


def test_histogram_uses_the_estimators_buckets(filled: DuckEngine) -> None:
    from candor.estimates.quantile import bucket_of

    cell = _one(
        query.measures(filled, [CATALOGUE.get("time_to_first_response_ai")]),
        "time_to_first_response_ai",
    )
    values = [
        row["ai_first_response_us"] for row in ROWS
        if row["ai_involved"] and row["ai_first_response_us"] is not None
        and _excluded(row) in ("", "not_automatable")
    ]  # fmt: skip
    assert cell.histogram == Counter(bucket_of(value) for value in values)
    assert cell.total == sum(values)


def test_time_to_event_counts_agree_with_plain_python(filled: DuckEngine) -> None:
    cell = _one(query.measures(filled, [CATALOGUE.get("reopen_rate_7d")]), "reopen_rate_7d")
    kept = [
        row for row in ROWS
        if (row["closed"] or row["claimed_resolved"]) and not row["is_test"] and not row["is_spam"]
    ]  # fmt: skip
    assert kept
    seen = 0
    for day in range(7):
        events, at_risk = 0, 0
        for row in kept:
            delay = None
            if row["reopened_at"] is not None:
                delay = row["reopened_at"] - row["last_activity_at"]
            followed = delay if delay is not None else row["followed_us"]
            events += delay is not None and delay // DAY == day
            at_risk += followed > day * DAY or (
                followed == day * DAY and (day == 0 or delay is not None)
            )
        seen += events
        assert sum(c[day] for c in cell.events_by_delay.values()) == events
        assert sum(c[day] for c in cell.at_risk_by_delay.values()) == at_risk
    assert seen


@pytest.mark.parametrize("chunk_rows", [chunks.CHUNK_ROWS, 400])
@pytest.mark.parametrize("grain", ["all", "week", "month", "quarter"])
@pytest.mark.parametrize("by", [(), ("channel",), ("intent_id",)])
def test_stored_measures_are_the_same_integers(
    filled: DuckEngine,
    monkeypatch: pytest.MonkeyPatch,
    chunk_rows: int,
    grain: str,
    by: tuple[str, ...],
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", chunk_rows)
    build.build(filled, STORED, ("channel", "intent_id"))
    scope = Scope(grain, by)
    stored = store.sums(filled, "conversation", STORED, scope)
    assert stored is not None
    fresh = direct.sums(filled, "conversation", STORED, scope)
    for definition in STORED:
        ours = {
            (c.period_start, *c.segment.values()): c for c in cells_of(stored, definition, scope)
        }
        theirs = {
            (c.period_start, *c.segment.values()): c for c in cells_of(fresh, definition, scope)
        }
        assert ours == theirs
        assert sum(cell.observed for cell in ours.values()) > 0


def test_stored_measures_answer_limits_between_spans_only(filled: DuckEngine) -> None:
    build.build(filled, STORED, ("channel",))
    month = period_start(FIRST_DAY + 40, "month")
    inside = Scope("month", ("channel",), month, period_start(month + 31, "month"))
    stored = store.sums(filled, "conversation", STORED, inside)
    assert stored is not None
    fresh = direct.sums(filled, "conversation", STORED, inside)
    for definition in STORED:
        assert cells_of(stored, definition, inside) == cells_of(fresh, definition, inside)
    where = Scope(where=(("channel", None),))
    again = store.sums(filled, "conversation", STORED, where)
    assert again is not None
    assert cells_of(again, STORED[0], where) == cells_of(
        direct.sums(filled, "conversation", STORED, where), STORED[0], where
    )
    for asked in (
        Scope("day"), Scope("all", ("channel", "intent_id")), Scope("all", ("intent_id",)),
        Scope("all", (), FIRST_DAY + 1),
    ):  # fmt: skip
        assert store.sums(filled, "conversation", STORED, asked) is None
    other = CATALOGUE.get("containment_rate")
    assert store.sums(filled, "conversation", [other], Scope()) is None


def test_a_changed_definition_is_not_answered_from_what_was_stored(filled: DuckEngine) -> None:
    build.build(filled, STORED, ())
    changed = STORED[0].model_copy(update={"include": "not ai_involved"})
    changed.__pydantic_private__ = dict(STORED[0].__pydantic_private__ or {})
    assert store.sums(filled, "conversation", [STORED[0]], Scope()) is not None
    assert store.sums(filled, "conversation", [changed], Scope()) is None


def test_sums_that_could_leave_a_word_are_not_stored(facts: Callable[..., DuckEngine]) -> None:
    far = 1 << 61
    rows = [
        {"engaged": True, "ai_involved": True, "is_test": False, "is_spam": False, "is_inbound": True,
         "ai_first_response_us": far, "customer_known": True, "person_key": n}
        for n in range(3)
    ]  # fmt: skip
    engine = facts(conversation=rows)
    metric = CATALOGUE.get("time_to_first_response_ai")
    build.build(engine, [metric], ())
    assert store.sums(engine, "conversation", [metric], Scope()) is None


@pytest.mark.parametrize("grain", ["all", "day", "week", "month", "quarter"])
def test_members_add_up_to_the_total(filled: DuckEngine, grain: str) -> None:
    metrics = [CATALOGUE.get(name) for name in ("true_resolution_rate", "customer_effort")]
    whole = query.measures(filled, metrics, grain=grain)
    parts = query.measures(filled, metrics, grain=grain, by=("channel",))
    assert {cell.segment["channel"] for cell in parts} == set(CHANNELS)
    for cell in whole:
        mine = [
            part for part in parts
            if part.metric == cell.metric and part.period_start == cell.period_start
        ]  # fmt: skip
        assert sum(part.eligible for part in mine) == cell.eligible
        assert sum(part.total for part in mine) == cell.total
        for bucket, sums in cell.buckets.items():
            added = [part.buckets[bucket] for part in mine if bucket in part.buckets]
            assert sum(one.total_sq for one in added) == sums.total_sq
        for reason, n in cell.unknown.items():
            assert sum(part.unknown[reason] for part in mine) == n
    if grain != "all":
        total = query.measures(filled, metrics)
        assert sum(cell.observed for cell in whole) == sum(cell.observed for cell in total)
        assert all(
            cell.period_start == period_start(cell.period_start, grain)
            and cell.period_end > cell.period_start
            for cell in whole
        )


def test_limits_and_filters(filled: DuckEngine) -> None:
    metric = [CATALOGUE.get("undetermined_share")]
    kept = [row for row in ROWS if row["ai_involved"] and not _excluded(row)]
    (cell,) = query.measures(
        filled, metric, since=FIRST_DAY + 10, until=FIRST_DAY + 20, where={"channel": "chat"}
    )
    assert cell.observed == sum(
        row["channel"] == "chat" and 10 <= row["day"] - FIRST_DAY < 20 for row in kept
    )
    (unknown,) = query.measures(filled, metric, where={"channel": None})
    assert unknown.observed == sum(row["channel"] is None for row in kept)
    (nobody,) = query.measures(filled, metric, where={"channel": "' or true --"})
    assert (nobody.eligible, nobody.observed, nobody.customers) == (0, 0, 0)


def test_what_the_data_lack_is_unavailable_not_zero(facts: Callable[..., DuckEngine]) -> None:
    engine = facts(conversation=[{"engaged": True, "ai_involved": True, "has_claim": False}])
    names = ["claim_gap", "involvement_rate", "csat_ai_only", "handoff_wait_time"]
    cells = query.measures(engine, [CATALOGUE.get(name) for name in names])
    assert [(cell.metric, cell.available, cell.missing) for cell in cells] == [
        ("claim_gap", False, "claim"), ("involvement_rate", True, ""),
        ("csat_ai_only", False, "survey"), ("handoff_wait_time", False, "handoff"),
    ]  # fmt: skip


def test_no_rows_at_all(facts: Callable[..., DuckEngine]) -> None:
    engine = facts()
    metric = CATALOGUE.get("involvement_rate")
    (cell,) = query.measures(engine, [metric])
    assert (cell.eligible, cell.observed, cell.customers, dict(cell.buckets)) == (0, 0, 0, {})
    assert query.measures(engine, [metric], grain="day") == []
    build.build(engine, [metric], ("channel",))
    assert store.sums(engine, "conversation", [metric], Scope()) is None


def test_wrong_questions_name_every_mistake(filled: DuckEngine) -> None:
    with pytest.raises(CandorError) as caught:
        query.measures(filled, STORED, by=("chanel",), where={"intent": "x"})
    assert [problem.fix for problem in caught.value.problems] == [
        "did you mean 'channel'?", "did you mean 'intent_id'?",
    ]  # fmt: skip
    with pytest.raises(CandorError, match="unknown grain 'hour'"):
        query.measures(filled, STORED, grain="hour")

"""What must hold of the oracle whatever the events: else it could not judge anything else."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from candor.events import Batcher

from . import figures
from .oracle import conversation_facts, handoff_facts, journey_facts
from .strategies import Drawn, event_sets, with_reply_classes
from .timeline import DAY, HOUR

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHIFT = 364 * DAY


def shifted(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value + SHIFT if name.endswith("_at") and isinstance(value, int) else value
        for name, value in row.items()
    }


@SLOW
@given(event_sets())
def test_drawn_events_are_valid(drawn: Drawn) -> None:
    batcher = Batcher("desk", received_at_us=drawn.as_of_us + 400 * DAY)
    for number, event in enumerate(with_reply_classes(drawn.events), 1):
        batcher.add(event["type"], event, number, "drawn")
    assert batcher.take().problems == []


@SLOW
@given(event_sets(), st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(drawn: Drawn, random: Any) -> None:
    other = drawn.events * 2
    random.shuffle(other)
    for facts in (conversation_facts, handoff_facts, journey_facts):
        assert facts(other, drawn.as_of_us) == facts(drawn.events, drawn.as_of_us)


@SLOW
@given(event_sets())
def test_moving_all_times_moves_only_times(drawn: Drawn) -> None:
    moved = [
        {k: v + SHIFT if k.endswith("_at") and v is not None else v for k, v in event.items()}
        for event in drawn.events
    ]
    before = conversation_facts(drawn.events, drawn.as_of_us)
    after = conversation_facts(moved, drawn.as_of_us + SHIFT)
    assert after == [shifted(row) for row in before]


@SLOW
@given(event_sets())
def test_relations(drawn: Drawn) -> None:
    for row in conversation_facts(drawn.events, drawn.as_of_us):
        if row["true_resolution"]:
            # A system of record may confirm even what the system itself had ended.
            assert row["contained"] or (
                row["forced_termination"] is not False and row["system_verdict"] == "confirms"
            )
            assert row["answered"] or row["confirmed"]
        if row["contained"]:
            assert row["ai_involved"]
            assert not row["escalated"]
        assert not (row["confirmed"] and row["contradicted"])
        for kind in ("returned", "reopened"):
            windows = [row[f"{kind}_{w}"] for w in ("24h", "48h", "72h", "7d")]
            for shorter, longer in pairwise(windows):
                assert not (shorter is True and longer is not True)
                assert not (longer is False and shorter is not False)
        for name, value in row.items():
            assert not (name.endswith("_us") and value is not None and value < 0), name


@SLOW
@given(event_sets())
def test_every_message_is_in_one_contact(drawn: Drawn) -> None:
    rows = conversation_facts(drawn.events, drawn.as_of_us)
    spoken = {
        event["message_id"]
        for event in drawn.events
        if event["type"] == "message"
        and event["is_public"]
        and event["actor"] in ("customer", "ai_agent", "human_agent")
        and event["occurred_at"] <= drawn.as_of_us
    }
    known = {row["thread_id"] for row in rows}
    spoken = {name for name in spoken if name.split("-")[0] in known}
    counted = sum(r["customer_messages"] + r["ai_messages"] + r["human_messages"] for r in rows)
    assert counted == len(spoken)
    numbers = Counter(row["thread_id"] for row in rows)
    for thread, count in numbers.items():
        assert [r["conversation_no"] for r in rows if r["thread_id"] == thread] == [
            *range(1, count + 1)
        ]


@SLOW
@given(event_sets())
def test_a_contradiction_never_raises_true_resolution(drawn: Drawn) -> None:
    rows = conversation_facts(drawn.events, drawn.as_of_us)
    if not rows:
        return
    worse = {
        "type": "confirmation",
        "source": "desk",
        "occurred_at": max(e["occurred_at"] for e in drawn.events if e["occurred_at"])
        if drawn.as_of_us >= max(e["occurred_at"] for e in drawn.events)
        else drawn.as_of_us,
        "confirmation_id": "worse",
        "thread_id": rows[0]["thread_id"],
        "supports": "contradicts",
    }
    told = conversation_facts([*drawn.events, worse], drawn.as_of_us)
    for before, after in zip(rows, told, strict=True):
        if before["thread_id"] != rows[0]["thread_id"]:
            continue
        assert before["true_resolution"] is True or after["true_resolution"] is not True
        is_last = (
            after["conversation_id"]
            == max(
                (one for one in told if one["thread_id"] == after["thread_id"]),
                key=lambda one: one["conversation_no"],
            )["conversation_id"]
        )
        if is_last and after["started_at"] <= worse["occurred_at"]:
            assert after["true_resolution"] is (False if after["ai_involved"] else None)
            assert after["confirmed"] is False


@SLOW
@given(event_sets())
def test_claims_decide_nothing(drawn: Drawn) -> None:
    without = [event for event in drawn.events if event["type"] != "claim"]
    latest = max((e["occurred_at"] for e in without), default=0)
    if latest < max((e["occurred_at"] for e in drawn.events), default=0):
        return  # the claim carried the coverage; taking it away changes what is known
    for with_claim, plain in zip(
        conversation_facts(drawn.events, drawn.as_of_us),
        conversation_facts(without, drawn.as_of_us),
        strict=True,
    ):
        about = {"has_claim", "claimed", "claimed_resolved", "claim_is_billable"}
        # What the vendor claimed is looked at, never believed.
        about |= {"looked_successful", "silent_failure", "claim_held"}
        assert {k: v for k, v in with_claim.items() if k not in about} == {
            k: v for k, v in plain.items() if k not in about
        }


@SLOW
@given(event_sets())
def test_assessments_say_what_the_lexicon_says(drawn: Drawn) -> None:
    assessed = with_reply_classes(drawn.events)
    plain = conversation_facts(drawn.events, drawn.as_of_us)
    assert conversation_facts(assessed, drawn.as_of_us, use_lexicon=False) == plain


@SLOW
@given(event_sets())
def test_journeys_hold_each_engaged_contact_once(drawn: Drawn) -> None:
    engaged = [
        r["conversation_id"]
        for r in conversation_facts(drawn.events, drawn.as_of_us)
        if r["engaged"]
    ]
    told = [
        name
        for journey in journey_facts(drawn.events, drawn.as_of_us)
        for name in journey["conversations"]
    ]
    assert sorted(told) == sorted(engaged)


def message(at: int, actor: str, text: str = "hello there", **more: Any) -> dict[str, Any]:
    base = {"type": "message", "thread_id": "t", "is_public": True, "occurred_at": at}
    return {**base, "message_id": f"{at}{actor}", "actor": actor, "text": text, **more}


CONTACT = {
    "type": "conversation",
    "thread_id": "t",
    "occurred_at": 0,
    "started_at": 0,
    "customer_id": "c",
    "intent_id": "i",
    "is_test": False,
    "is_spam": False,
}


def test_a_return_at_the_end_of_the_window_is_outside() -> None:
    for late, inside in ((-1, True), (0, False)):
        events = [
            CONTACT,
            message(0, "customer"),
            message(HOUR, "ai_agent", kind="answer"),
            message(HOUR + 3 * DAY + late, "customer"),
        ]
        rows = conversation_facts(events, 30 * DAY)
        assert [row["returned_72h"] for row in rows] == [inside, None]
        assert rows[0]["true_resolution"] is not inside
        assert figures.share(rows, "true_resolution_rate") == (1, 1, int(not inside))


def test_silence_of_the_gap_cuts() -> None:
    for gap, count in ((DAY - 1, 1), (DAY, 2)):
        events = [CONTACT, message(0, "customer"), message(gap, "customer")]
        assert len(conversation_facts(events, 30 * DAY)) == count


def other(thread: str, customer: str, at: int) -> list[dict[str, Any]]:
    return [
        {**CONTACT, "thread_id": thread, "customer_id": customer, "started_at": at},
        message(at, "customer", thread_id=thread, message_id=f"{thread}-m"),
    ]


def known(customer: str, alias: str, *, is_removed: bool = False) -> dict[str, Any]:
    name = f"{customer}{alias}{is_removed}"
    base = {"type": "identity", "occurred_at": 0, "identity_id": name, "alias_kind": "email"}
    return {**base, "customer_id": customer, "alias": alias, "is_removed": is_removed}


def test_a_message_at_the_same_instant_is_no_return() -> None:
    first = [CONTACT, message(0, "customer"), message(HOUR, "ai_agent", kind="answer")]
    for at, found in ((HOUR, None), (HOUR + 1, HOUR + 1)):
        rows = conversation_facts([*first, *other("u", "c", at)], 30 * DAY)
        assert rows[0]["return_at"] == found


def test_persons_are_joined_over_aliases_until_one_is_removed() -> None:
    first = [CONTACT, message(0, "customer"), *other("u", "d", HOUR)]
    joined = [known("c", "a"), known("e", "a"), known("e", "b"), known("d", "b")]
    for identities, found in (
        ([], None),
        (joined[:3], None),
        (joined, HOUR),
        ([*joined, known("e", "b", is_removed=True)], None),
    ):
        rows = conversation_facts([*first, *identities], 30 * DAY)
        assert rows[0]["return_at"] == found


def test_a_bare_thank_you_elsewhere_is_no_return() -> None:
    first = [CONTACT, message(0, "customer"), message(HOUR, "ai_agent", kind="answer")]
    for text, found in (("thanks", None), ("Where is my order?", 2 * HOUR)):
        elsewhere = other("u", "c", 2 * HOUR)
        elsewhere[1]["text"] = text
        assert conversation_facts([*first, *elsewhere], 30 * DAY)[0]["return_at"] == found

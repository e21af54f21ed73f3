"""Where a contact starts and ends inside a thread, who came back, and what is not yet known."""

import pytest

from candor.settings import ConversationSection, Settings, WorkspaceSection

from .story import BEGAN, DAY, HOUR, LATE, MINUTE, at, event, exchange, facts, one, said, thread


def closed(name: str, minute: float, **fields):
    return event(
        "state_change", name, minute, from_state="open", to_state="closed", actor="human_agent",
        reason="agent_closed", **fields,
    )  # fmt: skip


def contacts(events, name="a", **options):
    return [
        (row["conversation_no"], row["customer_messages"])
        for row in facts(events, **options)["conversation"]
        if row["thread_id"] == name
    ]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(24 * 60 + 1 - 1 / 60, [(1, 2)]), (24 * 60 + 1, [(1, 1), (2, 1)])],
)
def test_idle_gap_splits_at_exactly_24_hours(minutes, expected):
    assert (
        contacts([*exchange("a"), said("a", minutes, "customer", "hello again, what now")])
        == expected
    )


def test_idle_gap_follows_the_channel():
    events = [*exchange("a", channel="email"), said("a", 50 * 60, "customer", "any news here")]
    assert contacts(events) == [(1, 2)]
    short = Settings(conversation=ConversationSection(idle_gap_by_channel={"email": "2h"}))
    assert contacts(events, settings=short) == [(1, 1), (2, 1)]


def test_message_after_a_close_starts_a_contact_and_only_once():
    events = [
        *exchange("a"),
        closed("a", 5),
        said("a", 30, "customer", "another thing please"),
        said("a", 31, "ai_agent"),
        said("a", 32, "customer", "and one more detail"),
    ]
    assert contacts(events) == [(1, 1), (2, 2)]
    first = one(events, "a")
    assert first["ended_at"] == at(5)
    assert first["thread_return_at"] == at(30)
    assert first["returned_24h"] is True
    assert first["reopened_24h"] is True


@pytest.mark.parametrize(
    ("minute", "text", "expected"),
    [
        (30, "thanks", [(1, 2)]),
        (30, "that worked", [(1, 2)]),
        (30, "it is wrong", [(1, 1), (2, 1)]),
        (5 + 24 * 60, "thanks", [(1, 1), (2, 1)]),
    ],
)
def test_thanks_within_a_day_of_the_close_belong_to_it(minute, text, expected):
    events = [*exchange("a"), closed("a", 5), said("a", minute, "customer", text)]
    assert contacts(events) == expected
    if text in ("thanks", "that worked"):
        assert one(events, "a")["thread_return_at"] is None


def test_question_after_thanks_after_a_close_starts_a_contact():
    events = [
        *exchange("a"),
        closed("a", 5),
        said("a", 6, "customer", "thanks"),
        said("a", 40, "customer", "now something else entirely"),
    ]
    assert contacts(events) == [(1, 2), (2, 1)]
    assert one(events, "a")["reply_class"] == "gratitude"


def test_internal_notes_and_system_messages_make_no_contact():
    events = [
        *exchange("a"),
        said("a", 3 * 24 * 60, "human_agent", is_public=False),
        said("a", 4 * 24 * 60, "system"),
    ]
    assert contacts(events) == [(1, 1)]


@pytest.mark.parametrize(
    ("after", "inside"), [(72 * HOUR - 1, True), (72 * HOUR, False), (72 * HOUR + 1, False)]
)
def test_windows_are_closed_open(after, inside):
    minute = 1 + after / MINUTE
    events = [
        *exchange("a", customer_id="p"),
        thread("b", minute=minute, customer_id="p", channel="email"),
        {**said("b", 0, "customer", "the bill again"), "occurred_at": at(1) + after},
    ]
    row = one(events, "a")
    assert row["return_delay_us"] == after
    assert row["returned_72h"] is inside
    assert row["returned_7d"] is True
    assert row["return_channel"] == "email"
    assert row["true_resolution"] is (not inside)


@pytest.mark.parametrize(("missing", "expected"), [(0, False), (1, None)])
def test_window_is_unknown_until_it_has_passed_inside_coverage(missing, expected):
    end = at(1) + 72 * HOUR - missing
    assert one(exchange("a"), "a", as_of=end)["returned_72h"] is expected
    assert one(exchange("a"), "a", covered_until=end)["returned_72h"] is expected
    slow = {"desk": LATE, "mail": end}
    both = [*exchange("a"), *exchange("z", source="mail")]
    assert one(both, "a", covered_until=slow)["returned_72h"] is expected


def test_return_is_known_even_before_the_window_has_passed():
    events = [
        *exchange("a", customer_id="p"),
        *exchange("b", minute=40 * 60, customer_id="p"),
    ]
    row = one(events, "a", as_of=at(41 * 60))
    assert row["returned_72h"] is True
    assert row["returned_24h"] is False


def test_nothing_after_as_of_is_seen():
    events = [*exchange("a", customer_id="p"), *exchange("b", minute=40 * 60, customer_id="p")]
    rows = facts(events, as_of=at(39 * 60))["conversation"]
    assert [row["thread_id"] for row in rows] == ["a"]
    assert rows[0]["return_at"] is None


def test_anonymous_customer_is_known_to_return_only_in_the_thread():
    alone = one(exchange("a", customer_id=None), "a")
    assert (alone["returned_72h"], alone["reopened_72h"], alone["customer_known"]) == (
        None,
        False,
        False,
    )
    assert alone["true_resolution"] is None
    assert alone["person_key"] == alone["conversation_key"]
    back = [*exchange("a", customer_id=None), said("a", 40 * 60, "customer", "still the bill")]
    assert one(back, "a")["returned_72h"] is True


def test_contact_of_unknown_issue_leaves_the_return_unknown():
    events = [
        *exchange("a", customer_id="p"),
        *exchange("b", minute=40 * 60, customer_id="p", intent_id=None),
    ]
    row = one(events, "a")
    assert row["unknown_issue_contact_at"] == at(40 * 60)
    assert (row["returned_24h"], row["returned_48h"], row["returned_72h"]) == (False, None, None)


def test_other_issue_is_no_return_but_an_explicit_link_is():
    events = [
        *exchange("a", customer_id="p"),
        *exchange("b", minute=40 * 60, customer_id="p", intent_id="login"),
    ]
    assert one(events, "a")["returned_72h"] is False
    link = {
        "type": "link", "source": "desk", "occurred_at": at(40 * 60), "link_id": "l",
        "from_thread_id": "b", "to_thread_id": "a", "kind": "followup",
    }  # fmt: skip
    assert one([*events, link], "a")["return_at"] == at(40 * 60)


def test_bare_thanks_on_another_channel_is_no_return():
    events = [
        *exchange("a", customer_id="p"),
        thread("b", minute=600, customer_id="p"),
        said("b", 600, "customer", "thanks"),
    ]
    assert one(events, "a")["return_at"] is None


def test_going_on_in_a_parallel_thread_is_a_return():
    events = [
        thread("b", minute=-10, customer_id="p", channel="email"),
        said("b", -10, "customer", "the bill by mail"),
        *exchange("a", customer_id="p"),
        said("b", 90, "customer", "no answer here yet"),
    ]
    assert one(events, "a")["return_at"] == at(90)


def identity(customer: str, alias: str, minute: float = 0, *, removed: bool = False):
    return {
        "type": "identity", "source": "desk", "occurred_at": at(minute),
        "identity_id": f"{customer}{alias}{minute}", "customer_id": customer, "alias_kind": "email",
        "alias": alias, "is_removed": removed,
    }  # fmt: skip


def test_people_are_stitched_along_chains_and_removed_aliases_join_nobody():
    events = [
        *exchange("a", customer_id="p1"),
        *exchange("b", minute=600, customer_id="p3"),
        identity("p1", "x"), identity("p2", "x"), identity("p2", "y"), identity("p3", "y"),
    ]  # fmt: skip
    rows = {row["thread_id"]: row for row in facts(events)["conversation"]}
    assert rows["a"]["person_key"] == rows["b"]["person_key"]
    assert rows["a"]["bucket"] == rows["b"]["bucket"]
    assert rows["a"]["returned_24h"] is True
    parted = [*events, identity("p2", "y", 5, removed=True)]
    rows = {row["thread_id"]: row for row in facts(parted)["conversation"]}
    assert rows["a"]["person_key"] != rows["b"]["person_key"]
    assert rows["a"]["returned_24h"] is False


def test_journeys_stitch_contacts_with_gaps_under_seven_days():
    week = 7 * 24 * 60
    events = [
        *exchange("a", customer_id="p"),
        *exchange("b", minute=week, customer_id="p", channel="email"),
        *exchange("c", minute=2 * week + 1, customer_id="p"),
    ]
    rows = facts(events)["journey"]
    assert [(row["journey_id"], row["contacts"], row["channels"]) for row in rows] == [
        ("a#1", 2, 2),
        ("c#1", 1, 1),
    ]
    first = rows[0]
    assert (first["repeat_3d"], first["repeat_7d"], first["channel_switched"]) == (
        False,
        True,
        True,
    )
    assert (first["path"], first["resolved_at_last"]) == ("ai_only", True)
    assert rows[1]["repeat_7d"] is False


def test_synthetic_time_gives_no_duration_and_no_window():
    row = one(exchange("a", extra='{"synthetic_time": true}'), "a")
    empty = [
        name
        for name in row
        if name.endswith("_us") or name.startswith(("returned_", "reopened_", "window_open_"))
    ]
    assert len(empty) >= 18
    assert {name: row[name] for name in empty} == dict.fromkeys(empty)
    assert row["is_synthetic_time"] is True
    assert row["day"] == BEGAN // DAY
    assert row["true_resolution"] is None


def test_reporting_day_follows_the_zone():
    evening = [*exchange("a", minute=(DAY - BEGAN % DAY) / MINUTE - 30)]
    assert one(evening, "a")["day"] == BEGAN // DAY
    east = Settings(workspace=WorkspaceSection(timezone="Europe/Berlin"))
    assert one(evening, "a", settings=east)["day"] == BEGAN // DAY + 1


def test_counts_split_at_the_contact_and_handoffs_go_to_theirs():
    events = [
        *exchange("a"),
        closed("a", 5),
        said("a", 60, "customer", "a new thing please"),
        event("handoff", "a", 61, from_actor="ai_agent", to_actor="human_agent", reason="policy",
              is_planned=False, is_failed=False),
        said("a", 65, "human_agent"),
    ]  # fmt: skip
    first, second = one(events, "a"), one(events, "a", 2)
    assert (first["escalated"], first["path"], first["human_messages"]) == (False, "ai_only", 0)
    assert (second["escalated"], second["path"], second["human_messages"]) == (
        True,
        "human_only",
        1,
    )
    assert second["conversation_id"] == "a#2"
    assert second["conversation_key"] != first["conversation_key"] == first["thread_key"]

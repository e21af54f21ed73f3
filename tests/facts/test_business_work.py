"""Work of human agents and the help they take: stories with the rows they must give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from candor.workspace import HumanAgent

from .ledger import DAY, built, picked
from .story import BEGAN, event, said, thread


def test_minutes_of_people_are_paid_or_not():
    def minutes(thread_id, **fields):
        base = {"kind": "human_minutes", "quantity": 6, "unit": "minute", "amount": "3"}
        return event("cost", thread_id, 4, **{**base, "currency": "USD", **fields})

    events = []
    for name in "abcd":
        events += [
            thread(name),
            said(name, 0, "customer"),
            said(name, 1, "human_agent", actor_id="h"),
        ]
    events += [minutes("a"), minutes("b", currency="EUR"), minutes("c", amount="0")]
    rows = built(events, "human_contact")
    assert picked(rows, "human_minutes", "human_amount") == [
        (6, 3),
        (6, None),
        (6, 0),
        (None, None),
    ]


HELP = [
    (["rejected"], (1, 0, 0, "unassisted", "rejected")),
    (["ignored"], (1, 0, 0, "unassisted", "rejected")),
    (["accepted"], (1, 1, 1, "assisted", "accepted")),
    ([("edited", 0.5)], (1, 1, 1, "assisted", "accepted")),
    ([("edited", 0.4)], (1, 1, 0, "unassisted", "accepted")),
    ([("edited", None)], (1, 1, 0, None, "accepted")),
    (["accepted", "rejected"], (2, 1, 1, "assisted", "mixed")),
    ([], (0, 0, 0, "unassisted", None)),
]


def test_help_given_to_a_human_agent():
    events = []
    for number, (shown, _) in enumerate(HELP):
        name = f"t{number}"
        events += [
            thread(name),
            said(name, 0, "customer"),
            said(name, 1, "human_agent", actor_id="h1"),
        ]
        for place, one in enumerate(shown):
            decision, kept = one if isinstance(one, tuple) else (one, None)
            events.append(
                event("suggestion", name, place, suggestion_id=f"{name}{place}", human_agent_id="h1",
                      kind="draft", decision=decision, retained_share=kept)
            )  # fmt: skip
    names = ("suggestions", "suggestions_used", "suggestions_material", "assistance", "guidance")
    assert picked(built(events, "human_contact"), *names) == [expected for _, expected in HELP]


def test_nobody_is_known_to_work_without_help_where_none_is_recorded():
    events = [thread("a"), said("a", 0, "customer"), said("a", 1, "human_agent", actor_id="h1")]
    assert picked(built(events, "human_contact"), "suggestions", "assistance") == [(0, None)]


def test_the_human_agent_of_a_conversation_and_their_day():
    agents = (
        HumanAgent(human_agent_id="h1", team="blue", started_on="2026-05-01", cost_per_hour=36.5),
    )
    events = [
        thread("a"), said("a", 0, "customer"),
        said("a", 1, "human_agent", actor_id="h2"), said("a", 3, "human_agent", actor_id="h1"),
        thread("b"), said("b", 0, "customer"), said("b", 2, "human_agent", actor_id="h1"),
        said("b", 4, "human_agent", actor_id="h2"), said("b", 5, "human_agent", actor_id="h2"),
        thread("c", minute=3 * DAY, customer_id="who-c"), said("c", 3 * DAY, "customer"),
        said("c", 3 * DAY + 1, "human_agent", actor_id="h1"),
        said("c", 4 * DAY + 1, "customer", "still late"), said("c", 4 * DAY + 5, "human_agent", actor_id="h2"),
        thread("d", is_test=True), said("d", 0, "customer"), said("d", 1, "human_agent", actor_id="h1"),
        thread("e"), said("e", 0, "customer"), said("e", 1, "human_agent"),
        event("cost", "a", 4, kind="human_minutes", quantity=6, unit="minute", amount="0", currency="USD"),
    ]  # fmt: skip
    rows = built(events, "human_contact", human_agents=agents)
    names = (
        "conversation_id",
        "human_agent_id",
        "human_agents",
        "handle_us",
        "team",
        "tenure_band",
    )
    assert picked(rows, *names) == [
        ("a#1", "h1", 2, 120_000_000, "blue", "under_90d"),
        ("b#1", "h2", 2, 180_000_000, None, None),
        ("c#1", "h1", 1, None, "blue", "under_90d"),
        ("c#2", "h2", 1, None, None, None),
        ("d#1", "h1", 1, None, "blue", "under_90d"),
        ("e#1", None, 0, None, None, None),
    ]
    assert picked(rows[:1], "hourly_cost", "human_minutes", "solved") == [
        (Decimal("36.5"), 6, True)
    ]
    days = built(events, "agent_work", human_agents=agents)
    first = (BEGAN // 1_000_000) // 86_400
    assert picked(
        days,
        "human_agent_id",
        "day",
        "conversations",
        "solved",
        "solved_known",
        "handle_us",
        "handled",
    ) == [
        ("h1", first, 1, 1, 1, 120_000_000, 1),
        ("h1", first + 3, 1, 0, 1, 0, 0),
        ("h2", first, 1, 1, 1, 180_000_000, 1),
        ("h2", first + 4, 1, 1, 1, 0, 0),
    ]


def test_bands_of_tenure():
    began = datetime.fromtimestamp(BEGAN / 1e6, tz=UTC).date()
    bands = {89: "under_90d", 90: "90d_to_1y", 364: "90d_to_1y", 365: "over_1y", -1: None}
    agents, events = [], []
    for days in bands:
        since = (began - timedelta(days=days)).isoformat()
        agents.append(HumanAgent(human_agent_id=f"h{days}", started_on=since))
        name = f"t{days}"
        events += [thread(name), said(name, 0, "customer")]
        events.append(said(name, 1, "human_agent", actor_id=f"h{days}"))
    rows = built(events, "human_contact", human_agents=agents)
    assert {int(row["human_agent_id"][1:]): row["tenure_band"] for row in rows} == bands

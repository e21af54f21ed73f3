"""Small but nasty event sets about money and accounts for Hypothesis, around a few made-up threads.

Two charges at one instant, credits before charges, contacts reopened between periods, unknown threads
and customers, records at the edge of every window, accounts that change currency or leave, acts with
and without what makes them material. Instants are integer microseconds.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .strategies import START
from .timeline import DAY, HOUR

Event = dict[str, Any]
EDGES = (
    0,
    1,
    HOUR,
    DAY,
    3 * DAY - 1,
    3 * DAY,
    7 * DAY - 1,
    7 * DAY,
    30 * DAY - 1,
    30 * DAY,
    90 * DAY,
)
CUSTOMERS = ("ann", "bob", None)
AMOUNTS = ("0", "1", "2.5", "7")
CURRENCIES = ("USD", "USD", "USD", "EUR")


def _at(draw: st.DrawFn) -> int:
    return START + draw(st.sampled_from(EDGES)) + draw(st.sampled_from((-1, 0, 1, DAY)))


def _event(kind: str, source: str, at: int, /, **values: Any) -> Event:
    return {"type": kind, "source": source, "occurred_at": at, "revision": 0, **values}


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Event], int]:
    """Events and the instant up to which they are read."""
    events: list[Event] = []
    names = [f"t{number}" for number in range(draw(st.integers(1, 3)))]
    for name in names:
        events += _thread(draw, name)
    makers = (_line, _line, _claim, _record, _record, _act, _account, _suggestion, _cost)
    for number in range(draw(st.integers(2, 14))):
        events.append(draw(st.sampled_from(makers))(draw, f"x{number}", names))
    return events, START + draw(st.sampled_from((DAY, 8 * DAY, 40 * DAY, 200 * DAY)))


def _thread(draw: st.DrawFn, name: str) -> list[Event]:
    at = _at(draw)
    events = [
        _event(
            "conversation", "desk", at, thread_id=name, started_at=at, channel="chat",
            customer_id=draw(st.sampled_from(CUSTOMERS)), account_id=draw(st.sampled_from(("acme", None))),
            intent_id=draw(st.sampled_from(("bill", "bill", None))), ai_agent_id="bot",
            is_test=draw(st.sampled_from((False,) * 4 + (True,))), is_spam=False,
            attributes=draw(st.sampled_from((None,) * 6 + ({"synthetic_time": True},))),
        )
    ]  # fmt: skip
    for number in range(draw(st.integers(1, 5))):
        at += draw(st.sampled_from((1, HOUR, DAY, 2 * DAY, 4 * DAY)))
        actor = draw(st.sampled_from(("customer", "customer", "ai_agent", "human_agent")))
        kind = "answer" if actor == "ai_agent" else None
        who = draw(st.sampled_from(("h1", "h2", None))) if actor == "human_agent" else None
        events.append(
            _event("message", "desk", at, message_id=f"{name}-{number}", thread_id=name, actor=actor,
                   is_public=draw(st.sampled_from((True, True, True, False))), text="where is it",
                   kind=kind, actor_id=who)
        )  # fmt: skip
    if draw(st.booleans()):
        events.append(
            _event("handoff", "desk", at, handoff_id=name, thread_id=name, from_actor="ai_agent",
                   to_actor="human_agent", is_planned=False, is_failed=False)
        )  # fmt: skip
    return events


def _some(draw: st.DrawFn, names: list[str]) -> str | None:
    return draw(st.sampled_from((*names, *names, "gone", None)))


def _line(draw: st.DrawFn, name: str, names: list[str]) -> Event:
    start = START + draw(st.sampled_from((-30 * DAY, 0, 0, 3 * DAY, 4 * DAY, 30 * DAY)))
    return _event(
        "invoice_line", "bill", START + draw(st.sampled_from((0, DAY, DAY))), invoice_id="inv",
        line=name, vendor=draw(st.sampled_from(("v", "v", "w"))), period_start=start,
        period_end=start + 30 * DAY, thread_id=_some(draw, names),
        outcome_billed=draw(st.sampled_from(("Resolution", "outcome", "session"))),
        amount=draw(st.sampled_from((*AMOUNTS, *AMOUNTS, "-2", "-3"))),
        currency=draw(st.sampled_from(CURRENCIES)),
    )  # fmt: skip


def _claim(draw: st.DrawFn, name: str, names: list[str]) -> Event:
    return _event(
        "claim", "desk", _at(draw), claim_id=name, thread_id=_some(draw, names) or "gone",
        claimant=draw(st.sampled_from(("v", "w"))), raw_value="r",
        claimed=draw(st.sampled_from(("resolved_assumed", "resolved_confirmed", "none", None))),
        is_billable=draw(st.sampled_from((True, None))),
        amount=draw(st.sampled_from((None, "1"))), currency=draw(st.sampled_from((None, "USD", "EUR"))),
    )  # fmt: skip


def _record(draw: st.DrawFn, name: str, names: list[str]) -> Event:
    return _event(
        "confirmation", "shop", _at(draw), confirmation_id=name, thread_id=_some(draw, names),
        customer_id=draw(st.sampled_from(CUSTOMERS)), account_id=draw(st.sampled_from(("acme", None))),
        system="shop", supports=draw(st.sampled_from(("neutral", "neutral", "contradicts", "confirms"))),
        kind=draw(st.sampled_from(
            ("order_shipped", "payment_received", "repurchase", "renewal", "refund_issued", "churn",
             "account_closed", "complaint")
        )),
        amount=draw(st.sampled_from((*AMOUNTS, None))), currency=draw(st.sampled_from((*CURRENCIES, None))),
    )  # fmt: skip


def _act(draw: st.DrawFn, name: str, _names: list[str]) -> Event:
    at = _at(draw)
    return _event(
        "intervention", "crm", at, intervention_id=name, account_id=draw(st.sampled_from(("acme", "zeta"))),
        kind="call", trigger=draw(st.sampled_from((None, "x1", "x2", "x3"))),
        ai_role=draw(st.sampled_from(("none", "drafted", "surfaced_signal", "recommended", "acted"))),
        retained_share=draw(st.sampled_from((None, 0.5, 0.499, 1.0))),
        outcome=draw(st.sampled_from(("succeeded", "failed", "open", None))),
        outcome_at=draw(st.sampled_from((None, at + DAY, at + 7 * DAY - 1, at + 7 * DAY))),
    )  # fmt: skip


def _account(draw: st.DrawFn, name: str, _names: list[str]) -> Event:
    at = START + draw(st.sampled_from((-200, -100, -40, 0, 40, 61, 100))) * DAY + int(name[1:])
    return _event(
        "account", "crm", at, account_id=draw(st.sampled_from(("acme", "acme", "zeta"))),
        status=draw(st.sampled_from(("active", "active", "active", "churned"))),
        annual_revenue=draw(st.sampled_from((None, "100", "250", "80"))),
        currency=draw(st.sampled_from((*CURRENCIES, None))), segment=draw(st.sampled_from((None, "smb", "ent"))),
        renewal_at=draw(st.sampled_from((None, START + 61 * DAY, START + 100 * DAY))),
    )  # fmt: skip


def _suggestion(draw: st.DrawFn, name: str, names: list[str]) -> Event:
    at = _at(draw)
    return _event(
        "suggestion", draw(st.sampled_from(("desk", "crm"))), at, suggestion_id=name,
        thread_id=_some(draw, names), human_agent_id="h1", kind="draft",
        decision=draw(st.sampled_from(("accepted", "edited", "edited", "rejected", "ignored"))),
        decided_at=draw(st.sampled_from((None, at, at + 7 * DAY))),
        retained_share=draw(st.sampled_from((None, 0.5, 0.4))),
    )  # fmt: skip


def _cost(draw: st.DrawFn, name: str, names: list[str]) -> Event:
    return _event(
        "cost", "desk", _at(draw), cost_id=name, thread_id=_some(draw, names),
        kind=draw(st.sampled_from(("human_minutes", "human_minutes", "ai_usage", "overhead"))),
        quantity=draw(st.sampled_from((1.0, 2.5))), unit="minute", amount=draw(st.sampled_from(AMOUNTS)),
        currency=draw(st.sampled_from(CURRENCIES)),
    )  # fmt: skip

"""A second, slow reading of the facts about money and accounts: plain loops over plain events.

Takes the conversation facts as given (they have an oracle of their own) and nothing else of what SQL
made. Shares no code with the facts; amounts are decimals, instants integer microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from .timeline import DAY

Row = dict[str, Any]
OURS = "USD"


def contact_of(conversations: list[Row], thread: str | None, at: int) -> Row | None:
    """The contact of a thread that was running at an instant, or the last one before."""
    mine = sorted(
        (row for row in conversations if row["thread_id"] == thread),
        key=lambda row: row["conversation_no"],
    )
    found = None
    for row in mine:
        if row["conversation_no"] == 1 or row["started_at"] <= at:
            found = row
    return found


def dec(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def of_kind(events: list[Row], kind: str, as_of: int) -> list[Row]:
    return [event for event in events if event["type"] == kind and event["occurred_at"] <= as_of]


def claims(
    events: list[Row], conversations: list[Row], as_of: int, keys: dict[Any, int]
) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    told = of_kind(events, "claim", as_of)
    newest: dict[Any, tuple[int, int, str]] = {}
    for event in told:
        contact = contact_of(conversations, event["thread_id"], event["occurred_at"])
        number = 1 if contact is None else contact["conversation_no"]
        place = (event["thread_id"], number, event["claimant"])
        mine = (event["occurred_at"], keys["claim", event["claim_id"]], event["claim_id"])
        newest[place] = max(newest.get(place, mine), mine)
        resolved = (
            None
            if event["claimed"] is None
            else event["claimed"] in ("resolved_assumed", "resolved_confirmed")
        )
        held = None
        if resolved and contact is not None:
            if contact["contradicted"] or contact["returned_72h"]:
                held = False
            elif contact["confirmed"] or contact["returned_72h"] is False:
                held = True
        rows[event["claim_id"]] = {
            "conversation_key": contact and contact["conversation_key"],
            "claimed_resolved": resolved, "claim_held": held,
            "in_currency": None if event["amount"] is None else event["currency"] in (None, OURS),
        }  # fmt: skip
    latest = {entry[2] for entry in newest.values()}
    for name, row in rows.items():
        row["is_latest"] = name in latest
    return rows


def interventions(events: list[Row], as_of: int) -> dict[str, Row]:
    rows = {}
    suggestions = of_kind(events, "suggestion", as_of)
    snapshots = of_kind(events, "account", as_of)
    for act in of_kind(events, "intervention", as_of):
        at, role, share = act["occurred_at"], act["ai_role"], act["retained_share"]
        ended = (
            act["outcome_at"]
            if act["outcome_at"] is not None and act["outcome_at"] <= as_of
            else None
        )
        outcome = act["outcome"]
        if outcome in ("succeeded", "failed") and act["outcome_at"] is not None and ended is None:
            outcome = "open"
        shown = [
            s
            for s in suggestions
            if s["suggestion_id"] == act["trigger"] and s["source"] == act["source"]
        ]
        acted_on: bool | None = None
        if role in ("surfaced_signal", "recommended"):
            if shown:
                acted_on = any(
                    s["decision"] in ("accepted", "edited")
                    and (s["decided_at"] if s["decided_at"] is not None else at) - s["occurred_at"]
                    < 7 * DAY
                    for s in shown
                )
            elif outcome in ("succeeded", "failed"):
                acted_on = None if ended is None else ended - at < 7 * DAY
            elif at + 7 * DAY <= as_of:
                acted_on = False
        kept = None if share is None else share >= 0.5
        material = {
            "none": False, "acted": kept is not False, "drafted": kept,
            "surfaced_signal": True if kept else acted_on, "recommended": True if kept else acted_on,
        }[role]  # fmt: skip
        known = [
            s for s in snapshots if s["account_id"] == act["account_id"] and s["occurred_at"] <= at
        ]
        known.sort(key=lambda s: s["occurred_at"])
        currency = next((s["currency"] for s in reversed(known) if s["currency"]), OURS)
        rows[act["intervention_id"]] = {
            "is_acted_on": acted_on, "is_material": material, "outcome": outcome,
            "has_succeeded": {"succeeded": True, "failed": False}.get(outcome),
            "account_segment": next((s["segment"] for s in reversed(known) if s["segment"]), None),
            "in_currency": currency == OURS, "is_window_open": at + 7 * DAY > as_of,
        }  # fmt: skip
    return rows


GAINS = ("order_shipped", "payment_received", "repurchase", "renewal", "expansion")
LOSSES = ("refund_issued", "contraction", "churn", "account_closed")


def revenues(
    events: list[Row],
    conversations: list[Row],
    as_of: int,
    person: dict[str, int],
    account: dict[str, int],
) -> dict[str, Row]:
    told = [
        event
        for event in of_kind(events, "confirmation", as_of)
        if event["amount"] is not None and event["kind"] in GAINS + LOSSES
    ]
    rows: dict[str, Row] = {}
    for event in told:
        contact = contact_of(conversations, event["thread_id"], event["occurred_at"])
        who = person.get(event["customer_id"] or "")
        if who is None and contact is not None:
            who = contact["person_key"]
        if who is None and event["account_id"] is not None:
            who = account[event["account_id"]]
        link = None if contact is None else "thread"
        if event["thread_id"] is None and who is not None:
            before = [
                row
                for row in conversations
                if row["person_key"] == who and row["engaged"] and not row["is_synthetic_time"]
                and row["started_at"] <= event["occurred_at"] < row["started_at"] + 30 * DAY
            ]  # fmt: skip
            if before:
                contact = max(before, key=lambda row: (row["started_at"], row["conversation_key"]))
                link = "last_touch"
        rows[event["confirmation_id"]] = {
            "link": link, "who": who, "event": event, "contact": contact,
            "conversation_key": contact and contact["conversation_key"],
            "in_currency": event["currency"] in (None, OURS), "customer_known": who is not None,
        }  # fmt: skip
    for row in rows.values():
        event, amount = row["event"], abs(Decimal(row["event"]["amount"]))
        row["is_same_sale"] = event["kind"] == "order_shipped" and any(
            other["event"]["kind"] == "payment_received"
            and abs(Decimal(other["event"]["amount"])) == amount
            and other["event"]["currency"] == event["currency"]
            and other["who"] is not None
            and other["who"] == row["who"]
            and abs(other["event"]["occurred_at"] - event["occurred_at"]) < 30 * DAY
            for other in rows.values()
        )
        sign = 1 if event["kind"] in GAINS else -1
        row["net_amount"] = Decimal(0) if row["is_same_sale"] else sign * amount
        contact = row["contact"]
        late = (
            None
            if contact is None or contact["is_synthetic_time"]
            else event["occurred_at"] - contact["started_at"]
        )
        row["touch_us"] = late if late is not None and late >= 0 else None
    return rows


def worths(rows: dict[str, Row], conversations: list[Row], as_of: int) -> dict[int, Row]:
    found = {}
    if not rows:
        return found
    for contact in conversations:
        if not contact["engaged"]:
            continue
        mine = [
            row for row in rows.values()
            if row["conversation_key"] == contact["conversation_key"] and not row["is_same_sale"]
        ]  # fmt: skip
        line: Row = {"is_mixed": any(not row["in_currency"] for row in mine)}
        for days in (3, 7, 30):
            inside = [r for r in mine if r["touch_us"] is not None and r["touch_us"] < days * DAY]
            is_known = (
                contact["customer_known"]
                and not contact["is_synthetic_time"]
                and contact["started_at"] + days * DAY <= as_of
            )
            line[f"revenue_{days}d"] = (
                sum((r["net_amount"] for r in inside), Decimal(0)) if is_known else None
            )
            if days == 7:
                line["records_7d"] = len(inside) if is_known else None
        found[contact["conversation_key"]] = line
    return found


def human_contacts(events: list[Row], conversations: list[Row], as_of: int) -> dict[int, Row]:
    wrote: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for event in of_kind(events, "message", as_of):
        if event["actor"] == "human_agent" and event["is_public"] and event["actor_id"]:
            contact = contact_of(conversations, event["thread_id"], event["occurred_at"])
            if contact is not None:
                wrote[contact["conversation_key"]][event["actor_id"]] += 1
    helped: dict[int, list[Row]] = defaultdict(list)
    suggestions = of_kind(events, "suggestion", as_of)
    for event in suggestions:
        contact = contact_of(conversations, event["thread_id"], event["occurred_at"])
        if contact is not None:
            helped[contact["conversation_key"]].append(event)
    paid: dict[int, list[Row]] = defaultdict(list)
    for event in of_kind(events, "cost", as_of):
        contact = contact_of(conversations, event["thread_id"], event["occurred_at"])
        if contact is not None and event["kind"] == "human_minutes":
            paid[contact["conversation_key"]].append(event)
    rows = {}
    for contact in conversations:
        if not contact["human_involved"]:
            continue
        key = contact["conversation_key"]
        ranking = sorted(wrote[key].items(), key=lambda pair: (-pair[1], pair[0]))
        used = [s for s in helped[key] if s["decision"] in ("accepted", "edited")]
        material = [
            s for s in used
            if s["decision"] == "accepted" or (s["retained_share"] is not None and s["retained_share"] >= 0.5)
        ]  # fmt: skip
        vague = [s for s in used if s["decision"] == "edited" and s["retained_share"] is None]
        assistance = "assisted" if material else None if vague or not suggestions else "unassisted"
        guidance = None
        if helped[key]:
            guidance = (
                "accepted" if len(used) == len(helped[key]) else "mixed" if used else "rejected"
            )
        money = {event["currency"] for event in paid[key]}
        rows[key] = {
            "human_agent_id": ranking[0][0] if ranking else None, "human_agents": len(ranking),
            "suggestions": len(helped[key]), "suggestions_used": len(used),
            "suggestions_material": len(material), "assistance": assistance, "guidance": guidance,
            "human_amount": sum((Decimal(e["amount"]) for e in paid[key]), Decimal(0)) if money == {OURS} else None,
        }  # fmt: skip
    return rows


def account_periods(
    events: list[Row], conversations: list[Row], as_of: int, quarters: list[tuple[int, int, int | None]],
    order: dict[Any, int],
) -> dict[tuple[str, int], Row]:  # fmt: skip
    """Rows by account and first day; ``quarters`` are (day, first instant, end or None)."""
    rows = {}
    acts = interventions(events, as_of)
    seen = of_kind(events, "account", as_of)
    for day, starts, ends in quarters:
        for name in sorted({one["account_id"] for one in seen}):
            mine = [one for one in seen if one["account_id"] == name]
            mine.sort(
                key=lambda one: (one["occurred_at"], order["account", name, one["occurred_at"]])
            )
            before = [one for one in mine if one["occurred_at"] <= starts]
            if not before or before[-1]["status"] != "active":
                continue
            first = before[-1]
            is_open = ends is None or ends > as_of
            churned: bool | None = None
            revenue_end: Decimal | None = None
            if not is_open:
                last = [one for one in mine if one["occurred_at"] <= ends][-1]
                churned = last["status"] == "churned" or any(
                    e["kind"] in ("churn", "account_closed") and e["account_id"] == name
                    and starts <= e["occurred_at"] < ends
                    for e in of_kind(events, "confirmation", as_of)
                )  # fmt: skip
                if churned:
                    revenue_end = Decimal(0)
                elif last["currency"] == first["currency"]:
                    revenue_end = dec(last["annual_revenue"])
            start = dec(first["annual_revenue"])
            renewal = None
            if first["renewal_at"] is not None and ends is not None:
                renewal = starts <= first["renewal_at"] < ends
            elif first["renewal_at"] is not None and first["renewal_at"] < starts:
                renewal = False
            helps = [
                acts[act["intervention_id"]]["is_material"]
                for act in of_kind(events, "intervention", as_of)
                if act["account_id"] == name and starts - 90 * DAY <= act["occurred_at"] < starts
            ]
            if not helps:
                assistance: str | None = "none"
            elif True in helps:
                assistance = "assisted"
            else:
                assistance = None if None in helps else "unassisted"
            rows[name, day] = {
                "is_open": is_open, "has_churned": churned, "revenue_start": start,
                "revenue_end": revenue_end,
                "revenue_kept": None if start is None or revenue_end is None else min(start, revenue_end),
                "renewal_due": renewal, "assistance": assistance, "interventions": len(helps),
                "has_renewed": None if not renewal or churned is None else not churned,
                "in_currency": first["currency"] in (None, OURS),
                "contacts": sum(
                    row["account_id"] == name and row["engaged"] and not row["is_test"]
                    and starts - 90 * DAY <= row["started_at"] < starts
                    for row in conversations
                ),
            }  # fmt: skip
    return rows

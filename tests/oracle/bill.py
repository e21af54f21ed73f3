"""A second, slow reading of invoices: which contact a charge is held against, and what speaks against it.

Takes the conversation facts as given. Shares no code with the facts; amounts are decimals.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from .business import Row, of_kind
from .timeline import HOUR


def invoice_lines(
    events: list[Row], conversations: list[Row], as_of: int, keys: dict[Any, int]
) -> dict[str, Row]:
    lines = of_kind(events, "invoice_line", as_of)
    order = {line["line"]: keys["invoice_line", line["line"]] for line in lines}
    threads = {row["thread_id"] for row in conversations}
    charges = [line for line in lines if Decimal(line["amount"]) >= 0 and line["thread_id"]]
    bears: dict[str, Row | None] = {}
    place_of: dict[str, int] = {}
    together = defaultdict(list)
    for line in charges:
        together[
            line["vendor"], line["thread_id"], line["period_start"], line["period_end"]
        ].append(line)
    for (_, thread, _, end), group in together.items():
        group.sort(key=lambda line: (-line["occurred_at"], -order[line["line"]]))
        mine = [
            row for row in conversations if row["thread_id"] == thread and row["started_at"] < end
        ]
        mine.sort(
            key=lambda row: (not row["ai_involved"], -row["started_at"], -row["conversation_key"])
        )
        for place, line in enumerate(group):
            place_of[line["line"]] = place
            bears[line["line"]] = mine[place] if place < len(mine) else None
    seen = set()
    second = set()
    for line in sorted(
        charges, key=lambda line: (line["period_start"], line["occurred_at"], order[line["line"]])
    ):
        contact = bears[line["line"]]
        if contact is None:
            continue
        billed = (line["vendor"], contact["conversation_key"])
        if billed in seen:
            second.add(line["line"])
        seen.add(billed)
    rows = {}
    for line in lines:
        name, amount = line["line"], Decimal(line["amount"])
        word = line["outcome_billed"].lower()
        is_resolution = any(part in word for part in ("resol", "deflect", "outcome"))
        status, reason = _status(
            line, bears.get(name), place_of.get(name, 0), name in second,
            is_resolution=is_resolution, is_known=line["thread_id"] in threads,
        )  # fmt: skip
        contact = bears.get(name)
        rows[name] = {
            "status": status, "reason": reason, "is_resolution": is_resolution,
            "conversation_key": contact and contact["conversation_key"],
            "is_disputed": {"disputed": True, "accepted": False}.get(status),
            "disputed_amount": {"disputed": amount, "accepted": Decimal(0)}.get(status),
            "unverifiable_amount": amount if status == "unverifiable" else Decimal(0),
        }  # fmt: skip
    _credit(lines, rows, order)
    return rows


def _status(
    line: Row,
    contact: Row | None,
    place: int,
    is_second: bool,
    *,
    is_resolution: bool,
    is_known: bool,
) -> tuple[str, str | None]:
    if Decimal(line["amount"]) < 0:
        return "credit", None
    if line["thread_id"] is None:
        return "unverifiable", "thread_missing"
    if not is_known:
        return "unverifiable", "thread_unknown"
    if contact is None:
        return "disputed", "outside_period" if place == 0 else "duplicate"
    if is_second:
        return "disputed", "duplicate"
    last = contact["last_activity_at"] or contact["started_at"]
    if last + 72 * HOUR <= line["period_start"]:
        return "disputed", "outside_period"
    if contact["is_test"]:
        return "disputed", "test"
    if not contact["ai_involved"]:
        return "disputed", "no_ai"
    if not is_resolution:
        return "accepted", "not_a_resolution"
    for name, reason in (("contradicted", "contradicted"), ("escalated", "escalated")):
        if contact[name]:
            return "disputed", reason
    if contact["returned_72h"] or contact["reopened_72h"]:
        return "disputed", "returned"
    if contact["confirmed"]:
        return "accepted", "confirmed"
    if contact["returned_72h"] is False:
        return "accepted", "assumed"
    if contact["is_open"] or contact["window_open_72h"]:
        return "unverifiable", "window_open"
    if not contact["customer_known"]:
        return "unverifiable", "identity_unknown"
    return "unverifiable", "undetermined"


def _credit(lines: list[Row], rows: dict[str, Row], order: dict[str, int]) -> None:
    purse: dict[Any, Decimal] = defaultdict(Decimal)
    for line in lines:
        if rows[line["line"]]["status"] == "credit" and line["thread_id"] is not None:
            purse[line["vendor"], line["thread_id"], line["currency"]] -= Decimal(line["amount"])
    for line in sorted(
        lines, key=lambda line: (line["period_start"], line["occurred_at"], order[line["line"]])
    ):
        row = rows[line["line"]]
        given = None if row["disputed_amount"] is None else Decimal(0)
        if row["status"] == "disputed":
            key = line["vendor"], line["thread_id"], line["currency"]
            given = min(purse[key], row["disputed_amount"])
            purse[key] -= given
        row["credited_amount"] = given
        row["recoverable_amount"] = None if given is None else row["disputed_amount"] - given

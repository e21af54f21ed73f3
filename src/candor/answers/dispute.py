"""The dispute file of an audited bill: one row per disputed line, with what a third party needs.

CSV for people, JSON with a digest over its rows for machines. Excerpts are the stored, redacted ones
and at most 200 characters; customers do not appear.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import candor
from candor import window
from candor.answers.resolution import BillAnswer, evidence
from candor.resolution import ladder

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TIMES = (
    "t_conversation_end", "t_last_ai_answer", "t_human_requested", "t_escalated", "t_human_reply",
    "t_same_thread_return", "t_person_return",
)  # fmt: skip
_LABEL = ("label_assessor", "label_version")
_CLAIM = {
    "raw_value": "vendor_claim_raw", "api_version": "claim_api_version",
    "occurred_at": "claim_observed_at",
}  # fmt: skip


def rows(answers: Answers, found: BillAnswer) -> list[dict[str, Any]]:
    """One row per disputed line."""
    rule = found.audit.rule
    disputed = [f for f in found.audit.findings if f.status == "disputed"]
    listed = []
    for number, one in enumerate(disputed, start=1):
        line, thread = one.line, one.thread
        row: dict[str, Any] = {
            "dispute_id": f"{line.invoice_id}-{number}", "invoice_id": line.invoice_id,
            "line": line.line, "vendor": line.vendor,
            "period_start": window.format_instant(line.period_start),
            "period_end": window.format_instant(line.period_end), "thread_id": line.thread_id or "",
            "vendor_ref": line.vendor_ref, "outcome_billed": line.outcome_billed,
            "amount": str(line.amount), "currency": line.currency, "status": one.status,
            "reason": one.reason, "requested_credit": str(one.requested),
            "rests_on_our_reading": one.is_assumed, "contract_rule_id": rule.id,
            "rule_version": rule.text.version, "rule_hash": rule.digest, "clause": one.words,
            "basis": "", "verdict": "", "outcome": "", "evaluated_at": "", "as_of": found.as_of,
        }  # fmt: skip
        row |= dict.fromkeys((*_TIMES, "reply_class", "explicit_feedback", "return_channel"), "")
        row |= {"ladder": {}, "evidence": []}
        row |= dict.fromkeys((*_LABEL, *_CLAIM.values()), "")
        if thread is not None:
            decision = thread.decision
            row |= {
                "basis": decision.line.basis if decision.line else "",
                "verdict": decision.verdict, "outcome": decision.outcome,
                "reply_class": thread.columns["reply_class"] or "",
                "explicit_feedback": thread.columns["explicit_feedback"] or "",
                "return_channel": thread.columns["return_channel"] or "",
                "ladder": {name: ladder.WORDS[code] for name, code in thread.rungs.items()},
                "evidence": list(evidence(answers, thread.columns["thread_key"])),
                "evaluated_at": _instant(thread.columns["evaluated_at"]),
                **{name: _instant(thread.columns[name]) for name in _TIMES},
                **{name: thread.columns.get(name) or "" for name in _LABEL},
            }  # fmt: skip
            if thread.claim is not None:
                told = {**thread.claim, "occurred_at": _instant(thread.claim["occurred_at"])}
                row |= {column: told[name] or "" for name, column in _CLAIM.items()}
        row |= dict.fromkeys(
            ("prepared_by", "released_by", "sent_at", "vendor_reply", "vendor_reply_at", "settled_amount"), ""
        )  # fmt: skip
        listed.append(row)
    return listed


def _instant(value: int | None) -> str:
    return "" if value is None else window.format_instant(value)


def as_json(answers: Answers, found: BillAnswer) -> str:
    """The JSON file; ``digest`` is the SHA-256 of the canonical rows."""
    listed = rows(answers, found)
    canonical = json.dumps(listed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    document = {
        "candor": candor.__version__, "snapshot": found.snapshot, "as_of": found.as_of,
        "rule": dict(found.audit.rule.about()), "rows": listed,
        "digest": hashlib.sha256(canonical.encode()).hexdigest(),
    }  # fmt: skip
    return json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def as_csv(answers: Answers, found: BillAnswer) -> str:
    """The CSV file; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    listed = rows(answers, found)
    out = io.StringIO()
    header = ["snapshot", "candor", *(listed[0] if listed else ["dispute_id"])]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in listed:
        cells = [found.snapshot, candor.__version__, *row.values()]
        writer.writerow([_cell(value) for value in cells])
    return out.getvalue()


def _cell(value: Any) -> str:
    text = (
        json.dumps(value, sort_keys=True, ensure_ascii=False)
        if isinstance(value, dict | list)
        else str(value)
    )
    number = text.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(_FORMULA) and not number else text

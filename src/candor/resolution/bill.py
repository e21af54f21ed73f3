"""The bill audit: each line of an invoice held against the contract's rule and the evidence.

Every line gets exactly one status, the first that fits: disputed (arithmetic, scope, or the rule
refuses it), unverifiable (what would decide it is named), rework (owed under the rule, yet the
evidence contradicts it), accepted. Amounts over the statuses sum to the invoice. Only what the
contract states counts as recoverable; what rests on our own reading waits for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from candor.resolution import ladder
from candor.resolution.invoice import InvoiceLine
from candor.resolution.judged import Decision
from candor.resolution.rule import Rule
from candor.window import DAY, HOUR

STATUSES = ("accepted", "disputed", "rework", "unverifiable")
_RETURNS = {"t_same_thread_return", "t_person_return", "t_other_thread_human_reply"}
_WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Thread:
    """What is known of a billed thread.

    Attributes:
        conversation_id, thread_id: names.
        decision: what the contract's rule says.
        rungs: code of every rung of the ladder by name.
        columns: derived columns that a dispute file shows; instants in epoch microseconds.
        claim: the vendor's own verdict: raw value, API version and when it was seen; None without.
        evidence: events behind it, for the dispute file.
    """

    conversation_id: str
    thread_id: str
    decision: Decision
    rungs: Mapping[str, int]
    columns: Mapping[str, Any]
    claim: Mapping[str, Any] | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one line.

    Attributes:
        line: the line.
        status: accepted, disputed, rework or unverifiable.
        reason: code.
        words: the reason in words, with what would decide an unverifiable line.
        requested: amount to be credited; 0 unless disputed.
        is_assumed: rests on a reading of ours, so a person must release it.
        is_provisional: accepted while a window is open or a rung needs a judge.
        similar: known thread ids most like an unknown one; reported, never used.
        thread: what is known of the thread.
    """

    line: InvoiceLine
    status: str
    reason: str
    words: str
    requested: Decimal = Decimal(0)
    is_assumed: bool = False
    is_provisional: bool = False
    similar: tuple[str, ...] = ()
    thread: Thread | None = None


@dataclass(frozen=True)
class Audit:
    """A whole invoice, audited.

    Attributes:
        rule: the contract's rule.
        findings: one per line, in the order of the invoice.
        never_invoiced: threads that the rule bills in a period of the invoice and no line names.
        claimed: threads the vendor claims as billable in those periods.
        recomputed: threads the rule bills in those periods.
    """

    rule: Rule
    findings: tuple[Finding, ...]
    never_invoiced: tuple[str, ...] = ()
    claimed: int = 0
    recomputed: int = 0

    def amounts(self) -> dict[str, dict[str, Decimal]]:
        """Sum of the amounts by currency and status; every status is present."""
        sums: dict[str, dict[str, Decimal]] = {}
        for finding in self.findings:
            own = sums.setdefault(
                finding.line.currency, {status: Decimal(0) for status in STATUSES}
            )
            own[finding.status] += finding.line.amount
        return dict(sorted(sums.items()))

    def recoverable(self) -> dict[str, tuple[Decimal, Decimal]]:
        """By currency: what the contract's text lets one ask back, and that with our readings added.

        Both are net of credits already received.
        """
        found: dict[str, tuple[Decimal, Decimal]] = {}
        for currency in {finding.line.currency for finding in self.findings}:
            own = [f for f in self.findings if f.line.currency == currency]
            credited = sum((-f.line.amount for f in own if f.reason == "credit"), Decimal(0))
            stated = sum((f.requested for f in own if not f.is_assumed), Decimal(0))
            every = sum((f.requested for f in own), Decimal(0))
            zero = Decimal(0)
            found[currency] = (max(zero, stated - credited), max(zero, every - credited))
        return dict(sorted(found.items()))

    def counts(self) -> dict[str, dict[str, int]]:
        """Lines by status and reason."""
        counted: dict[str, dict[str, int]] = {status: {} for status in STATUSES}
        for finding in self.findings:
            own = counted[finding.status]
            own[finding.reason] = own.get(finding.reason, 0) + 1
        return {status: dict(sorted(reasons.items())) for status, reasons in counted.items()}


def audit(
    lines: Sequence[InvoiceLine], rule: Rule, threads: Mapping[str, Thread], *,
    similar: Mapping[str, tuple[str, ...]], as_of_us: int,
) -> tuple[Finding, ...]:  # fmt: skip
    """One finding per line.

    Args:
        lines: of the invoice.
        rule: the contract's rule, or the vendor's public one.
        threads: what is known, by thread id.
        similar: known ids most like an unknown one.
        as_of_us: instant up to which data are known.
    """
    billed: dict[str, InvoiceLine] = {}
    findings = []
    for line in lines:
        finding = _scope(line, rule, threads, billed) or _thread(line, threads, similar)
        if finding is None and line.thread_id is not None:
            finding = _by_rule(line, threads[line.thread_id], as_of_us)
        if finding is None:
            raise AssertionError(f"line {line.line} of {line.invoice_id} has no status")
        findings.append(finding)
        if line.thread_id is not None and line.amount > 0:
            billed.setdefault(line.thread_id, line)
    return tuple(findings)


def _scope(
    line: InvoiceLine, rule: Rule, threads: Mapping[str, Thread], billed: Mapping[str, InvoiceLine]
) -> Finding | None:
    """Arithmetic and scope: what is wrong whatever happened in the conversation."""
    thread = threads.get(line.thread_id or "")
    if line.amount < 0:
        return Finding(line, "accepted", "credit", "a credit already received", thread=thread)

    def disputed(reason: str, words: str, amount: Decimal | None = None) -> Finding:
        return Finding(line, "disputed", reason, words, amount or line.amount, thread=thread)

    if line.thread_id is not None and line.thread_id in billed:
        first = billed[line.thread_id]
        reason = "one_charge_rule" if rule.text.price else "duplicate"
        return disputed(reason, f"already billed on line {first.line} of {first.invoice_id}")
    price = rule.text.price
    if price is not None and line.currency != price.currency:
        return disputed("wrong_currency", f"the contract says {price.currency}")
    if price is not None and line.amount > price.amount * line.quantity:
        owed = price.amount * line.quantity
        return disputed(
            "wrong_price", f"the contract says {owed} {price.currency}", line.amount - owed
        )
    if thread is None:
        return None
    started, ended = thread.columns["t_first_message"], thread.columns["t_conversation_end"]
    if started is not None and started >= line.period_end:
        return disputed("outside_period", "the conversation began after the period")
    if ended is not None and ended + 3 * DAY < line.period_start:
        return disputed("outside_period", "the conversation had ended before the period")
    if rule.text.tests == "excluded" and thread.columns["is_test"]:
        return disputed("test_excluded_by_contract", "a test conversation")
    return None


def _thread(
    line: InvoiceLine, threads: Mapping[str, Thread], similar: Mapping[str, tuple[str, ...]]
) -> Finding | None:
    """Lines whose thread is not known."""
    if line.thread_id is None:
        if line.quantity > 1 or line.thread_ids:
            words = "a line for several outcomes; ask for one line for each conversation"
            return Finding(line, "unverifiable", "aggregate_line", words)
        words = "the line names no conversation; ask for its id"
        return Finding(line, "unverifiable", "thread_missing", words)
    if line.quantity > 1:
        words = "one conversation and several outcomes; ask which"
        return Finding(line, "unverifiable", "aggregate_line", words)
    if line.thread_id not in threads:
        near = similar.get(line.thread_id, ())
        words = "the data hold no such conversation"
        if near:
            words += f"; most like it: {', '.join(near)}"
        return Finding(line, "unverifiable", "thread_unknown", words, similar=near)
    return None


def _by_rule(line: InvoiceLine, thread: Thread, as_of_us: int) -> Finding:
    decision = thread.decision
    verdict = decision.verdict
    if verdict in ("N", "N?", "x"):
        is_assumed = verdict == "N?" or (
            decision.line is not None and decision.line.basis == "assumed"
        )
        reason = _refusal(decision)
        return Finding(
            line, "disputed", reason, decision.words, line.amount, is_assumed, thread=thread
        )
    if decision.outcome in ("undetermined", "needs_judge"):
        return Finding(line, "unverifiable", *_undecided(decision, thread), thread=thread)
    if verdict == "R*":
        return Finding(line, "accepted", "confirmed", decision.words, thread=thread)
    contradiction = _contradiction(thread)
    if contradiction is not None:
        return Finding(line, "rework", *contradiction, thread=thread)
    rungs = thread.rungs
    is_confirmed = ladder.RESOLVED in (rungs["system_confirmed"], rungs["customer_confirmed"])
    last = thread.columns["t_last_activity"]
    is_open = last is None or as_of_us - last < _WEEK or rungs["no_return_7d"] == ladder.NEEDS_JUDGE
    return Finding(
        line, "accepted", "confirmed" if is_confirmed else "assumed", decision.words,
        is_provisional=is_open, thread=thread,
    )  # fmt: skip


def _refusal(decision: Decision) -> str:
    if decision.verdict == "x":
        return "out_of_denominator"
    if decision.verdict == "N?":
        return "reading_assumed"
    if decision.line is not None and decision.line.condition.names & _RETURNS:
        return "revoked_by_return"
    return "rule_says_no"


def _undecided(decision: Decision, thread: Thread) -> tuple[str, str]:
    if decision.outcome == "needs_judge":
        return (
            "label_missing",
            "a reading of the text by a person or an independent judge decides it",
        )
    if decision.reason == "immature":
        return "window_immature", "the rule's window is still open; run the audit again later"
    if decision.reason == "fact_missing":
        if not thread.columns["customer_known"]:
            return "identity_unknown", "the customer is not known, so a return cannot be seen"
        return "source_gap", f"a fact is missing: {decision.words}"
    return "rule_silent", f"the rule's text does not say: {decision.words}"


def _contradiction(thread: Thread) -> tuple[str, str] | None:
    """Why the evidence speaks against a resolution that the rule grants; None when it does not."""
    rungs, columns = thread.rungs, thread.columns
    last = columns["t_last_activity"]
    if rungs["system_confirmed"] == ladder.NOT_RESOLVED:
        return "system_contradicts", "a system of record contradicts it"
    same, other = columns["t_same_thread_return"], columns["t_person_return"]
    if same is not None and last is not None and same - last <= _WEEK:
        return "returned_same_thread", f"the customer came back after {_hours(same - last)}"
    if rungs["no_return_7d"] == ladder.NOT_RESOLVED and other is not None:
        by = columns.get("return_channel") or "another channel"
        return (
            "returned_other_channel",
            f"the customer came back by {by} after {_hours(other - last)}",
        )
    if columns["t_human_reply"] is not None:
        return "human_repair", "a person answered in the same conversation"
    if ladder.NOT_RESOLVED in (rungs["customer_confirmed"], rungs["no_return_7d"]):
        return "customer_negative", "the customer said that it was not solved"
    return None


def _hours(span_us: int) -> str:
    hours = span_us // HOUR
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"

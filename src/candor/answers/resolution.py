"""Rules, ladder and bill of an opened publication.

Only this module brings together what rules decide (``resolution``), what a vendor claims, and the
threads of an invoice. A claim stands beside the rules and is never an input to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rapidfuzz import fuzz, process

from candor import window
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem, nearest
from candor.resolution import bill, comparison, invoice, ladder, registry
from candor.resolution.bill import Audit, Thread
from candor.resolution.columns import COLUMNS, FROM
from candor.resolution.comparison import Comparison
from candor.resolution.judged import Judged, judge
from candor.resolution.rule import Rule
from candor.resolution.stories import Told, judge_stories

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

TRUTH, CLAIM = "true_resolution", "vendor_claim"
_DISPUTE_COLUMNS = (
    "t_first_message", "t_conversation_end", "t_last_activity", "t_last_ai_answer", "reply_class",
    "explicit_feedback", "t_human_requested", "t_escalated", "t_human_reply",
    "t_same_thread_return", "t_person_return", "is_test", "customer_known",
)  # fmt: skip
_EXCERPT = 200
_MOST_EVIDENCE = 12
_ALIKE = 85
_MOST_PAIRS = 6


@dataclass(frozen=True)
class Difference:
    """Conversations on which two rules differ.

    Attributes:
        first, second: ids of the rules.
        only_first: conversation, and the line of each rule that decided: resolved under the first.
        only_second: the same, resolved under the second.
    """

    first: str
    second: str
    only_first: list[dict[str, str]]
    only_second: list[dict[str, str]]


@dataclass(frozen=True)
class RulesAnswer:
    """Every rule beside every other on this snapshot.

    Attributes:
        judged: every thread under every rule.
        comparison: rates, pairs and ladder.
        snapshot, as_of: the publication.
        differences: of the user's own rule, or of the first that was asked for, with every other;
            else of the rules furthest apart.
        dropouts: rung of the ladder → conversations that drop out there.
        stories: the user's own rule on the fourteen stories; empty without one.
    """

    judged: Judged
    comparison: Comparison
    snapshot: str
    as_of: str
    differences: tuple[Difference, ...]
    dropouts: dict[str, list[dict[str, str]]]
    stories: tuple[Told, ...]

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor compare-rules --json``."""
        return {
            **self.comparison.as_dict(), "differences": [asdict(one) for one in self.differences],
            "dropouts": self.dropouts, "stories": [asdict(one) for one in self.stories],
            "snapshot": self.snapshot, "as_of": self.as_of,
        }  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What the same conversations would have cost under another definition.

    Attributes:
        rule, title: which.
        billed: conversations it would have billed.
        undecided: conversations it does not decide.
    """

    rule: str
    title: str
    billed: int
    undecided: int


@dataclass(frozen=True)
class BillAnswer:
    """An audited invoice.

    Attributes:
        invoice: as read.
        audit: one finding per line.
        costs: billed conversations of the invoice's periods under every rule that bills.
        unit_price: most frequent amount of a positive line, in the currency of most lines.
        snapshot, as_of: the publication.
    """

    invoice: invoice.Invoice
    audit: Audit
    costs: tuple[Cost, ...]
    unit_price: dict[str, Decimal]
    snapshot: str
    as_of: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor audit-bill --json``; amounts as text, exact."""
        recoverable = self.audit.recoverable()
        return {
            "rule": dict(self.audit.rule.about()), "read": self.invoice.read,
            "repeated": self.invoice.repeated, "lines": len(self.invoice.lines),
            "total": {c: str(v) for c, v in self.invoice.total.items()},
            "amounts": {
                currency: {status: str(amount) for status, amount in sums.items()}
                for currency, sums in self.audit.amounts().items()
            },
            "counts": self.audit.counts(),
            "recoverable": {
                c: {"stated": str(low), "with_our_readings": str(high)}
                for c, (low, high) in recoverable.items()
            },
            "never_invoiced": list(self.audit.never_invoiced), "claimed": self.audit.claimed,
            "recomputed": self.audit.recomputed,
            "other_definitions": [
                {"rule": c.rule, "title": c.title, "billed": c.billed, "undecided": c.undecided}
                for c in self.costs
            ],
            "findings": [_finding(f) for f in self.audit.findings], "snapshot": self.snapshot,
            "as_of": self.as_of,
        }  # fmt: skip


def compare_rules(
    answers: Answers, *, rule: Path | None = None, wanted: Sequence[str] = (), limit: int = 5
) -> RulesAnswer:
    """Every shipped rule, and a user's own, on every conversation.

    Args:
        answers: an opened publication.
        rule: file of a rule to add; it stands first.
        wanted: ids of the shipped rules to compare; all when empty.
        limit: most conversations listed for each difference, either way, and each rung.

    Raises:
        CandorError: an unknown rule, or every mistake of the file.
    """
    rules = [_shipped(name) for name in wanted] or list(registry.current().values())
    if rule is not None:
        rules.insert(0, registry.read(rule))
    judged = judge(answers.engine, rules, as_of_us=int(answers.about["horizon_us"]))
    beside = _beside(answers.engine)
    section = answers.workspace.settings.estimates
    found = comparison.compare(judged, beside, level=section.level, thresholds=answers.thresholds)
    ids = [one.id for one in rules]
    if rule is not None or wanted:
        pairs = [(ids[0], other) for other in ids[1:]]
    else:
        said = {rate.name for rate in found.rates if rate.about and rate.decided.refusal is None}
        apart = comparison.furthest(found.pairs, said, _MOST_PAIRS)
        pairs = [(pair.first, pair.second) for pair in apart]
    return RulesAnswer(
        judged, found, answers.snapshot, answers.as_of,
        tuple(_difference(judged, ids, pair, limit) for pair in pairs),
        comparison.dropouts(judged, limit=limit),
        () if rule is None else tuple(judge_stories(rules[0])),
    )  # fmt: skip


def _difference(
    judged: Judged, ids: Sequence[str], pair: tuple[str, str], limit: int
) -> Difference:
    first, second = (ids.index(name) for name in pair)
    back = comparison.differences(judged, second, first, limit=limit)
    return Difference(
        *pair, comparison.differences(judged, first, second, limit=limit),
        [{**one, "first": one["second"], "second": one["first"]} for one in back],
    )  # fmt: skip


def audit_bill(
    answers: Answers, path: Path, *, rule: Path | None = None, rule_id: str = ""
) -> BillAnswer:
    """An invoice held against a contract's rule, or a vendor's public one.

    Args:
        answers: an opened publication.
        path: the invoice.
        rule: file of the contract's rule; it wins over the public text.
        rule_id: id of a shipped rule, without a file.

    Raises:
        CandorError: ``usage.rule``, or every mistake of the files.
    """
    if rule is None and not rule_id:
        billing = [r.id for r in registry.current().values() if r.text.billed]
        raise CandorError(
            "usage.rule",
            Problem(
                "an invoice is audited against a rule", "--rule or --rule-id",
                f"the file of your contract's rule, or one of {', '.join(billing)}",
            ),
            exit_code=2,
        )  # fmt: skip
    chosen = registry.read(rule) if rule is not None else _shipped(rule_id)
    zone = answers.workspace.settings.workspace.timezone
    return audit_invoice(answers, invoice.read(path, zone=zone), chosen)


def billing_rules() -> dict[str, str]:
    """Shipped rules under which a vendor bills: id to title."""
    return {r.id: r.title for r in registry.current().values() if r.text.billed}


def audit_invoice(answers: Answers, read: invoice.Invoice, chosen: Rule | str) -> BillAnswer:
    """An invoice that was read, held against a rule or the id of a shipped one.

    Raises:
        CandorError: there is no such rule.
    """
    if isinstance(chosen, str):
        chosen = _shipped(chosen)
    as_of_us = int(answers.about["horizon_us"])
    named = sorted({line.thread_id for line in read.lines if line.thread_id is not None})
    threads = _threads(answers, chosen, named, as_of_us)
    unknown = [name for name in named if name not in threads]
    findings = bill.audit(
        read.lines, chosen, threads, similar=_similar(answers.engine, unknown), as_of_us=as_of_us
    )
    periods = [
        (min(line.period_start for line in read.lines), max(line.period_end for line in read.lines))
    ]
    missing, claimed, recomputed = _other_direction(answers, chosen, periods[0], named, as_of_us)
    return BillAnswer(
        read, Audit(chosen, findings, missing, claimed, recomputed),
        _costs(answers, chosen, periods[0], as_of_us), _unit_price(read), answers.snapshot,
        answers.as_of,
    )  # fmt: skip


def _shipped(name: str) -> Rule:
    rules = registry.current()
    if name not in rules:
        raise CandorError(
            "usage.rule", Problem(f"there is no rule '{name}'", "", "", nearest(name, sorted(rules))),
            exit_code=2,
        )  # fmt: skip
    return rules[name]


def _beside(engine: DuckEngine) -> list[tuple[str, str, np.ndarray]]:
    """What candor finds and what the vendor claims, in the order of the judged threads."""
    table = engine.arrow(
        "select coalesce(c.engaged and c.ai_involved and not c.is_test and not c.is_spam, false)"
        " as counted, c.true_resolution is not null as known, coalesce(c.true_resolution, false) as"
        " held, coalesce(c.has_claim, false) as has_claim, c.claimed_resolved is not null as"
        " claim_known, coalesce(c.claimed_resolved, false) as claimed"
        f" from {FROM} order by r.thread_id"
    )
    flags = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    return [
        (
            TRUTH, "candor: true resolution",
            comparison.from_three_valued(flags["known"], flags["held"], flags["counted"]),
        ),
        (
            CLAIM, "the vendor's claim",
            comparison.from_three_valued(flags["claim_known"], flags["claimed"], flags["has_claim"]),
        ),
    ]  # fmt: skip


def _threads(
    answers: Answers, rule: Rule, names: Sequence[str], as_of_us: int
) -> dict[str, Thread]:
    listed = ", ".join(_quoted(name) for name in names)
    if not listed:
        return {}
    where = f"r.thread_id in ({listed})"
    judged = judge(answers.engine, [rule], as_of_us=as_of_us, where=where)
    shown = ", ".join(f"{COLUMNS[name].sql} as {name}" for name in _DISPUTE_COLUMNS)
    rows = answers.engine.arrow(
        f"select {shown}, c.return_channel, c.thread_key, c.conversation_key,"
        f" {rule.evaluate_at.sql} as evaluated_at from {FROM} where {where} order by r.thread_id"
    ).to_pylist()
    claims = _claims(answers.engine, where)
    labels = _judges(answers.engine, rule, where)
    names_by_row = judged.threads["thread_id"].to_pylist()
    ids = judged.threads["conversation_id"].to_pylist()
    found = {}
    for number, (name, columns) in enumerate(zip(names_by_row, rows, strict=True)):
        rungs = {
            rung.name: int(code)
            for rung, code in zip(ladder.RUNGS, judged.rungs[number], strict=True)
        }
        decision = judged.decision(number, 0)
        if decision.line is not None and decision.line.verdict == "J" != decision.verdict:
            columns.update(labels.get(columns["conversation_key"], {}))
        found[name] = Thread(ids[number], name, decision, rungs, columns, claims.get(name))
    return found


def _claims(engine: DuckEngine, where: str) -> dict[str, dict[str, Any]]:
    """The latest claim on each thread, as the vendor wrote it."""
    rows = engine.rows(
        f"select r.thread_id, q.raw_value, q.api_version, q.occurred_at from {FROM}"
        f" inner join claim as q on q.conversation_key = c.conversation_key where {where}"
        " order by r.thread_id, q.occurred_at, q.claim_id"
    )
    return {
        thread: {"raw_value": raw, "api_version": version, "occurred_at": at}
        for thread, raw, version, at in rows
    }


def _judges(engine: DuckEngine, rule: Rule, where: str) -> dict[int, dict[str, str]]:
    """Who gave the labels that a rule asks for, and in which version, by conversation."""
    if not rule.labels:
        return {}
    listed = ", ".join(f"'{name}'" for name in sorted(rule.labels))
    rows = engine.rows(
        "select c.conversation_key, string_agg(distinct a.assessor_id, ', ' order by a.assessor_id),"
        " string_agg(distinct a.assessor_version, ', ' order by a.assessor_version)"
        f" from {FROM} inner join assessment as a on a.conversation_key = c.conversation_key"
        f" where a.criterion in ({listed}) and a.assessor_kind in ('human', 'llm', 'code') and {where}"
        " group by c.conversation_key"
    )
    return {
        key: {"label_assessor": assessors, "label_version": versions}
        for key, assessors, versions in rows
    }


def evidence(answers: Answers, thread_key: int) -> tuple[dict[str, str], ...]:
    """The last events of a thread for a dispute file: time, source, place, redacted excerpt."""
    with DuckEngine(answers.publication.text, read_only=True) as texts:
        rows = texts.rows(
            "select event_id, occurred_at, source, raw_ref, actor, text from timeline"
            f" where thread_key = {int(thread_key)} order by occurred_at desc, event_id"
            f" limit {_MOST_EVIDENCE}"
        )
    return tuple(
        {
            "event_id": event_id, "occurred_at": window.format_instant(at), "source": source,
            "raw_ref": raw_ref or "", "actor": actor or "", "excerpt": (text or "")[:_EXCERPT],
        }
        for event_id, at, source, raw_ref, actor, text in reversed(rows)
    )  # fmt: skip


def _similar(engine: DuckEngine, unknown: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Known ids most like unknown ones, to be looked at by a person."""
    if not unknown:
        return {}
    known = [
        str(row[0]) for row in engine.rows("select thread_id from rule_case order by thread_id")
    ]
    found = {}
    for name in unknown:
        # One letter of a short id is a large part of it.
        alike = min(_ALIKE, 100 - 100 / max(len(name), 3))
        near = process.extract(name, known, scorer=fuzz.ratio, limit=3, score_cutoff=alike)
        found[name] = tuple(match[0] for match in near)
    return found


def _in_period(period: tuple[int, int]) -> str:
    start, end = period
    return f"c.started_at >= {start} and c.started_at < {end}"


def _other_direction(
    answers: Answers, rule: Rule, period: tuple[int, int], named: Sequence[str], as_of_us: int
) -> tuple[tuple[str, ...], int, int]:
    """Threads the rule bills and no line names, claims that are billable, threads the rule bills."""
    judged = judge(answers.engine, [rule], as_of_us=as_of_us, where=_in_period(period))
    billed = np.isin(judged.verdicts(0).astype(str), list(rule.text.billed or ("R",)))
    names = np.asarray(judged.threads["thread_id"].to_pylist(), dtype=object)[billed]
    missing = sorted(set(names.tolist()) - set(named))
    claimed = answers.engine.rows(
        f"select count(*) from {FROM} where {_in_period(period)} and c.claim_is_billable"
    )[0][0]
    return tuple(missing), int(claimed), len(names)


def _costs(
    answers: Answers, rule: Rule, period: tuple[int, int], as_of_us: int
) -> tuple[Cost, ...]:
    others = [r for r in registry.current().values() if r.text.billed and r.id != rule.id]
    rules = [rule, *others]
    judged = judge(answers.engine, rules, as_of_us=as_of_us, where=_in_period(period))
    costs = []
    for number, one in enumerate(rules):
        verdicts = judged.verdicts(number).astype(str)
        outcomes = judged.outcomes(number)
        billed = int(np.isin(verdicts, list(one.text.billed or ("R",))).sum())
        undecided = int(np.isin(outcomes.astype(str), ("undetermined", "needs_judge")).sum())
        costs.append(Cost(one.id, one.title, billed, undecided))
    return tuple(costs)


def _unit_price(read: invoice.Invoice) -> dict[str, Decimal]:
    counts: dict[str, dict[Decimal, int]] = {}
    for line in read.lines:
        if line.amount > 0:
            own = counts.setdefault(line.currency, {})
            own[line.amount] = own.get(line.amount, 0) + 1
    if not counts:
        return {}
    # What another definition would cost has one price: that of the currency of most lines.
    currency, own = max(counts.items(), key=lambda item: (sum(item[1].values()), item[0]))
    return {currency: max(own.items(), key=lambda item: (item[1], -item[0]))[0]}


def _finding(found: bill.Finding) -> dict[str, Any]:
    line = found.line
    return {
        "invoice_id": line.invoice_id, "line": line.line, "thread_id": line.thread_id,
        "amount": str(line.amount), "currency": line.currency, "status": found.status,
        "reason": found.reason, "words": found.words, "requested_credit": str(found.requested),
        "rests_on_our_reading": found.is_assumed, "is_provisional": found.is_provisional,
        "similar": list(found.similar),
        "conversation": None if found.thread is None else found.thread.conversation_id,
    }  # fmt: skip


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"

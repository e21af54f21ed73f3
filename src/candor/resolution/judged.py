"""Evaluates rules and ladder over the published facts: one pass, one small code per rule and thread.

Only this module turns rules into queries. Nothing is stored: what a rule says is computed when it is
asked for, from the derived columns and from labels of people and independent judges. A vendor's own
label is a claim and is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.resolution import ladder
from candor.resolution.columns import COLUMNS, FROM, LABELS
from candor.resolution.registry import current
from candor.resolution.rule import OUTCOMES, Line, Rule

EXCLUDED, UNREADABLE_DENOMINATOR, TEST_SILENT, IMMATURE = 0, -1_000, 1_000, 1_001
REFUSED_BEFORE, UNKNOWN_BEFORE = 1_002, 1_003
"""Codes beside the number of the line that decided, counted from 1; a line that could not be read
is its number negated, one that waits for a window its number + 2000."""
_WAITING = 2_000
_JUDGED_BY = ("human", "llm", "code")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a code means.

    Attributes:
        verdict: of the rule.
        outcome: resolved, not_resolved, undetermined, needs_judge or excluded.
        reason: code of an undetermined outcome; "" otherwise.
        line: the decision line behind it; None where none was reached.
    """

    verdict: str
    outcome: str
    reason: str
    line: Line | None

    @property
    def words(self) -> str:
        """Why, in a few words."""
        if self.line is None:
            return _WORDS[self.reason or self.verdict]
        by = f" ({self.line.basis})" if self.line.basis else ""
        is_last = self.line.condition.constant is True
        return f"{'every other case' if is_last else self.line.condition.text}{by}"


_WITHOUT_LINE = {
    EXCLUDED: Decision("x", "excluded", "", None),
    TEST_SILENT: Decision("?", "undetermined", "silent", None),
    IMMATURE: Decision("?", "undetermined", "immature", None),
    UNREADABLE_DENOMINATOR: Decision("?", "undetermined", "fact_missing", None),
    REFUSED_BEFORE: Decision("N", "not_resolved", "", None),
    UNKNOWN_BEFORE: Decision("?", "undetermined", "silent", None),
}
_WORDS = {
    "N": "refused by the rule before it",
    "x": "outside the rule's denominator",
    "silent": "the text says nothing about it",
    "immature": "the moment of evaluation has not come",
    "fact_missing": "who is counted depends on a fact that is missing",
}


@dataclass(frozen=True)
class Judged:
    """Every thread under every rule.

    Attributes:
        rules: the rules, in the order of the columns of ``codes``.
        threads: thread_id, conversation_id and segments, one row per thread, ordered by thread_id.
        codes: i2[n, rules], see the constants above.
        labelled: i1[n, rules], number from 1 of the judge's branch that a label decided, else 0.
        rungs: i1[n, rungs of the ladder]: 1, 0, -1 undetermined, -2 needs a judge, -3 excluded.
        buckets: i2[n], customer bucket.
    """

    rules: tuple[Rule, ...]
    threads: pa.Table
    codes: np.ndarray
    labelled: np.ndarray
    rungs: np.ndarray
    buckets: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def decision(self, thread: int, rule: int) -> Decision:
        """What a rule says of the thread at a row."""
        code = int(self.codes[thread, rule])
        return decide(self.rules[rule], code, int(self.labelled[thread, rule]))

    def outcomes(self, rule: int) -> np.ndarray:
        """U[n]: outcome of every thread under a rule."""
        pairs = self.codes[:, rule].astype(np.int64) * 16 + self.labelled[:, rule]
        distinct, place = np.unique(pairs, return_inverse=True)
        words = [decide(self.rules[rule], int(p) // 16, int(p) % 16).outcome for p in distinct]
        return np.asarray(words, dtype=object)[place]

    def verdicts(self, rule: int) -> np.ndarray:
        """U[n]: verdict of every thread under a rule."""
        pairs = self.codes[:, rule].astype(np.int64) * 16 + self.labelled[:, rule]
        distinct, place = np.unique(pairs, return_inverse=True)
        words = [decide(self.rules[rule], int(p) // 16, int(p) % 16).verdict for p in distinct]
        return np.asarray(words, dtype=object)[place]


def decide(rule: Rule, code: int, labelled: int = 0) -> Decision:
    """The meaning of a code under a rule."""
    if code in _WITHOUT_LINE:
        return _WITHOUT_LINE[code]
    if code < 0:
        return Decision("?", "undetermined", "fact_missing", rule.lines[-code - 1])
    if code >= _WAITING:
        return Decision("?", "undetermined", "immature", rule.lines[code - _WAITING - 1])
    line = rule.lines[code - 1]
    verdict = line.verdict
    if verdict == "J" and labelled:
        verdict = rule.judge[labelled - 1][0]
    reason = {"?": "silent", "R/N": "fact_missing"}.get(verdict, "")
    return Decision(verdict, OUTCOMES[verdict], reason, line)


def judge(
    engine: DuckEngine, rules: Sequence[Rule], *, as_of_us: int, where: str = "true"
) -> Judged:
    """Every thread under every rule, and on the ladder.

    Args:
        engine: an opened publication.
        rules: the rules; what a rule is ``after`` is evaluated with it.
        as_of_us: instant up to which data are known, epoch microseconds.
        where: SQL over ``columns.FROM`` that chooses threads.
    """
    wanted = [*rules]
    for rule in rules:
        first = rule.text.after
        if first is not None and first not in [one.id for one in wanted]:
            wanted.append(current()[first])
    labels = _labels(engine, sorted({name for rule in wanted for name in rule.labels}))
    selected = [
        "r.thread_id", "c.conversation_id", "r.bucket", "c.path", "c.channel", "c.intent_id",
        "c.release", "c.language", "c.customer_segment", "c.region", "c.day",
    ]  # fmt: skip
    selected += [f"{_code_sql(rule, as_of_us)} as code_{n}" for n, rule in enumerate(wanted)]
    selected += [f"{_label_sql(rule)} as label_{n}" for n, rule in enumerate(wanted)]
    selected += [f"{rung.sql} as rung_{n}" for n, rung in enumerate(ladder.RUNGS)]
    table = engine.arrow(
        f"select {', '.join(selected)} from {FROM}{labels} where {where} order by r.thread_id"
    )

    def matrix(prefix: str, count: int, kind: type) -> np.ndarray:
        columns = [table[f"{prefix}_{n}"].to_numpy() for n in range(count)]
        return (
            np.stack(columns, axis=1).astype(kind) if columns else np.zeros((len(table), 0), kind)
        )

    codes = matrix("code", len(wanted), np.int16)
    labelled = matrix("label", len(wanted), np.int8)
    for number, rule in enumerate(wanted):
        if rule.text.after is not None:
            before = [one.id for one in wanted].index(rule.text.after)
            _defer(codes, labelled, wanted, number, before)
    kept = len(rules)
    names = [
        name for name in table.column_names if not name.startswith(("code_", "label_", "rung_"))
    ]
    return Judged(
        tuple(rules), table.select(names), codes[:, :kept], labelled[:, :kept],
        matrix("rung", len(ladder.RUNGS), np.int8), table["bucket"].to_numpy(),
    )  # fmt: skip


def decide_one(engine: DuckEngine, rule: Rule, thread_id: str, *, as_of_us: int) -> Decision:
    """What a rule says of one thread that nobody has labelled.

    Args:
        engine: holds the two facts of ``columns.FROM``; nothing else is read.
        rule: the rule; what it is ``after`` is asked first.
        thread_id: of the thread.
        as_of_us: instant up to which data are known, epoch microseconds.
    """
    if rule.text.after is not None:
        first = decide_one(engine, current()[rule.text.after], thread_id, as_of_us=as_of_us)
        if first.outcome != "resolved":
            return decide(rule, _code_after(first))
    quoted = thread_id.replace("'", "''")
    code = engine.rows(
        f"select {_code_sql(rule, as_of_us)} from {FROM} where r.thread_id = '{quoted}'"
    )[0][0]
    return decide(rule, int(code))


def _code_after(first: Decision) -> int:
    """Code of a rule whose rule before did not say that it is resolved."""
    return {"not_resolved": REFUSED_BEFORE, "excluded": EXCLUDED}.get(
        first.outcome, IMMATURE if first.reason == "immature" else UNKNOWN_BEFORE
    )


def _defer(
    codes: np.ndarray, labelled: np.ndarray, rules: Sequence[Rule], number: int, first: int
) -> None:
    """Where the rule before does not say R, its verdict stands."""
    pairs = codes[:, first].astype(np.int64) * 16 + labelled[:, first]
    for pair in np.unique(pairs):
        decision = decide(rules[first], int(pair) // 16, int(pair) % 16)
        if decision.outcome == "resolved":
            continue
        rows = pairs == pair
        codes[rows, number] = _code_after(decision)
        labelled[rows, number] = 0


def _code_sql(rule: Rule, as_of_us: int) -> str:
    at = f"({rule.evaluate_at.sql})"

    def placed(sql: str) -> str:
        return sql.replace("{at}", at)

    denominator = placed(rule.denominator.sql)
    parts = [
        f"when {denominator} is null then {UNREADABLE_DENOMINATOR}",
        f"when not {denominator} then {EXCLUDED}",
    ]
    if "is_test" not in rule.denominator.names:
        parts.append(f"when {COLUMNS['is_test'].sql} then {TEST_SILENT}")
    parts.append(f"when {at} is null or {at} > {as_of_us} then {IMMATURE}")
    for number, line in enumerate(rule.lines, start=1):
        sql = placed(line.condition.sql)
        if line.condition.constant is True:
            parts.append(f"else {number}")
            break
        parts += [f"when {sql} then {number}", f"when {sql} is null then {-number}"]
        if line.condition.waits is not None:
            waits = f"({placed(line.condition.waits)})"
            parts.append(f"when {waits} is null or {waits} > {as_of_us} then {_WAITING + number}")
    return f"case {' '.join(parts)} end"


def _label_sql(rule: Rule) -> str:
    """Number of the first branch of the judge that the labels fulfil; 0 without the labels."""
    if not rule.judge:
        return "0"
    present = " and ".join(f"l.{name} is not null" for name in sorted(rule.labels)) or "false"
    parts = []
    for number, (_, condition) in enumerate(rule.judge, start=1):
        if condition is None:
            parts.append(f"when {present} then {number}")
        else:
            parts.append(f"when {condition.sql} then {number}")
    return f"case {' '.join(parts)} else 0 end"


def _labels(engine: DuckEngine, criteria: Sequence[str]) -> str:
    """A join that brings the labels, the strongest assessor's and newest version's of each criterion."""
    known = [name for name in criteria if name in LABELS]
    columns = ", ".join(
        f"max(case when v.criterion = '{name}' then v.label end) as {name}"
        for name in sorted(LABELS)
    )
    has_facts = engine.rows(
        "select count(*) from information_schema.tables where table_name = 'assessment'"
    )[0][0]
    if not known or not has_facts:
        empty = ", ".join(f"cast(null as varchar) as {name}" for name in sorted(LABELS))
        return (
            f" left join (select cast(null as bigint) as conversation_key, {empty}) as l on false"
        )
    listed = ", ".join(f"'{name}'" for name in known)
    order = " ".join(f"when '{kind}' then {n}" for n, kind in enumerate(_JUDGED_BY))
    return (
        " left join (select v.conversation_key, " + columns + " from (select a.conversation_key,"
        " a.criterion, a.label, row_number() over (partition by a.conversation_key, a.criterion"
        f" order by case a.assessor_kind {order} end, length(a.assessor_version) desc,"
        " a.assessor_version desc, a.assessment_key) as place from assessment as a where"
        f" a.criterion in ({listed}) and a.assessor_kind in ('human', 'llm', 'code')) as v"
        " where v.place = 1 group by v.conversation_key) as l"
        " on c.conversation_key = l.conversation_key"
    )

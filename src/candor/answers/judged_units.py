"""What machines said of every unit of a metric and what people said of some, read from a publication.

Where verdicts fill a column of the fact, among other sources or to decide who is counted, every row is
read twice: as it is, and as it would be had nobody labelled anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from candor.engines.duck import DuckEngine
from candor.estimates.judge_corrected import Label, Stratum
from candor.facts import schema
from candor.metrics import compile as sql
from candor.metrics.definition import Definition, JudgedBy
from candor.metrics.plan import codes_of, plan

_PPM = 1_000_000
_ITEMS: dict[str, tuple[str, ...]] = {
    "message": ("'message:' || cast(u.message_key as varchar)",),
    "conversation": ("'conversation:' || cast(u.conversation_key as varchar)",),
    "handoff": (
        "'handoff:' || u.handoff_id", "'conversation:' || cast(u.conversation_key as varchar)",
    ),
    "conversation_quality": ("'conversation:' || cast(u.conversation_key as varchar)",),
    "intent_attempt": (
        "'message:' || cast(u.message_key as varchar)",
        (
            "case when u.is_first or u.message_key is null"
            " then 'conversation:' || cast(u.conversation_key as varchar) end"
        ),
    ),
}  # fmt: skip
"""Fact to the items that a verdict on one of its rows may name, the first that anybody judged."""
_READS: dict[str, tuple[str, ...]] = {
    "message": ("message_key",), "conversation": ("conversation_key",),
    "conversation_quality": ("conversation_key",),
    "intent_attempt": ("message_key", "conversation_key", "is_first"),
}  # fmt: skip
_POLICY = "case when not {0}.is_automatable or {0}.intent_risk = 'high' then true end"
_WITHOUT_PEOPLE: dict[tuple[str, str], str] = {
    ("conversation", "needs_human"): f"coalesce(fact.verdict, {_POLICY.format('fact')})",
    ("handoff", "needs_human"): (
        f"coalesce(fact.verdict, (select {_POLICY.format('c')} from conversation as c"
        " where c.conversation_key = fact.conversation_key))"
    ),
    ("conversation", "has_violation"): (
        "case when fact.violations > 0 or fact.verdict then true"
        " when fact.is_monitored or not fact.verdict then false end"
    ),
    ("intent_attempt", "is_novel"): "fact.verdict",
}  # fmt: skip
"""Fact and column that verdicts fill to what stands there when nobody labels anything: the rules of
``conversation.sql``, ``handoff.sql`` and ``intent_attempt.sql`` with ``verdict`` for the machine's."""
_SCORE = (
    "case when lower(a.label) = 'true' then 1000000 when lower(a.label) = 'false' then 0"
    " when a.value_ppm between 0 and 1000000 then a.value_ppm end"
)
_SAID = f"""
with stated as (
    select
        a.item_id, a.criterion, a.assessor_kind, a.assessor_id, a.sampling_ppm, a.occurred_at, a.assessment_key,
        {_SCORE} as score,
        a.sampling_ppm is not null as ppm_known, coalesce(a.is_blind, true) as may_be_blind,
        a.assessor_id || ' ' || a.assessor_version
            || case when a.rubric is null then '' else ' (' || a.rubric || ')' end as epoch
    from assessment as a
    where list_contains(?, a.criterion) and a.is_latest and a.item_id is not null
),
votes as (
    select
        s.item_id, s.criterion, s.score, count(*) as n, min(s.occurred_at) as said_at,
        max(s.sampling_ppm) as ppm
    from stated as s
    where s.assessor_kind = 'human' and s.score is not null
        and (s.ppm_known or s.may_be_blind)
    group by s.item_id, s.criterion, s.score
),
settled as (
    select
        v.item_id, v.score, max(v.ppm) over (partition by v.item_id) as ppm
    from votes as v
    qualify row_number() over (
        partition by v.item_id, v.criterion order by v.n desc, v.said_at, v.score
    ) = 1
),
label as (
    select e.item_id, cast(sum(e.score) // count(*) as bigint) as truth, max(e.ppm) as ppm
    from settled as e
    group by e.item_id
    having count(*) = len(?)
),
standing as (
    select s.item_id, s.score, s.epoch
    from stated as s
    where s.assessor_kind in ('llm', 'code', 'vendor')
    qualify row_number() over (
        partition by s.item_id, s.criterion
        order by
            case when s.assessor_kind = 'llm' then 0 when s.assessor_kind = 'vendor' then 3
                when s.assessor_id like 'candor\\_%' escape '\\' then 2 else 1 end,
            s.occurred_at desc, s.assessment_key
    ) = 1
),
machine as (
    select
        d.item_id,
        case when count(*) = len(?) then cast(sum(d.score) // count(d.score) as bigint) end as said,
        string_agg(distinct d.epoch, ', ' order by d.epoch) as epoch
    from standing as d
    group by d.item_id
)
"""
"""Reads the list of criteria three times."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Units:
    """Units of one population by day, customer bucket, epoch and verdict, and its labelled ones.

    Attributes:
        strata: epochs and verdicts; of a score its epoch only.
        day, bucket, stratum, count: one entry per group of units; stratum is a place in ``strata``.
        said: the machine's verdict on each, NaN where it left them open.
        segments: dimension to the value of each group.
        labels: day, segment values in the order of ``segments``, label.
    """

    strata: tuple[Stratum, ...]
    day: Ints
    bucket: Ints
    stratum: Ints
    count: Ints
    said: npt.NDArray[np.float64]
    segments: Mapping[str, npt.NDArray[np.object_]]
    labels: Sequence[tuple[int, tuple[str | None, ...], Label]]


def units(
    engine: DuckEngine, definition: Definition, judged: JudgedBy, by: tuple[str, ...]
) -> Units:
    """Verdicts and labels on every unit of a metric, over all days.

    Args:
        engine: of an opened publication.
        definition: of a counted metric.
        judged: what it rests on.
        by: dimensions that the units are told apart by.
    """
    codes, fact = codes_of(definition), definition.fact
    dims = [f"by_{name}" for name in by]
    if judged.through is not None:
        return _through(engine, definition, judged, by)
    own = judged.own
    extra = {*_READS[fact], "day", *([own] if own is not None else [])}
    coded = sql.coded(
        plan(fact, [definition], anonymous=False), sql.Scope(by=by), extra=sorted(extra)
    )
    is_share = definition.outcome is not None
    value = f"case when u.c0 > {codes.known} then {_PPM} else 0 end" if is_share else "u.v0"
    shown = f"case when u.c0 >= {codes.known} then {value} end"
    items = [f"l{at}" for at in range(len(_ITEMS[fact]))]
    joins = _joined(fact)
    truth = _first(items, "truth")
    ppm = _first(items, "ppm")
    machines = [f"m{at}" for at in range(len(items))]
    if own is not None:
        said = f"case when u.{own} then {_PPM} when not u.{own} then 0 end"
        epoch = "'candor'"
    else:
        # Of a labelled unit the row shows the person's verdict, so the machine's is looked up.
        said = f"case when {truth} is null then {shown} else {_first(machines, 'said')} end"
        epoch = f"coalesce({_first(machines, 'epoch')}, '')"
    picked = ", ".join(["u.day", "u.bucket", *(f"u.{name}" for name in dims)])
    table = engine.connection.execute(
        f"{_SAID}, unit as (select {picked}, {said} as said, {truth} as truth, {ppm} as ppm,"
        f" {epoch} as epoch from (select * from ({coded}) where c0 > {len(definition.exclude)})"
        f" as u {joins}) select day, bucket, {''.join(f'{name}, ' for name in dims)}"
        " said, truth, ppm, epoch, count(*) as n from unit group by all order by all",
        [list(judged.criteria)] * 3,
    ).fetchall()  # fmt: skip
    return _gathered(table, by, judged, is_share=definition.outcome is not None)


def _joined(fact: str) -> str:
    """Labels and verdicts of each item of a row: relations ``l<n>`` and ``m<n>``."""
    return " ".join(
        f"left join label as l{at} on l{at}.item_id = {item}"
        f" left join machine as m{at} on m{at}.item_id = {item}"
        for at, item in enumerate(_ITEMS[fact])
    )


def _through(
    engine: DuckEngine, definition: Definition, judged: JudgedBy, by: tuple[str, ...]
) -> Units:
    """The same where verdicts fill a column: each row as it is, and as it were without people."""
    fact, column = definition.fact, judged.through or ""
    known = codes_of(definition).known
    planned, scope = plan(fact, [definition], anonymous=False), sql.Scope(by=by)
    key = schema.key(fact)
    items = range(len(_ITEMS[fact]))
    joins = _joined(fact)
    labels, machines = [f"l{at}" for at in items], [f"m{at}" for at in items]
    said = _first(machines, "said")
    without = sql.coded(
        planned, scope, relation="without_people",
        extra=sorted({*key, *sql.reads(definition), "day", "label_truth", "label_ppm", "epoch"}),
    )  # fmt: skip
    counted = definition.expression("include" if judged.among is None else "judged.among").sql
    left_out = "".join(
        f" and ({definition.expression(f'exclude.{reason}').sql}) is not true"
        for reason in definition.exclude
    )
    outside = "null" if judged.among is None else "-1"
    state = f"case when {{}}.c0 > {known} then 1 when {{}}.c0 = {known} then 0 else {outside} end"
    dims = "".join(f"w.by_{name}, " for name in by)
    table = engine.connection.execute(
        f"{_SAID}, seen as (select u.*, {_first(labels, 'truth')} as label_truth,"
        f" {_first(labels, 'ppm')} as label_ppm, coalesce({_first(machines, 'epoch')}, '') as epoch,"
        f" case when {said} >= 500000 then true when {said} is not null then false end as verdict"
        f" from {fact} as u {joins}), without_people as (select fact.*"
        f" replace ({_WITHOUT_PEOPLE[fact, column]} as {column}) from seen as fact),"
        f" w as (select * from ({without}) where ({counted}) is true{left_out}),"
        f" p as ({sql.coded(planned, sql.Scope(), extra=sorted({*key, 'day'}))})"
        f" select w.day, w.bucket, {dims}{state.format('w', 'w')} as said,"
        f" case when w.label_truth is not null then {state.format('p', 'p')} end as truth,"
        f" w.label_ppm, w.epoch, count(*) as n from w inner join p using ({', '.join(key)})"
        " group by all order by all",
        [list(judged.criteria)] * 3,
    ).fetchall()  # fmt: skip
    return _gathered(table, by, judged, is_share=True)


def _first(tables: Sequence[str], column: str) -> str:
    listed = ", ".join(f"{table}.{column}" for table in tables)
    return listed if len(tables) == 1 else f"coalesce({listed})"


def _gathered(
    rows: Sequence[tuple[Any, ...]], by: tuple[str, ...], judged: JudgedBy, *, is_share: bool
) -> Units:
    """Units by group, and the labelled ones one by one."""
    strata: dict[Stratum, int] = {}
    labels = []
    numbers = np.empty((5, len(rows)))
    segments = {name: np.empty(len(rows), dtype=object) for name in by}
    read = _read_as(judged, is_share=is_share)
    for at, row in enumerate(rows):
        day, bucket, values = row[0], row[1], row[2 : 2 + len(by)]
        said_ppm, truth_ppm, ppm, epoch, n = row[2 + len(by) :]
        said, truth = read(said_ppm), read(truth_ppm)
        stratum = strata.setdefault((epoch, said if is_share else None), len(strata))
        numbers[:, at] = (day, bucket, stratum, n, np.nan if said is None else said)
        for name, value in zip(by, values, strict=True):
            segments[name][at] = value
        if truth is not None:
            one = Label(truth, said, epoch, int(bucket), None if ppm is None else ppm / _PPM)
            labels += [(int(day), tuple(values), one)] * int(n)
    whole = numbers[:4].astype(np.int64)
    return Units(
        tuple(strata), whole[0], whole[1], whole[2], whole[3], numbers[4], segments, labels
    )


def _read_as(judged: JudgedBy, *, is_share: bool) -> Callable[[int | None], float | None]:
    """How a verdict or label is read: a state, true or false in millionths, or a part."""
    if judged.through is not None:
        return lambda state: None if state is None else float(state)
    return partial(_verdict, judged.criterion) if is_share else _part


def _verdict(criterion: str, ppm: int | None) -> float | None:
    """A verdict as 1 or 0; in between only where the criterion says what that means."""
    if ppm is None:
        return None
    if criterion == "groundedness":
        return float(ppm == _PPM)
    if criterion == "novel_intent":
        return float(2 * ppm >= _PPM)
    return {_PPM: 1.0, 0: 0.0}.get(ppm)


def _part(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / _PPM

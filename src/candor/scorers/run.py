"""Scores the stored messages that this scorer version has not scored yet.

Only reads messages and appends assessments. Customer messages get ``reply_class`` (label, null
when the classifier abstains), ``sentiment`` (value) and, when it is one, ``rephrase``; AI messages
whose system states no kind get ``message_kind``. An assessment carries the revision of the message
it judges, so an edited message is scored again. Rephrasing is read over whole threads: when late
messages arrive, earlier scored ones of their thread are compared again, and the order of arrival
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.engines.duck import DuckEngine
from candor.events import arrow_schema
from candor.lake import Lake
from candor.scorers.lexicon import reply_lexicons
from candor.scorers.rephrase import rephrases
from candor.scorers.signals import ASSESSOR_ID, ASSESSOR_VERSION, score
from candor.scorers.tokens import Array

SOURCE = "candor"
CHUNK_ROWS = 200_000
_NO_LEXICONS: tuple[Path, ...] = ()

_WORK_SQL = """
with scored as (
    select
        cast(split_part(a.assessment_id, ':', 2) as bigint) as message_key,
        max(a.revision) as revision,
        max(case when a.criterion = 'rephrase' and a.label = 'true' then 1 else 0 end) as rephrases
    from ev_assessment as a
    where
        a.source = '{source}'
        and a.assessor_id = '{assessor}'
        and a.assessor_version = '{version}'
    group by cast(split_part(a.assessment_id, ':', 2) as bigint)
),

message as (
    select
        m.event_key,
        coalesce(m.thread_key, m.event_key) as thread_key,
        m.thread_id,
        m.message_id,
        m.occurred_at,
        m.revision,
        m.actor,
        m.text,
        s.message_key is null or s.revision < m.revision as is_new,
        s.message_key is not null as is_known,
        coalesce(s.rephrases, 0) = 1 as is_known_rephrase
    from ev_message as m
    left join scored as s on m.event_key = s.message_key
    where
        m.text is not null
        and trim(m.text) <> ''
        and (m.actor = 'customer' or (m.actor = 'ai_agent' and m.kind is null))
),

touched as (
    select distinct m.thread_key
    from message as m
    where m.is_new and m.actor = 'customer'
)

select
    m.event_key,
    m.thread_key,
    m.thread_id,
    m.message_id,
    m.occurred_at,
    m.revision,
    m.actor,
    m.text,
    m.is_new,
    m.is_known,
    m.is_known_rephrase
from message as m
left join touched as t on m.thread_key = t.thread_key
where m.is_new or (m.actor = 'customer' and t.thread_key is not null)
order by m.thread_key, m.occurred_at, m.event_key
"""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one run did.

    Attributes:
        messages: messages scored for the first time by this version (or again after an edit).
        assessments: assessments appended.
        version: the assessor version they carry.
    """

    messages: int
    assessments: int
    version: str


def score_messages(
    engine: DuckEngine,
    lake: Lake,
    *,
    log: Callable[[str], None],
    lexicons: Sequence[Path] = _NO_LEXICONS,
    chunk_rows: int = CHUNK_ROWS,
) -> Scored:
    """Score what is unscored and append the assessments.

    The engine's ``ev_message`` and ``ev_assessment`` views are made anew from the current
    snapshot; they do not show what is appended here until they are made again.

    Args:
        engine: an open engine that may still read files.
        lake: where messages are read and assessments appended.
        log: told once, at the end, what was done.
        lexicons: the user's own reply lexicons; their versions become part of the assessor's.
        chunk_rows: rows read at a time; a thread is never split, so one may be larger.

    Returns:
        What was scored.

    Raises:
        CandorError: ``lexicon.invalid``.
    """
    version = assessor_version(lexicons)
    lake.create_views(engine.connection, lake.snapshot(), types=("message", "assessment"))
    sql = _WORK_SQL.format(source=SOURCE, assessor=ASSESSOR_ID, version=version)
    reader = engine.connection.execute(sql).to_arrow_reader(chunk_rows)
    messages = assessments = 0
    for work in _whole_threads(reader):
        made, replaces = _assess(work, version, lexicons)
        messages += pc.sum(work["is_new"]).as_py() or 0
        assessments += made.num_rows
        fresh, again = made.filter(pa.array(~replaces)), made.filter(pa.array(replaces))
        if fresh.num_rows:
            lake.append_trusted("assessment", fresh)
        if again.num_rows:
            _replace(lake, again)
    log(f"scored {messages:,} messages ({assessments:,} assessments by {ASSESSOR_ID} {version})")
    return Scored(messages, assessments, version)


def assessor_version(lexicons: Sequence[Path] = _NO_LEXICONS) -> str:
    """The version written into assessments: ours, and the sum of the user's lexicon versions."""
    if not lexicons:
        return ASSESSOR_VERSION
    built_in = reply_lexicons()
    own = [
        lexicon.version
        for language, lexicon in reply_lexicons(tuple(lexicons)).items()
        if lexicon != built_in.get(language)
    ]
    return f"{ASSESSOR_VERSION}.{sum(own)}"


def _whole_threads(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Chunks of rows sorted by thread, cut only between threads."""
    held: list[pa.RecordBatch] = []
    for batch in reader:
        threads = batch.column("thread_key").to_numpy()
        if not len(threads):
            continue
        begins = int(np.searchsorted(threads, threads[-1]))
        if begins == 0 and held and held[-1].column("thread_key")[-1].as_py() == threads[0]:
            held.append(batch)
            continue
        table = pa.Table.from_batches([*held, batch.slice(0, begins)])
        if table.num_rows:
            yield table.combine_chunks()
        held = [batch.slice(begins)]
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def _replace(lake: Lake, rows: pa.Table) -> None:
    """Store assessments of edited messages the long way, so that the earlier ones give way."""
    numbers = pa.array(np.arange(1, rows.num_rows + 1))
    with lake.batch(SOURCE) as batch:
        batch.add("assessment", rows.append_column("record_no", numbers))
        batch.commit()


def _assess(work: pa.Table, version: str, lexicons: Sequence[Path]) -> tuple[pa.Table, Array]:
    """Assessments of one chunk, and for each whether it may replace an earlier revision."""
    is_new = work["is_new"].to_numpy()
    edited = is_new & work["is_known"].to_numpy()
    is_customer = pc.equal(work["actor"], "customer").to_numpy()
    repeated = np.zeros(work.num_rows, dtype=bool)
    customers = pa.array(np.flatnonzero(is_customer))
    if len(customers):
        said = work.take(customers)
        repeated[is_customer] = rephrases(
            said["thread_key"].to_numpy(), np.arange(said.num_rows), said["text"]
        )
    fresh = np.flatnonzero(is_new)
    signals = score(
        work["text"].take(pa.array(fresh)), work["actor"].take(pa.array(fresh)), lexicons
    )
    customer = is_customer[fresh]
    felt = signals["sentiment_ppm"]
    has_feeling = felt.is_valid().to_numpy() | edited[fresh]
    known = work["is_known_rephrase"].to_numpy()
    newly = np.flatnonzero(is_customer & repeated & (~known | edited))
    no_longer = np.flatnonzero(is_customer & ~repeated & edited)
    feeling = pa.array(customer & has_feeling)
    parts: list[tuple[str, Array, pa.Array | None, pa.Array | None]] = [
        ("reply_class", fresh[customer], signals["reply_class"].filter(pa.array(customer)), None),
        ("sentiment", fresh[customer & has_feeling], None, _compound(felt.filter(feeling))),
        ("rephrase", newly, pa.repeat("true", len(newly)), None),
        ("rephrase", no_longer, pa.repeat("false", len(no_longer)), None),
        (
            "message_kind",
            fresh[~customer],
            signals["message_kind"].filter(pa.array(~customer)),
            None,
        ),
    ]
    made = [
        _rows(work, rows, criterion, version, label=label, value=value)
        for criterion, rows, label, value in parts
    ]
    return pa.concat_tables(made), np.concatenate([edited[rows] for _, rows, _, _ in parts])


def _compound(ppm: pa.Array) -> pa.Array:
    return pc.divide(pc.cast(ppm, pa.float64()), 1e6)


def _rows(
    work: pa.Table,
    rows: Array,
    criterion: str,
    version: str,
    *,
    label: pa.Array | None = None,
    value: pa.Array | None = None,
) -> pa.Table:
    """One criterion's assessments of some rows of the work."""
    schema = arrow_schema("assessment")
    part = work.take(pa.array(rows, pa.int64()))
    key = part["event_key"].cast(pa.string())
    at = part["occurred_at"].cast(pa.int64()).cast(pa.timestamp("us", "UTC"))
    columns = {
        "source": pa.repeat(pa.scalar(SOURCE), len(rows)),
        "occurred_at": at,
        "observed_at": at,
        "revision": part["revision"],
        "assessment_id": pc.binary_join_element_wise(
            pa.scalar(criterion), key, pa.scalar(version), ":"
        ),
        "thread_id": part["thread_id"],
        "message_id": part["message_id"],
        "assessor_kind": pa.repeat(pa.scalar("code"), len(rows)),
        "assessor_id": pa.repeat(pa.scalar(ASSESSOR_ID), len(rows)),
        "assessor_version": pa.repeat(pa.scalar(version), len(rows)),
        "criterion": pa.repeat(pa.scalar(criterion), len(rows)),
        "label": label,
        "value": value,
    }
    filled = [
        pa.nulls(len(rows), field.type)
        if (column := columns.get(field.name)) is None
        else column.cast(field.type)
        for field in schema
    ]
    return pa.table(filled, schema=schema)

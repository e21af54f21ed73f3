"""Scores every conversation whose facts, messages or model changed since it was last scored.

Reads the ``conversation`` fact, messages and their signals; appends assessments and nothing else. A
conversation has one assessment per criterion: ``experience_score`` and each part of the model. When
its inputs change, a new revision takes the place of the old one, so no two versions are ever mixed.
``extra`` holds the hash of the inputs; ``explanation`` the evidence, as JSON. An abstention has no
value and says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.engines.duck import DuckEngine
from candor.events import arrow_schema
from candor.lake import Lake
from candor.scorers.experience import evidence
from candor.scorers.experience.features import Feature, Read, read
from candor.scorers.experience.model import (
    Floats,
    Model,
    Part,
    built_in,
    combine,
    of_parts,
    score,
)
from candor.scorers.run import SOURCE

ASSESSOR_ID = "candor_experience"
WHOLE = "experience_score"
CHUNK_CONVERSATIONS = 20_000
_USED = (
    "engaged", "is_open", "confirmed", "contradicted", "explicit_feedback", "reply_class",
    "ended_negative", "human_came", "abandoned", "rage_quit", "forced_termination", "answered",
    "customer_spoke_last", "returned_72h", "ai_messages", "human_messages", "customer_messages",
    "ai_fallbacks", "ai_clarifications", "rephrases", "transfers", "first_response_us",
    "sentiment_first_ppm", "sentiment_last_ppm", "sentiment_mean_ppm", "sentiment_messages",
)  # fmt: skip
_TODO_SQL = """
create or replace temp table _experience_todo as
with scored as (
    select
        cast(split_part(a.assessment_id, ':', 2) as bigint) as conversation_key,
        max(a.revision) as revision,
        arg_max(a.extra, a.revision) as extra,
        arg_max(a.assessor_version, a.revision) as version
    from ev_assessment as a
    where a.assessor_id = '{assessor}' and a.criterion = '{whole}'
    group by cast(split_part(a.assessment_id, ':', 2) as bigint)
),

bounded as (
    select
        c.conversation_key,
        c.conversation_no,
        c.thread_key,
        coalesce(lag(c.last_activity_at) over thread, -9223372036854775807) as after_at,
        case when lead(c.conversation_key) over thread is null then 9223372036854775807
            else c.last_activity_at end as until_at
    from conversation as c
    window thread as (partition by c.thread_key order by c.conversation_no)
),

spoken as (
    select
        b.conversation_key,
        count(*) as messages,
        bit_xor(md5_number_lower(m.event_id)) as mark
    from bounded as b
    inner join ev_message as m on b.thread_key = m.thread_key
    cross join setting as s
    where m.occurred_at > b.after_at and m.occurred_at <= b.until_at and m.occurred_at <= s.as_of_us
    group by b.conversation_key
),

told as (
    select
        c.conversation_key,
        c.thread_key,
        c.thread_id,
        coalesce(c.last_activity_at, c.ended_at, c.started_at) as occurred_at,
        b.after_at,
        b.until_at,
        md5(concat_ws('|', {parts}, cast(p.messages as varchar), cast(p.mark as varchar))) as inputs
    from conversation as c
    inner join bounded as b on c.conversation_key = b.conversation_key
    left join spoken as p on c.conversation_key = p.conversation_key
)

select
    row_number() over (order by t.thread_key, t.conversation_key) - 1 as place,
    t.conversation_key,
    t.thread_key,
    t.thread_id,
    t.occurred_at,
    t.after_at,
    t.until_at,
    t.inputs,
    coalesce(d.revision + 1, 0) as revision
from told as t
left join scored as d on t.conversation_key = d.conversation_key
where
    -- Of an erased conversation there is nothing left to read: its scores stay as they are.
    t.thread_id not like 'erased:%'
    and (
        d.conversation_key is null
        or d.version <> '{version}'
        or d.extra is distinct from '{{"inputs":"' || t.inputs || '"}}'
    )
"""
_CONVERSATIONS_SQL = """
select
    t.place, t.conversation_key, t.thread_id, t.occurred_at, t.inputs, t.revision, c.system_verdict, {used}
from _experience_todo as t
inner join conversation as c on t.conversation_key = c.conversation_key
where t.place >= {begin} and t.place < {end}
order by t.place
"""
_MESSAGES_SQL = """
with signal as (
    select
        cast(split_part(a.assessment_id, ':', 2) as bigint) as message_key,
        max(case when a.criterion = 'sentiment' then a.value end) as sentiment,
        max(case when a.criterion = 'message_kind' then a.label end) as kind,
        bool_or(a.criterion = 'rephrase' and a.label = 'true') as is_rephrase
    from ev_assessment as a
    inner join (
        select distinct t.thread_key from _experience_todo as t
        where t.place >= {begin} and t.place < {end}
    ) as d on a.thread_key = d.thread_key
    where a.assessor_id = 'candor_signals' and a.criterion in ('sentiment', 'message_kind', 'rephrase')
    group by cast(split_part(a.assessment_id, ':', 2) as bigint)
)

select
    t.place - {begin} as row,
    m.message_id,
    m.actor,
    coalesce(m.kind, s.kind) as kind,
    m.text,
    s.sentiment,
    coalesce(s.is_rephrase, false) as is_rephrase
from _experience_todo as t
inner join ev_message as m on t.thread_key = m.thread_key
cross join setting as n
left join signal as s on m.event_key = s.message_key
where
    t.place >= {begin}
    and t.place < {end}
    and m.occurred_at > t.after_at
    and m.occurred_at <= t.until_at
    and m.occurred_at <= n.as_of_us
    and m.is_public
    and m.actor in ('customer', 'ai_agent', 'human_agent')
    and m.text is not null
    and trim(m.text) <> ''
order by t.place, m.occurred_at, m.event_key
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What one run did: conversations scored anew, assessments stored, and the model's version."""

    conversations: int
    assessments: int
    version: str


def score_conversations(
    engine: DuckEngine,
    lake: Lake,
    *,
    model: Model | None = None,
    chunk: int = CHUNK_CONVERSATIONS,
) -> Done:
    """Score what changed and append the assessments.

    Args:
        engine: holds the table ``conversation``, ``setting`` and the views ``ev_message`` and
            ``ev_assessment``; the latter is made anew afterwards when anything was appended.
        lake: where assessments are appended.
        model: None uses the built-in one.
        chunk: conversations scored at a time.
    """
    model = model or built_in()
    _find(engine, model.version)
    todo = int(engine.rows("select count(*) from _experience_todo")[0][0])
    stored = 0
    for begin in range(0, todo, chunk):
        made = _assess(engine, model, begin, begin + chunk)
        stored += made.num_rows
        is_new = pc.equal(made["revision"], 0)
        fresh, again = made.filter(is_new), made.filter(pc.invert(is_new))
        if fresh.num_rows:
            lake.append_trusted("assessment", fresh)
        if again.num_rows:
            numbers = pa.array(np.arange(1, again.num_rows + 1))
            with lake.batch(SOURCE) as batch:
                batch.add("assessment", again.append_column("record_no", numbers))
                batch.commit()
    engine.run("drop table _experience_todo")
    if todo:
        lake.create_views(engine.connection, lake.snapshot(), types=("assessment",))
    return Done(todo, stored, model.version)


def chosen(engine: DuckEngine, keys: pa.Array) -> tuple[pa.Table, pa.Table]:
    """Chosen conversations and their public messages with text; nothing is written.

    Args:
        engine: as for ``score_conversations``.
        keys: conversation keys.

    Returns:
        conversations (``place``, ``conversation_key``, ``thread_id``, ``occurred_at``, facts), and
        messages (``row``: place of the conversation, ``message_id``, ``actor``, ``text``…), in order.
    """
    _find(engine, "")
    engine.load("_experience_wanted", pa.table({"conversation_key": keys}), temporary=True)
    engine.run(
        "create or replace temp table _experience_todo as"
        " select t.* replace (row_number() over (order by t.place) - 1 as place)"
        " from _experience_todo as t semi join _experience_wanted using (conversation_key)"
    )
    told, said = _tables(engine, 0, len(keys))
    engine.run("drop table _experience_todo")
    return told, said


def read_features(
    engine: DuckEngine, model: Model, keys: pa.Array, *, without_survey: bool
) -> tuple[pa.Array, Read]:
    """Features of chosen conversations, whether scored or not; nothing is written.

    Args:
        engine: as for ``score_conversations``.
        model: whose markers are read.
        keys: conversation keys.
        without_survey: as if nobody had answered a survey or pressed a thumb: only systems of record
            confirm or contradict. Whoever fits to surveys must not read them.

    Returns:
        the keys in the order of the features, and the features.
    """
    told, said = chosen(engine, keys)
    if without_survey:
        verdict = pc.fill_null(told["system_verdict"], "")
        for name, word in (("confirmed", "confirms"), ("contradicted", "contradicts")):
            told = told.set_column(told.column_names.index(name), name, pc.equal(verdict, word))
        place = told.column_names.index("explicit_feedback")
        nobody = pa.nulls(told.num_rows, pa.string())
        told = told.set_column(place, "explicit_feedback", nobody)
    return told["conversation_key"].combine_chunks(), read(told, said, model.markers)


def _find(engine: DuckEngine, version: str) -> None:
    parts = ", ".join(f"coalesce(cast(c.{name} as varchar), '')" for name in _USED)
    engine.run(_TODO_SQL.format(assessor=ASSESSOR_ID, whole=WHOLE, parts=parts, version=version))


def _tables(engine: DuckEngine, begin: int, end: int) -> tuple[pa.Table, pa.Table]:
    used = ", ".join(f"c.{name}" for name in _USED)
    told = engine.arrow(_CONVERSATIONS_SQL.format(used=used, begin=begin, end=end))
    return told, engine.arrow(_MESSAGES_SQL.format(begin=begin, end=end))


def _assess(engine: DuckEngine, model: Model, begin: int, end: int) -> pa.Table:
    """Assessments of the conversations from one place to another."""
    told, said = _tables(engine, begin, end)
    found = read(told, said, model.markers)
    values: dict[str, Floats] = {}
    made: list[pa.Table] = []
    for part in model.parts:
        reasons = found.abstains[part.name]
        scored = score(part, {n: f.values for n, f in found.features.items()}, reasons != "")
        values[part.name] = scored.values
        told_why = _explained(model, found.features, scored.points, said, reasons)
        made.append(_rows(told, part.name, model.version, scored.values, told_why))
    whole, coverage = combine(model, values)
    if model.inferred is not None:
        made.append(_inferred(model, model.inferred, told, said, values, whole))
    made.append(_rows(told, WHOLE, model.version, whole, _summary(model, values, whole, coverage)))
    return pa.concat_tables(made)


def _inferred(
    model: Model, part: Part, told: pa.Table, said: pa.Table,
    values: Mapping[str, Floats], whole: Floats,
) -> pa.Table:  # fmt: skip
    """The answer that a survey would have got, where there is an experience score."""
    nowhere = np.full(told.num_rows, -1, np.int64)
    features = {name: Feature(one, nowhere) for name, one in of_parts(values).items()}
    reasons = np.where(np.isnan(whole), "too_little_known", "")
    scored = score(part, {name: one.values for name, one in features.items()}, reasons != "")
    why = _explained(model, features, scored.points, said, reasons)
    return _rows(told, part.name, model.version, scored.values, why)


def _explained(
    model: Model,
    features: Mapping[str, Feature],
    points: Mapping[str, Floats],
    said: pa.Table,
    reasons: np.ndarray[tuple[int], np.dtype[np.str_]],
) -> pa.Array:
    told = evidence.told(features, points, said, model.markers)
    return pc.if_else(
        pa.array(reasons == ""),
        pc.binary_join_element_wise('{"evidence":', told, "}", ""),
        pc.binary_join_element_wise('{"abstained":"', pa.array(reasons), '"}', ""),
    )


def _summary(
    model: Model, parts: Mapping[str, Floats], whole: Floats, coverage: Floats
) -> pa.Array:
    """What the score was made of, as JSON: coverage, each part, and why there is none."""
    texts = ['{"coverage":', _number(coverage), ',"parts":{']
    for place, part in enumerate(model.parts):
        texts += [f"{',' if place else ''}{json.dumps(part.name)}:", _number(parts[part.name])]
    texts += ["}", pa.array(np.where(np.isnan(whole), ',"abstained":"too_little_known"}', "}"))]
    return pc.binary_join_element_wise(*texts, "")


def _number(values: Floats) -> pa.Array:
    told = pc.cast(pa.array(values, mask=np.isnan(values)), pa.string())
    return pc.fill_null(told, "null")


def _rows(
    told: pa.Table, criterion: str, version: str, values: Floats, explanation: pa.Array
) -> pa.Table:
    """One criterion's assessments of every conversation of a chunk."""
    schema = arrow_schema("assessment")
    size = told.num_rows
    at = told["occurred_at"].cast(pa.timestamp("us", "UTC"))
    key = told["conversation_key"].cast(pa.string())
    columns = {
        "source": pa.repeat(SOURCE, size),
        "occurred_at": at,
        "observed_at": at,
        "revision": told["revision"],
        "extra": pc.binary_join_element_wise('{"inputs":"', told["inputs"], '"}', ""),
        "assessment_id": pc.binary_join_element_wise(pa.scalar(criterion), key, ":"),
        "thread_id": told["thread_id"],
        "assessor_kind": pa.repeat("code", size),
        "assessor_id": pa.repeat(ASSESSOR_ID, size),
        "assessor_version": pa.repeat(version, size),
        "criterion": pa.repeat(criterion, size),
        "value": pa.array(values, mask=np.isnan(values)),
        "explanation": explanation,
    }
    return pa.table(
        [
            pa.nulls(size, field.type)
            if (column := columns.get(field.name)) is None
            else column.cast(field.type)
            for field in schema
        ],
        schema=schema,
    )

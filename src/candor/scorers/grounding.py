"""Scores AI answers that name their sources against the text of those sources.

The workspace's ``knowledge.jsonl`` holds one article a line, ``{"knowledge_id": …, "text": …}``. Reads
messages, appends assessments of criterion ``groundedness`` by ``candor_groundedness``: label true or
false, value the supported share, and the first claim that nothing supports as evidence. An answer
whose sources are not all in the file, or which claims nothing, is an abstention. Scored again when the
message or its articles change.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.events import arrow_schema
from candor.lake import Lake
from candor.scorers.groundedness import VERSION, Grounded, check
from candor.scorers.run import SOURCE

FILE = "knowledge.jsonl"
ASSESSOR_ID = "candor_groundedness"
_WORK_SQL = """
with named as (
    select m.event_key, unnest(m.knowledge_ids) as knowledge_id
    from ev_message as m
    where m.actor = 'ai_agent' and m.is_public and len(m.knowledge_ids) > 0 and m.text is not null
),

given as (
    select
        n.event_key,
        case when count(*) = count(k.text)
            then string_agg(k.text, chr(10) order by n.knowledge_id) end as knowledge
    from named as n
    left join knowledge as k on n.knowledge_id = k.knowledge_id
    group by n.event_key
),

known as (
    select a.assessment_id, max(a.revision) as revision, arg_max(a.extra, a.revision) as extra
    from ev_assessment as a
    where a.assessor_id = '{assessor}'
    group by a.assessment_id
),

work as (
    select
        'groundedness:' || cast(m.event_key as varchar) || ':{version}' as assessment_id,
        m.thread_id,
        m.message_id,
        m.occurred_at,
        m.text,
        g.knowledge,
        '{{"inputs":"' || md5(m.text || chr(31) || coalesce(g.knowledge, '')) || '"}}' as extra
    from given as g
    inner join ev_message as m on g.event_key = m.event_key
)

select w.*, coalesce(k.revision + 1, 0) as revision
from work as w
left join known as k on w.assessment_id = k.assessment_id
where k.assessment_id is null or k.extra is distinct from w.extra
order by w.assessment_id
"""


def load_knowledge(path: Path) -> pa.Table:
    """Articles of a file.

    Raises:
        CandorError: ``knowledge.invalid`` with every mistake.
    """
    ids: list[str] = []
    texts: list[str] = []
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = row["knowledge_id"], row["text"]
        except (ValueError, KeyError, TypeError):
            name = text = None
        if not isinstance(name, str) or not isinstance(text, str):
            problems.append(
                Problem("this is no article", f"{path}:{number}", "knowledge_id and text, as text")
            )
        elif name in ids:
            problems.append(Problem(f"'{name}' is there twice", f"{path}:{number}"))
        else:
            ids.append(name)
            texts.append(text)
    if problems:
        raise CandorError("knowledge.invalid", problems)
    return pa.table(
        {"knowledge_id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string())}
    )


def score_groundedness(engine: DuckEngine, lake: Lake, root: Path) -> int:
    """Score what is new or changed; the number of answers scored.

    Args:
        engine: may still read files; its views of messages and assessments are made anew.
        lake: where they are read and assessments appended.
        root: the workspace's folder; without ``knowledge.jsonl`` nothing is done.
    """
    path = root / FILE
    if not path.exists():
        return 0
    engine.load("knowledge", load_knowledge(path), temporary=True)
    lake.create_views(engine.connection, lake.snapshot(), types=("message", "assessment"))
    work = engine.arrow(_WORK_SQL.format(assessor=ASSESSOR_ID, version=VERSION))
    engine.run("drop table knowledge")
    if not work.num_rows:
        return 0
    found = check(work["text"].combine_chunks(), work["knowledge"].combine_chunks())
    made = _rows(work, found)
    is_new = pc.equal(made["revision"], 0)
    fresh, again = made.filter(is_new), made.filter(pc.invert(is_new))
    if fresh.num_rows:
        lake.append_trusted("assessment", fresh)
    if again.num_rows:
        numbers = pa.array(np.arange(1, again.num_rows + 1))
        with lake.batch(SOURCE) as batch:
            batch.add("assessment", again.append_column("record_no", numbers))
            batch.commit()
    return int(work.num_rows)


def _rows(work: pa.Table, found: Grounded) -> pa.Table:
    schema = arrow_schema("assessment")
    size = work.num_rows
    at = work["occurred_at"].cast(pa.timestamp("us", "UTC"))
    label = pc.if_else(found.grounded, "true", "false")
    reason = pc.if_else(
        pc.is_null(work["knowledge"].combine_chunks()), "source_not_given", "nothing_claimed"
    )
    columns = {
        "source": pa.repeat(SOURCE, size),
        "occurred_at": at,
        "observed_at": at,
        "revision": work["revision"],
        "extra": work["extra"],
        "assessment_id": work["assessment_id"],
        "thread_id": work["thread_id"],
        "message_id": work["message_id"],
        "assessor_kind": pa.repeat("code", size),
        "assessor_id": pa.repeat(ASSESSOR_ID, size),
        "assessor_version": pa.repeat(VERSION, size),
        "criterion": pa.repeat("groundedness", size),
        "label": label,
        "value": pa.array(np.round(found.share, 6), mask=np.isnan(found.share)),
        "explanation": pa.array(
            [
                _explained(*row)
                for row in zip(
                    work["message_id"].to_pylist(), found.sentence.to_pylist(),
                    found.grounded.to_pylist(), reason.to_pylist(), strict=True,
                )
            ],
            pa.string(),
        ),
    }  # fmt: skip
    return pa.table(
        [
            pa.nulls(size, field.type)
            if (column := columns.get(field.name)) is None
            else column.cast(field.type)
            for field in schema
        ],
        schema=schema,
    )


def _explained(message: str, sentence: str | None, grounded: bool | None, reason: str) -> str:
    if grounded is None:
        return json.dumps({"abstained": reason})
    shown = [] if sentence is None else [
        {"feature": "unsupported", "points": None, "message_id": message, "quote": sentence[:200]}
    ]  # fmt: skip
    return json.dumps({"evidence": shown}, ensure_ascii=False)

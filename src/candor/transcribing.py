"""Writes the transcripts of a publication: everything that happened in a thread, in one table.

Beside it stands ``score``: every verdict with its evidence, the built-in message signals aside. Only
this module writes the text file. Threads that nothing new touched are taken over from the previous
publication as they stand; the table has the same rows as one written from nothing, in whatever
order. Whoever reads it orders by ``occurred_at``, ``event_key`` and ``event_id``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake import Lake
from candor.lake.fresh import FreshFiles, fresh_files
from candor.lake.records import Snapshot
from candor.lake.serving import Serving
from candor.lake.staging import scan

MOST_NEW = 5
"""Taken over only when new events are at most one in so many; else all is written anew."""
_COLUMNS = "thread_key, occurred_at, event_key"
_TAIL = "source, raw_ref, event_id"
# What stands in a thread by itself: one event, one row. {of} keeps to the threads wanted.
_MOMENTS = {
    "message": f"select {_COLUMNS}, 'message' as kind, actor, is_public, kind as detail, text,"
    f" {_TAIL} from ev_message {{of}}",
    "state_change": f"select {_COLUMNS}, 'state_change', actor, true,"
    f" concat_ws(' · ', to_state, reason), null, {_TAIL} from ev_state_change {{of}}",
    "handoff": f"select {_COLUMNS}, 'handoff', from_actor, true,"
    " concat_ws(' · ', 'to ' || to_actor, reason, case when is_failed then 'failed' end), null,"
    f" {_TAIL} from ev_handoff {{of}}",
    "action": f"select {_COLUMNS}, 'action', actor, true, concat_ws(' · ', name, status), null,"
    f" {_TAIL} from ev_action {{of}}",
    "claim": f"select {_COLUMNS}, 'claim', null, true,"
    f" concat_ws(' · ', claimant, claimed, raw_value), null, {_TAIL} from ev_claim {{of}}",
    "survey": "select thread_key, coalesce(answered_at, occurred_at), event_key, 'survey',"
    " 'customer', true,"
    " concat_ws(' · ', instrument, coalesce(cast(score as varchar), 'not answered')), comment,"
    f" {_TAIL} from ev_survey {{of}} where thread_key is not null",
    "guardrail": f"select {_COLUMNS}, 'guardrail', null, true,"
    f" concat_ws(' · ', policy_id, result, severity), null, {_TAIL} from ev_guardrail {{of}}",
}
# A confirmation may reach threads through its customer, so all of them are written every time.
_CONFIRMED = (
    "f.occurred_at, f.event_key, 'confirmation', null, true,"
    " concat_ws(' · ', f.system, f.kind, f.supports), null, f.source, f.raw_ref, f.event_id"
    " from ev_confirmation as f"
)
_CONFIRMATIONS = f"""
select f.thread_key, {_CONFIRMED}
where f.thread_key is not null
union all
select c.thread_key, {_CONFIRMED}
inner join ev_conversation as c on f.customer_id = c.customer_id
where f.thread_key is null and (f.intent_id is null or f.intent_id = c.intent_id)
"""
# A correction is about a conversation; its revisions are all shown, so all are written every time.
_OVERRIDES = """
select
    thread_key, epoch_us(occurred_at), event_key, 'override', null, false,
    concat_ws(' · ', target_id, old_value || ' → ' || new_value, 'by ' || author), reason, source,
    raw_ref, event_id
from {files}
where thread_key is not null
"""
_SCORES = """
select
    a.thread_key,
    case when a.assessor_id = 'candor_experience' then cast(split_part(a.assessment_id, ':', 2) as bigint)
        end as conversation_key,
    a.message_id, a.criterion, a.assessor_kind, a.assessor_id, a.assessor_version, a.rubric, a.label,
    a.value, a.explanation, a.event_key, a.event_id
from ev_assessment as a
{of}
where a.assessor_id <> 'candor_signals' and a.thread_key is not null
"""
_DEFINITIONS = f"{_MOMENTS}{_CONFIRMATIONS}{_OVERRIDES}{_SCORES}"
VERSION = hashlib.sha256(_DEFINITIONS.encode()).hexdigest()[:16]
"""Changes with the table's definition: files written under another one are not taken over."""


def write(
    engine: DuckEngine, lake: Lake, shown: Snapshot, serving: Serving | None, target: Path
) -> dict[str, str]:
    """Make ``timeline`` in a new file.

    Args:
        engine: holds the ``ev_*`` views of ``shown``.
        lake: the events.
        shown: the snapshot that is published.
        serving: where the previous publication may be found; None takes nothing over.
        target: the file to make.

    Returns:
        what a later publication must know to take threads over.
    """
    fresh = None if serving is None else _copied(lake, shown, serving, target)
    engine.run(f"attach '{str(target).replace(chr(39), chr(39) * 2)}' as text")
    engine.run("begin transaction")
    if fresh is None:
        engine.run(f"create table text.timeline as {statement()}")
        engine.run(f"create table text.score as {_SCORES.format(of='')} order by a.thread_key")
    else:
        _find(engine, "touched_thread", fresh, _MOMENTS)
        _find(engine, "scored_thread", fresh, ("assessment",))
        engine.run(
            "delete from text.timeline where kind in ('confirmation', 'override')"
            " or thread_key in (select thread_key from touched_thread)"
        )
        engine.run(
            f"insert into text.timeline {statement('semi join touched_thread using (thread_key)')}"
        )
        engine.run(
            "delete from text.score where thread_key in (select thread_key from scored_thread)"
        )
        of = "semi join scored_thread using (thread_key)"
        engine.run(f"insert into text.score {_SCORES.format(of=of)}")
    if files := lake.verified_paths("override", shown):
        engine.run(f"insert into text.timeline {_OVERRIDES.format(files=scan(files))}")
    engine.run("commit")
    engine.run("detach text")
    return {"version": VERSION, "lake": shown.id}


def statement(of: str = "") -> str:
    """The query of all rows of the table; ``of`` keeps single events to some threads."""
    parts = [moment.format(of=of) for moment in _MOMENTS.values()]
    return " union all ".join([*parts, _CONFIRMATIONS])


def _copied(
    lake: Lake, shown: Snapshot, serving: Serving, target: Path
) -> Mapping[str, FreshFiles] | None:
    """Copy the previous file if it can be built upon.

    Returns:
        by event type, the data files and lists of superseded events that it did not know; None
        when all must be written anew.
    """
    kinds = (*_MOMENTS, "assessment")
    try:
        previous = serving.current()
        told = previous.about.get("transcripts", {})
        if told.get("version") != VERSION:
            return None
        before = lake.snapshot(told["lake"])
    except CandorError:
        return None
    fresh = fresh_files(lake, before, shown, kinds)
    if fresh is None:
        return None
    rows = sum(shown.rows(kind) for kind in kinds)
    added_rows = rows - sum(before.rows(kind) for kind in kinds)
    if added_rows * MOST_NEW > rows or not serving.copy("text", previous, target):
        return None
    return fresh


def _find(
    engine: DuckEngine, table: str, fresh: Mapping[str, FreshFiles], kinds: Iterable[str]
) -> None:
    """Threads of new events, and of earlier ones that are no longer current."""
    engine.run(f"create or replace temp table {table} (thread_key bigint)")
    for kind in kinds:
        for query in fresh[kind].queries("thread_key"):
            engine.run(f"insert into {table} {query}")

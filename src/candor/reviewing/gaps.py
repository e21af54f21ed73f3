"""Stores what topics show: verdicts on contacts, and gaps in the knowledge with their lifecycle.

Appends ``assessment`` events (criteria ``knowledge_gap`` and ``novel_intent``, by ``candor_topics``) and
``gap`` events, both of source ``candor``; a verdict or gap that did not change is not written again. A
gap opens at the instant the data reach to when its topic is first found to be one; it is resolved by the
first change of the knowledge that names it (``closes_gap_id``), dismissed by a person, and a topic that
is a gap again in contacts after its mending opens a new one. A gap whose topic merely looks better stays
open: only work on the knowledge mends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from candor import window
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem, nearest
from candor.events import arrow_schema
from candor.lake import Lake
from candor.reviewing.contacts import Contact
from candor.reviewing.topic_memory import FOLDER, Kept, remember
from candor.reviewing.topics import Topic, Topics, judge_gaps
from candor.scorers.run import SOURCE
from candor.scorers.topics.intents import Known
from candor.workspace import Workspace

ASSESSOR_ID, VERSION = "candor_topics", "1"
_THREADS = 1_000
"""Most threads that one gap names: the latest."""
_KNOWN_SQL = """
select a.assessment_id, a.label, a.explanation, a.assessor_version, a.revision
from ev_assessment as a
where a.source = '{source}' and a.assessor_id = '{assessor}'
order by a.assessment_id
"""
_GAPS_SQL = """
select g.gap_id, g.topic, g.opened_at, g.status, g.thread_ids, g.revision,
    g.resolved_at
from ev_gap as g
where g.source = '{source}'
order by g.gap_id
"""
_CHANGES_SQL = """
select e.closes_gap_id, min(e.occurred_at) as changed_at
from ev_knowledge_change as e
where e.closes_gap_id is not null and e.occurred_at <= {as_of}
group by e.closes_gap_id
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap as stored: times in microseconds UTC; ``revision`` of the last that was written."""

    gap_id: str
    topic: str
    opened_at: int
    status: str
    thread_ids: tuple[str, ...]
    revision: int
    resolved_at: int | None = None

    @property
    def of(self) -> str:
        """Id of the topic."""
        return self.gap_id.split("-")[1]


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: verdicts by criterion, and gaps opened, resolved and still open."""

    knowledge_gap: int
    novel_intent: int
    opened: tuple[str, ...]
    resolved: tuple[str, ...]
    gaps: tuple[Gap, ...]

    def as_dict(self, as_of_us: int) -> dict[str, Any]:
        """Plain data; ``age_days`` up to the mending or the data's end."""
        return {
            "verdicts": {"knowledge_gap": self.knowledge_gap, "novel_intent": self.novel_intent},
            "opened": list(self.opened), "resolved": list(self.resolved),
            "gaps": [
                {"gap_id": g.gap_id, "topic": g.topic, "status": g.status,
                 "opened_at": window.format_instant(g.opened_at),
                 "resolved_at": None if g.resolved_at is None else window.format_instant(g.resolved_at),
                 "threads": len(g.thread_ids), "age_days": age_days(g, as_of_us)}
                for g in self.gaps
            ],
        }  # fmt: skip


def age_days(gap: Gap, as_of_us: int) -> float:
    """Days from its opening to its mending, or to the data's end."""
    return round(max(0, (gap.resolved_at or as_of_us) - gap.opened_at) / 86_400_000_000, 1)


def store(workspace: Workspace, found: Topics) -> Stored:
    """Write verdicts and gaps that are new or changed, and remember the topics.

    Args:
        workspace: that was looked at.
        found: in it.
    """
    with Lake.open(workspace.root) as lake:
        known, before, changes = _read(lake, found.as_of_us)
        verdicts = [*_gap_verdicts(found.topics), *_novel_verdicts(found)]
        made = [
            (one, known.get(one[0]))
            for one in verdicts
            if known.get(one[0], ("", "", "", 0))[:3] != (one[2], one[3], VERSION)
        ]
        gaps = lifecycle(found.topics, before, changes, found.as_of_us)
        fresh = [gap for gap in gaps if before.get(gap.gap_id) != gap]
        _write(lake, "assessment", [_assessment(one, old) for one, old in made])
        _write(lake, "gap", [_gap_row(gap, found.as_of_us) for gap in fresh])
    if found.topics:
        remember(
            workspace.root / FOLDER,
            {
                t.topic: (
                    Kept(t.topic, dict(t.profile), t.parent, t.terms, t.parent_terms,
                         seen_us=found.as_of_us),
                    frozenset(c.key for c in t.members),
                )
                for t in found.topics
            },
            found.used,
        )  # fmt: skip
    count = [one[0].split(":")[0] for one, _ in made]
    return Stored(
        count.count("knowledge_gap"), count.count("novel_intent"),
        tuple(g.gap_id for g in fresh if g.gap_id not in before),
        tuple(g.gap_id for g in fresh if g.status == "resolved"), tuple(gaps),
    )  # fmt: skip


def dismiss(workspace: Workspace, gap_id: str, as_of_us: int) -> Gap:
    """Say that an open gap is none.

    Raises:
        CandorError: ``gap.unknown``.
    """
    with Lake.open(workspace.root) as lake:
        _, before, _ = _read(lake, as_of_us)
        found = before.get(gap_id)
        if found is None or found.status != "open":
            names = [one.gap_id for one in before.values() if one.status == "open"]
            raise CandorError(
                "gap.unknown", Problem(f"'{gap_id}' is no open gap", "--dismiss",
                                       nearest(gap_id, names) or "one that `candor topics` opened"),
            )  # fmt: skip
        gone = replace(found, status="dismissed", revision=found.revision + 1)
        _write(lake, "gap", [_gap_row(gone, as_of_us)])
    return gone


def lifecycle(
    topics: Sequence[Topic], before: Mapping[str, Gap], changes: Mapping[str, int], as_of_us: int
) -> list[Gap]:
    """Gaps as they stand now.

    Args:
        topics: of this run.
        before: gaps by id.
        changes: first change of the knowledge that names a gap.
        as_of_us: how far the data reach.
    """
    now: dict[str, Gap] = {}
    for gap in before.values():
        at = changes.get(gap.gap_id)
        if gap.status == "open" and at is not None and at >= gap.opened_at:
            gap = replace(gap, status="resolved", resolved_at=at, revision=gap.revision + 1)  # noqa: PLW2901
        now[gap.gap_id] = gap
    for topic in topics:
        mine = sorted(
            (g for g in now.values() if g.of == topic.topic), key=lambda g: (g.opened_at, g.gap_id)
        )
        last = mine[-1] if mine else None
        title = ", ".join(topic.terms[:4]) or topic.topic
        if last is None or (last.status == "resolved" and _again(topic, topics, last)):
            if topic.is_gap:
                number = f"-{len(mine) + 1}" if mine else ""
                since = last.resolved_at if last else None
                name = f"topic-{topic.topic}{number}"
                now[name] = Gap(name, title, as_of_us, "open", _threads(topic, since), 0)
        elif last.status == "open":
            threads = _threads(topic, None) or last.thread_ids
            if (threads, title) != (last.thread_ids, last.topic) and topic.is_gap:
                now[last.gap_id] = replace(
                    last, thread_ids=threads, topic=title, revision=last.revision + 1
                )
    return [now[key] for key in sorted(now)]


def _again(topic: Topic, topics: Sequence[Topic], gap: Gap) -> bool:
    """Whether the topic is a gap by the contacts after the mending alone."""
    later = []
    for one in topics:
        since = [c for c in one.members if c.asked_at > (gap.resolved_at or 0)]
        known = [c for c in since if c.is_unhelped is not None]
        bad = sum(c.is_unhelped is True for c in known)
        later.append(
            replace(one, members=tuple(since), answered=len(known), unhelped=bad, is_gap=None,
                    share=None, low=None, high=None, elsewhere=None, excess=0.0)
        )  # fmt: skip
    judge_gaps(later)
    return any(one.is_gap is True for one in later if one.topic == topic.topic)


def _threads(topic: Topic, since: int | None) -> tuple[str, ...]:
    """Threads in which the AI did not help, the latest; sorted by name."""
    shown = [c for c in topic.members if c.is_unhelped and (since is None or c.asked_at > since)]
    shown.sort(key=lambda c: (-c.asked_at, c.key))
    return tuple(sorted({c.thread_id for c in shown[:_THREADS]}))


_Verdict = tuple[str, Contact, str | None, str]


def _gap_verdicts(topics: Iterable[Topic]) -> Iterable[_Verdict]:
    for topic in topics:
        label = None if topic.is_gap is None else str(topic.is_gap).lower()
        why = _why(f"topic {topic.topic}: {', '.join(topic.terms[:4])}", "too_few_in_topic", label)
        for one in topic.members:
            if one.ai_involved:
                yield f"knowledge_gap:{one.key}", one, label, why


def _novel_verdicts(found: Topics) -> Iterable[_Verdict]:
    known: Known | None = found.known
    if known is None:
        return
    for one in found.contacts:
        guess = found.guesses.get(one.key)
        if guess is None:
            continue
        label = None if guess.is_novel is None else str(guess.is_novel).lower()
        shown = f"likeliest {guess.intent}, {guess.score:.3f} against {known.threshold:.3f}"
        yield f"novel_intent:{one.key}", one, label, _why(shown, "no_words", label)


def _why(shown: str, abstained: str, label: str | None) -> str:
    if label is None:
        return json.dumps({"abstained": abstained})
    return json.dumps({"evidence": [{"feature": shown, "points": None, "message_id": None, "quote": None}]}, ensure_ascii=False)  # fmt: skip


def _read(
    lake: Lake, as_of_us: int
) -> tuple[dict[str, tuple[str | None, str, str, int]], dict[str, Gap], dict[str, int]]:
    """Verdicts of candor_topics, gaps of candor, and changes that close gaps."""
    with DuckEngine() as engine:
        lake.create_views(
            engine.connection, lake.snapshot(), types=("assessment", "gap", "knowledge_change")
        )
        known = {
            row[0]: (row[1], row[2], row[3], int(row[4]))
            for row in engine.rows(_KNOWN_SQL.format(source=SOURCE, assessor=ASSESSOR_ID))
        }
        gaps = {
            row[0]: Gap(row[0], row[1], int(row[2]), row[3], tuple(row[4]), int(row[5]), row[6])
            for row in engine.rows(_GAPS_SQL.format(source=SOURCE))
        }
        changes = dict(engine.rows(_CHANGES_SQL.format(as_of=as_of_us)))
    return known, gaps, changes


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)


def _assessment(
    one: _Verdict, old: tuple[str | None, str, str, int] | None
) -> dict[str, Any]:  # fmt: skip
    key, contact, label, why = one
    at = _instant(contact.asked_at)
    return {
        "source": SOURCE, "occurred_at": at, "observed_at": at,
        "revision": 0 if old is None else old[3] + 1, "assessment_id": key,
        "thread_id": contact.thread_id, "assessor_kind": "code", "assessor_id": ASSESSOR_ID,
        "assessor_version": VERSION, "criterion": key.split(":")[0], "label": label,
        "explanation": why,
    }  # fmt: skip


def _gap_row(gap: Gap, as_of_us: int) -> dict[str, Any]:
    at = _instant(max(as_of_us, gap.opened_at))
    told = asdict(gap)
    del told["revision"]
    return {
        **told, "source": SOURCE, "occurred_at": at, "observed_at": at, "revision": gap.revision,
        "opened_at": _instant(gap.opened_at), "opened_by": "code",
        "resolved_at": None if gap.resolved_at is None else _instant(gap.resolved_at),
        "thread_ids": list(gap.thread_ids),
    }  # fmt: skip


def _write(lake: Lake, event: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows; those that take the place of others go the long way."""
    schema = arrow_schema(event)
    for again in (False, True):
        part = [row for row in rows if (row["revision"] > 0) is again]
        if not part:
            continue
        table = pa.table(
            [pa.array([row.get(f.name) for row in part], f.type) for f in schema], schema=schema
        )
        if not again:
            lake.append_trusted(event, table)
            continue
        numbers = pa.array(range(1, len(part) + 1), pa.int64())
        with lake.batch(SOURCE) as batch:
            batch.add(event, table.append_column("record_no", numbers))
            batch.commit()

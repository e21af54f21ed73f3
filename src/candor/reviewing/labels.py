"""Labels of people into the lake as assessments, and out again.

A label stands at the time of what it judges, not of the judging, so that labelling never moves the
clock of the figures; ``labelled_at`` is kept beside. Names of reviewers are stored as keyed hashes. A
label from a drawn queue keeps the chance recorded with the draw, whatever the file says now.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from candor import ingesting, window
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.lake import WAIT_SECONDS, Lake
from candor.lake.serving import Serving
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.reviewing import form
from candor.reviewing.form import Label
from candor.workspace import Workspace

SOURCE = "labels"
FOLDER = "reviews"
DESIGN = "design.json"
_HASHED = re.compile(r"k\w+:[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Imported:
    """Counts of one import: rows read = stored + duplicate + blank + quarantined."""

    read: int
    stored: int
    duplicate: int
    blank: int
    quarantined: int
    without_probability: int

    def as_dict(self) -> dict[str, int]:
        """Plain data."""
        return asdict(self)


def import_labels(
    workspace: Workspace, path: Path, *, assessor: str = "", criterion: str = "",
    wait_seconds: float = WAIT_SECONDS,
) -> Imported:  # fmt: skip
    """Store the labels of a file.

    Args:
        workspace: measured at least once when labels name conversations.
        path: CSV or JSON Lines, see ``form``.
        assessor: for rows that name none.
        criterion: for rows that name none.
        wait_seconds: how long to wait for another writer.

    Raises:
        CandorError: ``labels.invalid`` with every mistake, ``lake.locked``; nothing is stored then.
    """
    read = form.read(path, assessor=assessor, criterion=criterion)
    problems = form.same_items(read.labels)
    places = _places(workspace, read.labels)
    designs = _designs(workspace, {one.queue for one in read.labels if one.queue}, problems)
    events = []
    key_id, key = load_or_create(workspace.restricted)
    people = Pseudonymiser(key, key_id)
    for one in read.labels:
        place = places.get(one.row)
        if place is None:
            told = ", ".join(f"{name} {value}" for name, value in one.item.items())
            problems.append(
                Problem(
                    f"there is no {told}",
                    f"{path.name}: row {one.row}",
                    "an item that was ingested and measured",
                )
            )
        else:
            events.append(_event(one, place, designs, people))
    if problems:
        raise CandorError("labels.invalid", problems)
    result = ingesting.IngestResult()
    if events:
        with tempfile.TemporaryDirectory(dir=workspace.restricted) as folder:
            lines = Path(folder) / "labels.jsonl"
            lines.write_text("".join(json.dumps(one) + "\n" for one in events), encoding="utf-8")
            result = ingesting.ingest(
                workspace, "canonical", [lines], name=SOURCE, wait_seconds=wait_seconds
            )
    return Imported(
        len(read.labels) + read.blank, result.stored, result.duplicate, read.blank,
        result.quarantined, sum("sampling_probability" not in one for one in events),
    )  # fmt: skip


def export_labels(workspace: Workspace, path: Path, *, criterion: str = "") -> int:
    """Write every label of a person, as ``import_labels`` reads it; the number written."""
    return form.write(path, stored(workspace, criterion=criterion))


def stored(
    workspace: Workspace, *, criterion: str = "", thread: str = ""
) -> Iterable[Mapping[str, Any]]:
    """Labels of people as rows of a file of labels, only the latest revision of each.

    Args:
        workspace: any.
        criterion: only by this one.
        thread: only of this thread.
    """
    wanted = thread.replace("'", "''")
    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection, lake.snapshot(), types=("assessment",))
        rows = engine.arrow(
            "select * from ev_assessment where assessor_kind = 'human'"
            + (f" and thread_id = '{wanted}'" if thread else "")
            + " order by criterion, thread_id, message_id, handoff_id, assessor_id, event_id"
        ).to_pylist()
    for row in rows:
        if criterion and row["criterion"] != criterion:
            continue
        more = json.loads(row["extra"] or "{}")
        is_abstention = row["label"] is None and row["value"] is None
        yield {
            **{name: row[name] for name in ("thread_id", "message_id", "handoff_id", "criterion",
                                            "value", "rubric", "sampling_probability", "is_blind",
                                            "revision")},
            **{name: more.get(name) for name in ("conversation_id", "queue", "labelled_at")},
            "label": form.UNKNOWN if is_abstention else row["label"],
            "assessor": row["assessor_id"], "comment": row["explanation"],
        }  # fmt: skip


def _event(
    one: Label, place: tuple[str | None, int], designs: Mapping[str, Mapping[str, float]],
    people: Pseudonymiser,
) -> dict[str, Any]:  # fmt: skip
    thread, at = place
    who = one.assessor if _HASHED.fullmatch(one.assessor) else people.one("person", one.assessor)
    item = next(value for name in reversed(form.ITEMS) if (value := one.item.get(name)))
    identity = f"{item}\x1f{one.criterion}\x1f{who}\x1f{one.rubric}"
    chance = designs.get(one.queue, {}).get(item, one.sampling_probability)
    event: dict[str, Any] = {
        "type": "assessment",
        "assessment_id": "label:" + hashlib.sha256(identity.encode()).hexdigest()[:32],
        "thread_id": thread,
        "message_id": one.item.get("message_id"),
        "handoff_id": one.item.get("handoff_id"),
        "occurred_at": window.format_instant(at),
        "assessor_kind": "human",
        "assessor_id": who,
        "assessor_version": "1",
        "rubric": one.rubric,
        "criterion": one.criterion,
        "label": one.label,
        "value": one.value,
        "explanation": one.comment,
        "sampling_probability": chance,
        "is_blind": one.is_blind,
        "revision": one.revision or None,
        "conversation_id": one.item.get("conversation_id"),
        "queue": one.queue,
        "labelled_at": one.labelled_at,
    }
    return {name: value for name, value in event.items() if value not in (None, "")}


def _designs(
    workspace: Workspace, queues: Iterable[str], problems: list[Problem]
) -> dict[str, dict[str, float]]:
    """Chance of being drawn by item, of each queue that labels name."""
    found: dict[str, dict[str, float]] = {}
    for queue in sorted(queues):
        path = workspace.root / FOLDER / queue / DESIGN
        if Path(queue).name != queue or not path.exists():
            problems.append(
                Problem(f"there is no review queue '{queue}'", str(path), "one drawn here")
            )
            continue
        design = json.loads(path.read_text(encoding="utf-8"))
        found[queue] = {one["conversation_id"]: one["pi"] for one in design["items"]}
    return found


def _places(workspace: Workspace, labels: Sequence[Label]) -> dict[int, tuple[str | None, int]]:
    """By row: the thread and the time of what a label judges; items that are unknown are left out."""
    wanted = pa.table(
        {
            "row": pa.array([one.row for one in labels], pa.int64()),
            **{
                name: pa.array([one.item.get(name) for one in labels], pa.string())
                for name in form.ITEMS
            },
        }
    )
    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection, lake.snapshot(), types=("message", "handoff"))
        engine.load("wanted", wanted, temporary=True)
        if any("conversation_id" in one.item for one in labels):
            facts = str(Serving(workspace.serving).current().facts).replace("'", "''")
            engine.run(f"attach '{facts}' as published (read_only)")
            engine.run("create temp view conversation as from published.conversation")
        else:
            engine.run(
                "create temp table conversation (conversation_id varchar, thread_id varchar,"
                " last_activity_at bigint, started_at bigint)"
            )
        rows = engine.rows(_PLACES_SQL)
    return {int(row): (thread, int(at)) for row, thread, at in rows if at is not None}


_PLACES_SQL = """
with talk as (
    select m.thread_id, max(m.occurred_at) as at from ev_message as m group by m.thread_id
)

select
    w.row,
    coalesce(m.thread_id, h.thread_id, c.thread_id, t.thread_id) as thread_id,
    case
        when w.message_id is not null then min(m.occurred_at)
        when w.handoff_id is not null then min(h.occurred_at)
        when w.conversation_id is not null then min(coalesce(c.last_activity_at, c.started_at))
        else min(t.at)
    end as at
from wanted as w
left join ev_message as m
    on w.message_id = m.message_id and (w.thread_id is null or w.thread_id = m.thread_id)
left join ev_handoff as h on w.handoff_id = h.handoff_id
left join conversation as c on w.conversation_id = c.conversation_id
left join talk as t on w.thread_id = t.thread_id
group by w.row, w.message_id, w.handoff_id, w.conversation_id, 2
order by w.row
"""

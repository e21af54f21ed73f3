"""Outcomes set by a person: stored as events, listed with their history, tried before they count.

Appends and never edits. An override is named by its conversation; each correction of it, a
withdrawal included, is a later revision, and the latest one stands from the next ``measure`` on.
What happened, who was involved, what the vendor claims and what vendors' rules say stay as they are.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from candor import ingesting, publishing, rehearsing, window
from candor.access import audit
from candor.access.permissions import OPERATOR, Actor
from candor.access.store import Store
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem, nearest
from candor.events import identity
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.lake.staging import scan
from candor.metrics.registry import load
from candor.rehearsing import Look, Moved
from candor.workspace import Workspace

SOURCE = publishing.OVERRIDE_SOURCE
OUTCOMES = ("resolved", "not_resolved", "unknown")
WITHDRAWN = "withdrawn"
_PUBLISHED = {None: "unknown", True: "resolved", False: "not_resolved"}
_LONGEST = {"author": 200, "reason": 2_000}
_STORES_WITHIN = 5.0
"""Seconds to wait for another writer: nobody can log in while the audit row waits for its event."""


@dataclass(frozen=True, slots=True)
class Override:
    """One revision of one override.

    Attributes:
        conversation_id, thread_id: what it is about.
        revision: counts from 0.
        before: outcome before it, as published then.
        outcome: resolved, not_resolved, unknown or withdrawn.
        author, reason, at: who, why (personal data masked), and when (ISO).
        stands: whether it is the latest and was not withdrawn.
    """

    conversation_id: str
    thread_id: str
    revision: int
    before: str
    outcome: str
    author: str
    reason: str
    at: str
    stands: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Standing:
    """A published conversation and what people set for it.

    Attributes:
        conversation_id, thread_id: which.
        outcome: as published: resolved, not_resolved or unknown.
        history: every revision of its override, the earliest first.
    """

    conversation_id: str
    thread_id: str
    outcome: str
    history: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, for the audit log.

    Attributes:
        actor: somebody logged in, or the operator of the host.
        request: id of the request.
        store: of the audit log; the workspace's when left out.
    """

    actor: Actor = OPERATOR
    request: str = ""
    store: Store | None = None


_OPERATOR = By()


@dataclass(frozen=True, slots=True)
class Corrected:
    """An override that was stored, or tried.

    Attributes:
        override: as it is, or would be, stored.
        moved: figures it would move; None when nobody asked.
        notes: what it cannot change here, in words.
    """

    override: Override
    moved: list[Moved] | None
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        told = None if self.moved is None else [one.as_dict() for one in self.moved]
        return {"override": self.override.as_dict(), "figures": told, "notes": list(self.notes)}


def override(
    workspace: Workspace, conversation: str, outcome: str, *, author: str, reason: str,
    preview: bool = False, look: Look | None = None, revision: int | None = None,
    by: By = _OPERATOR,
) -> Corrected:  # fmt: skip
    """Set the outcome of a conversation, or withdraw what was set.

    Args:
        workspace: measured at least once.
        conversation: ``thread_id#n``, or a thread of one conversation.
        outcome: one of `OUTCOMES`, or ``withdrawn``.
        author: who sets it.
        reason: why, in words.
        preview: store nothing and tell which figures would move.
        look: which figures a preview compares; every counted metric when left out.
        revision: what it must become, as it was shown; any when left out.
        by: who acts, for the audit log.

    Raises:
        CandorError: every mistake at once, or a conversation that is not published;
            ``override.outdated`` when somebody else was faster.
    """
    _check(outcome, author, reason)
    row = _found(workspace, conversation)
    history = _history(workspace, row["conversation_id"])
    if revision not in (None, len(history)):
        raise CandorError(
            "override.outdated",
            Problem("its outcome was set meanwhile", row["conversation_id"], "",
                    "look at what stands now and decide again"),
        )  # fmt: skip
    if outcome == WITHDRAWN and not any(one.stands for one in history):
        raise CandorError(
            "override.none",
            Problem("nothing stands that could be withdrawn", row["conversation_id"], "",
                    "`candor overrides` lists what stands"),
        )  # fmt: skip
    made = Override(
        conversation_id=row["conversation_id"], thread_id=row["thread_id"], revision=len(history),
        before=_PUBLISHED[row["true_resolution"]], outcome=outcome, author=author.strip(),
        reason=reason.strip(), at=window.format_instant(time.time_ns() // 1000),
        stands=outcome != WITHDRAWN,
    )  # fmt: skip
    if preview:
        return Corrected(made, _tried(workspace, made, look), _notes(row, outcome))
    _store(workspace, made, by)
    (stored,) = [
        one for one in _history(workspace, made.conversation_id) if one.revision == made.revision
    ]
    return Corrected(stored, None, _notes(row, outcome))


def standing(workspace: Workspace, conversation: str) -> Standing:
    """What is published of a conversation, and what people set for it.

    Args:
        workspace: measured at least once.
        conversation: as ``override`` takes it.

    Raises:
        CandorError: ``conversation.unknown``.
    """
    row = _found(workspace, conversation)
    name = row["conversation_id"]
    return Standing(
        name, row["thread_id"], _PUBLISHED[row["true_resolution"]],
        tuple(_history(workspace, name)),
    )  # fmt: skip


def overrides(workspace: Workspace) -> list[Override]:
    """Every revision of every override, by conversation, the earliest first."""
    with Lake.open(workspace.root, create=True) as lake, DuckEngine() as engine:
        files = lake.verified_paths("override", lake.snapshot())
        if not files:
            return []
        rows = engine.rows(
            "select target_id, thread_id, revision, old_value, new_value, author, reason,"
            " epoch_us(occurred_at), row_number() over (partition by target_id"
            " order by occurred_at desc, revision desc, override_id, event_id) = 1"
            f" from {scan(files)} where target_type = 'conversation' and field = 'outcome'"
            " order by target_id, occurred_at, revision, event_id"
        )
    return [
        Override(
            target, thread or "", int(revision), old or "", new, author, reason,
            window.format_instant(at), bool(is_latest) and new in OUTCOMES,
        )
        for target, thread, revision, old, new, author, reason, at, is_latest in rows
    ]  # fmt: skip


def _history(workspace: Workspace, conversation: str) -> list[Override]:
    return [one for one in overrides(workspace) if one.conversation_id == conversation]


def _check(outcome: str, author: str, reason: str) -> None:
    problems = []
    if outcome not in (*OUTCOMES, WITHDRAWN):
        problems.append(
            Problem(f"unknown outcome '{outcome}'", "--outcome", ", ".join(OUTCOMES),
                    nearest(outcome, OUTCOMES))
        )  # fmt: skip
    for name, text in (("author", author), ("reason", reason)):
        if not text.strip() or len(text) > _LONGEST[name]:
            problems.append(
                Problem(
                    f"no {name}, or a long one", f"--{name}", f"1 to {_LONGEST[name]} characters"
                )
            )
    if problems:
        raise CandorError("usage.override", problems, exit_code=2)


def _found(workspace: Workspace, conversation: str) -> dict[str, Any]:
    name = conversation.replace("'", "''")
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        rows: list[dict[str, Any]] = engine.arrow(
            "select conversation_id, thread_id, true_resolution, escalated, ai_involved, transfers,"
            f" returned_72h from conversation where conversation_id = '{name}'"
            f" or thread_id = '{name}' order by conversation_no"
        ).to_pylist()
    if len(rows) == 1 or (rows and rows[0]["conversation_id"] == conversation):
        return rows[0]
    ids = ", ".join(row["conversation_id"] for row in rows)
    raise CandorError(
        "conversation.unknown",
        Problem(
            f"'{conversation}' is {'several conversations' if rows else 'no conversation'} of the "
            "published snapshot", "", ids or "an id as `candor why` takes it",
        ),
    )  # fmt: skip


def _notes(row: Mapping[str, Any], outcome: str) -> tuple[str, ...]:
    notes = []
    if not row["ai_involved"]:
        notes.append("the AI took no part: true resolution stays outside, FCR by people follows")
    if row["escalated"] and outcome in ("resolved", "unknown"):
        notes.append("it was handed over to a person: the AI's true resolution stays false")
    if row["returned_72h"] and outcome == "resolved":
        notes.append("the customer came back within 72 h: first contact resolution stays false")
    return tuple(notes)


def _event(made: Override) -> dict[str, Any]:
    return {
        "type": "override", "override_id": f"outcome:{made.conversation_id}",
        "occurred_at": made.at, "revision": made.revision, "thread_id": made.thread_id,
        "target_type": "conversation", "target_id": made.conversation_id, "field": "outcome",
        "old_value": made.before, "new_value": made.outcome, "author": made.author,
        "reason": made.reason,
    }  # fmt: skip


def _store(workspace: Workspace, made: Override, by: By) -> None:
    """The event and its audit row: neither without the other, unless the machine stops between."""
    store = by.store or Store(workspace.restricted)
    try:
        with (
            store.change() as connection,
            tempfile.TemporaryDirectory(dir=workspace.restricted) as folder,
        ):
            audit.append(
                connection, by.actor, f"override.{'withdraw' if made.outcome == WITHDRAWN else 'set'}",
                f"conversation:{identity.thread_key(made.conversation_id):015x}", at=store.now(),
                request=by.request,
                detail={"outcome": made.outcome, "before": made.before, "revision": made.revision},
            )  # fmt: skip
            lines = Path(folder) / "override.jsonl"
            lines.write_text(json.dumps(_event(made)) + "\n", encoding="utf-8")
            result = ingesting.ingest(
                workspace, "canonical", [lines], name=SOURCE, wait_seconds=_STORES_WITHIN
            )
            if result.stored != 1:
                raise CandorError(
                    "override.not_stored",
                    Problem("the override was not accepted", made.conversation_id, "",
                            "somebody else may have set one at this moment: look and try again"),
                )  # fmt: skip
    finally:
        if by.store is None:
            store.close()


def _tried(workspace: Workspace, made: Override, look: Look | None) -> list[Moved]:
    catalogue = load(workspace.metrics_dir)
    about = Serving(workspace.serving).current().about
    event = {
        name: value for name, value in _event(made).items() if name not in ("type", "occurred_at")
    }
    row = {
        **event, "source": SOURCE, "event_id": "~", "occurred_at": time.time_ns() // 1000,
        "thread_key": identity.thread_key(made.thread_id), "event_key": 0,
    }  # fmt: skip
    tries: list[list[dict[str, Any]]] = [[], [row]]
    with Lake.open(workspace.root) as lake:
        before, after = (
            rehearsing.rehearse(
                lake, lake.snapshot(), catalogue, workspace.settings,
                as_of_us=int(about["as_of_us"]), intents=workspace.intents(),
                human_agents=publishing.pseudonymous(workspace), folder=workspace.serving,
                added=added, look=look,
            )
            for added in tries
        )  # fmt: skip
    return rehearsing.moved(before, after, catalogue)

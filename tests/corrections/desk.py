"""A small support desk whose threads end in ways that can be told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from candor import pipeline
from candor.outcomes import IngestResult
from candor.workspace import Workspace

CONFIG = '[workspace]\nname = "Desk"\ntimezone = "UTC"\n'
SOLVED = [
    ("customer", "My invoice 99 is wrong"),
    ("ai_agent", "I corrected invoice 99."),
    ("customer", "Thanks, that worked!"),
]
ANGRY = [
    ("customer", "My invoice 98 is wrong"),
    ("ai_agent", "Restart your router."),
    ("customer", "That did not help, this is useless!"),
]


def thread(
    name: str, texts: list[tuple[str, str]], day: int = 1, customer: str = ""
) -> list[dict[str, Any]]:
    """One chat, a message a minute from ten o'clock of a day of May 2026."""
    at = f"2026-05-{day:02d}T10"
    events: list[dict[str, Any]] = [
        {"type": "conversation", "thread_id": name, "occurred_at": f"{at}:00:00Z",
         "started_at": f"{at}:00:00Z", "channel": "chat", "customer_id": customer or f"c-{name}",
         "intent_id": f"issue-{day}", "is_test": False, "is_spam": False, "subject": f"about {name}"}
    ]  # fmt: skip
    events += [
        {"type": "message", "message_id": f"{name}-{n}", "thread_id": name,
         "occurred_at": f"{at}:{n:02d}:00Z", "actor": actor, "text": text, "is_public": True,
         **({"kind": "answer"} if actor == "ai_agent" else {})}
        for n, (actor, text) in enumerate(texts)
    ]  # fmt: skip
    return events


def take(
    workspace: Workspace, path: Path, events: list[dict[str, Any]], *, name: str = "feed"
) -> IngestResult:
    """Write events to a file and ingest it."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    return pipeline.ingest(workspace, "canonical", [path], name=name)


def desk(folder: Path) -> Workspace:
    """Three solved threads, one that ended in anger, one that begins late; not measured yet."""
    workspace = Workspace.create(folder / "desk", CONFIG)
    events = [
        *thread("a", SOLVED), *thread("b", ANGRY, 2), *thread("c", SOLVED, 3),
        *thread("d", SOLVED, 4), *thread("later", [("customer", "Hello?")], 28),
    ]  # fmt: skip
    take(workspace, folder / "feed.jsonl", events)
    return workspace

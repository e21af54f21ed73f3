"""Topics of the run before, so that a topic keeps its id: the folder ``topics`` of a workspace.

Holds ids, weights of terms and keys of conversations; no text of a customer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from candor.errors import CandorError, Problem
from candor.scorers.topics.identity import Former

FOLDER = "topics"


def former_topics(folder: Path) -> tuple[list[Former], int]:
    """Topics of the run that was stored last, and the greatest number ever given."""
    try:
        told = json.loads((folder / "topics.json").read_text(encoding="utf-8"))
        rows = pq.read_table(folder / "members.parquet").to_pydict()
    except FileNotFoundError:
        return [], 0
    except (ValueError, OSError) as error:
        raise CandorError(
            "topics.damaged",
            Problem(str(error), str(folder), "as it was stored", "remove the folder to begin anew"),
        ) from None
    members: dict[str, set[int]] = {}
    for key, topic in zip(rows["conversation_key"], rows["topic"], strict=True):
        members.setdefault(topic, set()).add(key)
    return [
        Former(one["topic"], frozenset(members.get(one["topic"], ())), one["profile"])
        for one in told["topics"]
    ], int(told["used"])


def remember(folder: Path, topics: Sequence[Former], used: int) -> None:
    """Store the topics for the next run; topics not found this time are kept as they were.

    Args:
        folder: made when it is not there.
        topics: of this run.
        used: greatest number ever given.
    """
    folder.mkdir(exist_ok=True)
    now = {one.topic for one in topics}
    every = [*topics, *(one for one in former_topics(folder)[0] if one.topic not in now)]
    every.sort(key=lambda one: one.topic)
    rows = sorted((key, one.topic) for one in every for key in one.members)
    table = pa.table({
        "conversation_key": pa.array([key for key, _ in rows], pa.int64()),
        "topic": pa.array([topic for _, topic in rows], pa.string()),
    })  # fmt: skip
    told = {
        "used": used,
        "topics": [{"topic": one.topic, "profile": dict(one.profile)} for one in every],
    }
    draft = folder / "draft.tmp"
    pq.write_table(table, draft)
    draft.replace(folder / "members.parquet")
    draft.write_text(json.dumps(told, sort_keys=True, indent=1), encoding="utf-8")
    draft.replace(folder / "topics.json")

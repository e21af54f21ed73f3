"""Topics that were stored, so that a topic keeps its id and can be shown: the folder ``topics`` of a workspace.

Holds ids, terms with their weights and keys of conversations; no text of a customer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from candor.errors import CandorError, Problem
from candor.scorers.topics.identity import Former

FOLDER = "topics"
NAMES, MEMBERS = "topics.json", "members.parquet"


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored topic.

    Attributes:
        topic: id. profile: mean weight by term, by which it is found again.
        parent: id of the upper topic. terms, parent_terms: that tell them apart, the clearest first.
        since_us, seen_us: how far the data reached in the first and the last run that found it
            (microseconds UTC); None where they were not written down.
    """

    topic: str
    profile: Mapping[str, float]
    parent: str = ""
    terms: tuple[str, ...] = ()
    parent_terms: tuple[str, ...] = ()
    since_us: int | None = None
    seen_us: int | None = None


def kept_topics(folder: Path) -> tuple[list[Kept], int]:
    """Every topic ever stored, and the greatest number ever given; none where nothing was stored.

    Raises:
        CandorError: ``topics.damaged``.
    """
    try:
        told = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [], 0
    except (ValueError, OSError) as error:
        raise _damaged(folder, error) from None
    return [
        Kept(
            one["topic"], one["profile"], one.get("parent", ""), tuple(one.get("terms", ())),
            tuple(one.get("parent_terms", ())), one.get("since_us"), one.get("seen_us"),
        )
        for one in told["topics"]
    ], int(told["used"])  # fmt: skip


def members(folder: Path, topic: str | None = None) -> pa.Table:
    """``conversation_key`` and ``topic`` of every conversation of a stored topic, or of one topic.

    Raises:
        CandorError: ``topics.damaged``.
    """
    try:
        return pq.read_table(
            folder / MEMBERS, filters=None if topic is None else [("topic", "=", topic)]
        )
    except (ValueError, OSError) as error:
        raise _damaged(folder, error) from None


def former_topics(folder: Path) -> tuple[list[Former], int]:
    """What stored topics are found again by, and the greatest number ever given."""
    kept, used = kept_topics(folder)
    if not kept:
        return [], used
    rows = members(folder).to_pydict()
    found: dict[str, set[int]] = {}
    for key, topic in zip(rows["conversation_key"], rows["topic"], strict=True):
        found.setdefault(topic, set()).add(key)
    return [
        Former(one.topic, frozenset(found.get(one.topic, ())), one.profile) for one in kept
    ], used  # fmt: skip


def remember(folder: Path, found: Mapping[str, tuple[Kept, frozenset[int]]], used: int) -> None:
    """Store the topics for the next run; topics not found this time are kept as they were.

    Args:
        folder: made when it is not there.
        found: topic to what it is, with ``seen_us``, and its conversations, of this run.
        used: greatest number ever given.
    """
    folder.mkdir(exist_ok=True)
    every = {one.topic: one for one in kept_topics(folder)[0]}
    pairs = {(key, topic) for topic, (_, keys) in found.items() for key in keys}
    pairs |= {
        (key, former.topic) for former in former_topics(folder)[0] if former.topic not in found
        for key in former.members
    }  # fmt: skip
    for name, (one, _) in found.items():
        # Of a topic stored before runs were written down the beginning stays unknown.
        since = every[name].since_us if name in every else one.seen_us
        every[name] = replace(one, since_us=since)
    rows = sorted(pairs)
    table = pa.table({
        "conversation_key": pa.array([key for key, _ in rows], pa.int64()),
        "topic": pa.array([topic for _, topic in rows], pa.string()),
    })  # fmt: skip
    told = {"used": used, "topics": [asdict(every[name]) for name in sorted(every)]}
    draft = folder / "draft.tmp"
    pq.write_table(table, draft)
    draft.replace(folder / MEMBERS)
    draft.write_text(json.dumps(told, sort_keys=True, indent=1), encoding="utf-8")
    draft.replace(folder / NAMES)


def _damaged(folder: Path, error: Exception) -> CandorError:
    return CandorError(
        "topics.damaged",
        Problem(str(error), str(folder), "as it was stored", "remove the folder to begin anew"),
    )

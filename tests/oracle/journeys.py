"""The journey fact: contacts of one person about one issue, with rests under seven days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .conversations import conversation_facts, path
from .derived import WINDOWS
from .figures import is_eligible
from .outcomes import kept
from .timeline import DAY, Event, Timeline, build

Row = dict[str, Any]


def journey_facts(
    events: list[Event], as_of_us: int, gap_us: int | Mapping[str, int] = DAY, **options: bool
) -> list[Row]:
    """One row per journey, ordered by first contact; engaged contacts only."""
    line = build(events, as_of_us, gap_us, **options)
    rows = conversation_facts(events, as_of_us, gap_us, **options)
    issues = _issues(line, rows)
    chains: dict[str, list[list[Row]]] = {}
    for row in sorted(rows, key=lambda c: (c["started_at"], c["conversation_key"])):
        if not row["engaged"]:
            continue
        issue = row["conversation_id"] if row["is_synthetic_time"] else issues[_issue(row)]
        known = chains.setdefault(issue, [])
        heard = max((c["last_activity_at"] for c in known[-1]), default=0) if known else None
        if heard is not None and row["started_at"] - heard < WINDOWS["7d"]:
            known[-1].append(row)
        else:
            known.append([row])
    told = [_journey(chain) for chains_of_issue in chains.values() for chain in chains_of_issue]
    return sorted(told, key=lambda row: (row["first_at"], row["journey_key"]))


def _issue(row: Row) -> str:
    """A person and an intent; where either is unknown, the thread."""
    if row["customer_known"] and row["intent_id"] is not None:
        return f"{row['person']} about {row['intent_id']}"
    return f"thread {row['thread_id']}"


def _issues(line: Timeline, rows: list[Row]) -> dict[str, str]:
    """Issue → the least issue it is joined to, over threads with several and over links."""
    threads: dict[str, set[str]] = {}
    for row in rows:
        threads.setdefault(row["thread_id"], set()).add(_issue(row))
    groups = [set(names) for names in threads.values()]
    groups += [
        set().union(*(threads[name] for name in link))
        for link in line.links
        if all(name in threads for name in link) and _may_be_one(line, link)
    ]
    joined: list[set[str]] = []
    for group in groups:
        touching = [other for other in joined if other & group]
        joined = [other for other in joined if not other & group]
        joined.append(group.union(*touching))
    return {name: min(group) for group in joined for name in group}


def _may_be_one(line: Timeline, link: frozenset[str]) -> bool:
    known = {line.threads[name].person for name in link} - {None}
    return len(known) <= 1


def _journey(chain: list[Row]) -> Row:
    begun, final = chain[0], chain[-1]
    has_ai = any(c["ai_messages"] for c in chain)
    has_human = any(c["human_messages"] for c in chain)
    channels = (begun["channel"], final["channel"])
    last_at = max(c["last_activity_at"] for c in chain)
    return {
        "journey_id": begun["conversation_id"],
        "journey_key": begun["conversation_key"],
        "customer_known": begun["customer_known"],
        "person_key": begun["person_key"],
        "is_counted": is_eligible(begun),
        "channel": begun["channel"],
        "last_channel": final["channel"],
        "contacts": len(chain),
        "channels": len({c["channel"] for c in chain if c["channel"] is not None}),
        "first_at": begun["started_at"],
        "last_at": last_at,
        "journey_us": None if begun["is_synthetic_time"] else last_at - begun["started_at"],
        "repeat_3d": begun["returned_72h"],
        "repeat_7d": begun["returned_7d"],
        "resolved_at_last": kept(final, "72h", is_journey=True),
        "path_first": begun["path"],
        "path_last": final["path"],
        "path": path(has_ai, has_human),
        "channel_switched": None if None in channels else channels[0] != channels[1],
        "intent_id": begun["intent_id"],
        "is_synthetic_time": begun["is_synthetic_time"],
        "conversations": [c["conversation_id"] for c in chain],
    }

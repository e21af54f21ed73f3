"""Which intents are worth the next effort: volume × value × how well the AI does them, and the rest.

The automation score of an intent is the share the AI truly resolves where it takes part. Headroom is
what more would be automated if it took part everywhere at that score, in conversations and money;
where the policy forbids automation there is none. No score, no rank: such intents stand at the end
with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class IntentLine:
    """What is known of one intent.

    Attributes:
        intent: its id.
        conversations: volume of the period.
        value: money at stake in one conversation; None unknown.
        automated: share of the volume truly resolved by the AI alone; None unknown.
        score: share truly resolved where the AI took part, with its limits; None unknown.
        is_automatable: by policy.
        risk: low medium high; None unknown.
        reason: why there is no score.
    """

    intent: str
    conversations: int
    value: float | None
    automated: float | None
    score: tuple[float, float, float] | None
    is_automatable: bool = True
    risk: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All intents, ranked, and the headroom of all together (money; None without any)."""

    rows: tuple[Mapping[str, Any], ...]
    headroom: tuple[float, float, float] | None


def ranked(lines: Sequence[IntentLine]) -> Portfolio:
    """The portfolio, most promising first; equal ones by name."""
    rows = [_row(line) for line in lines]
    rows.sort(key=lambda row: (row["rank_value"] is None, -(row["rank_value"] or 0), row["intent"]))
    found = [row["headroom_money"] for row in rows if row["headroom_money"] is not None]
    total = None
    if found:
        point = math.fsum(one["point"] for one in found)
        down = math.sqrt(math.fsum((one["point"] - one["low"]) ** 2 for one in found))
        up = math.sqrt(math.fsum((one["high"] - one["point"]) ** 2 for one in found))
        total = (point, max(0.0, point - down), point + up)
    for place, row in enumerate(rows, 1):
        row["rank"] = place if row["rank_value"] is not None else None
    return Portfolio(tuple(rows), total)


def _row(line: IntentLine) -> dict[str, Any]:
    head: dict[str, Any] | None = None
    money: dict[str, Any] | None = None
    rank: float | None = None
    if line.score is not None and line.automated is not None:
        automated = line.automated
        more = [
            line.conversations * max(0.0, share - automated) if line.is_automatable else 0.0
            for share in line.score
        ]
        head = dict(zip(("point", "low", "high"), more, strict=True))
        if line.value is not None:
            value = line.value
            money = {name: share * value for name, share in head.items()}
            rank = line.conversations * value * line.score[0] if line.is_automatable else 0.0
    score = None if line.score is None else dict(
        zip(("point", "low", "high"), line.score, strict=True)
    )  # fmt: skip
    return {
        "intent": line.intent,
        "conversations": line.conversations,
        "value": line.value,
        "automated": line.automated,
        "automation_score": score,
        "is_automatable": line.is_automatable,
        "risk": line.risk,
        "headroom_conversations": head,
        "headroom_money": money,
        "rank_value": rank,
        "reason": line.reason or ("" if line.value is not None else "no value is known"),
    }

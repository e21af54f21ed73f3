"""The scores of one thread with the evidence each of them names.

Reads the transcripts file, so only whoever may read text sees the sentences. Decides nothing: a
score without a number is told as the abstention it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.engines.duck import DuckEngine

_OWN = "candor_experience"
_WHOLE = "the mean of its parts by their weights; each part tells what moved it"
_UNMOVED = "nothing in the conversation moved it from where every conversation starts"
_SQL = """
select
    conversation_key, message_id, criterion, assessor_id, assessor_version, label, value, explanation
from score
where thread_key = {thread}
order by conversation_key, criterion, assessor_id, event_key, event_id
"""


@dataclass(frozen=True)
class Evidence:
    """One ground of a score.

    Attributes:
        what: feature or claim.
        points: how far it moved the score, from -1 to 1; null when its author does not say.
        message_id: message that shows it; "" for something that happened outside the messages.
        quote: its words, as stored.
    """

    what: str
    points: float | None
    message_id: str
    quote: str

    def line(self) -> str:
        """For people."""
        moved = "" if self.points is None else f"{self.points:+.3f} "
        said = f"  {self.message_id}: “{self.quote}”" if self.quote else ""
        return f"{moved}{self.what.replace('_', ' ')}{said}"


@dataclass(frozen=True)
class Score:
    """One verdict.

    Attributes:
        conversation_id: of the conversation judged; "" for a verdict on the thread or a message.
        message_id: of the message judged, or "".
        criterion, assessor, version: what was judged, by whom.
        verdict: label or number; "" when the author abstained.
        reason: why it abstained, or "".
        coverage: known share of the weights, for the experience score.
        evidence: its grounds, the strongest first.
        told: the author's words, where they are no list of grounds.
    """

    conversation_id: str
    message_id: str
    criterion: str
    assessor: str
    version: str
    verdict: str
    reason: str
    coverage: float | None
    evidence: tuple[Evidence, ...]
    told: str


def scores_of(
    text_file: Path, thread_key: int, conversations: Mapping[int, str]
) -> tuple[Score, ...]:
    """Scores of a thread.

    Args:
        text_file: transcripts of the publication; an older one may hold no scores.
        thread_key: of the thread.
        conversations: ids by key; scores of other conversations are left out.
    """
    with DuckEngine(text_file, read_only=True) as texts:
        known = texts.rows(
            "select 1 from information_schema.tables where table_name = 'score' limit 1"
        )
        rows = texts.rows(_SQL.format(thread=int(thread_key))) if known else []
    return tuple(
        _score(row, conversations) for row in rows if row[0] is None or row[0] in conversations
    )


def _score(row: tuple[Any, ...], conversations: Mapping[int, str]) -> Score:
    key, message, criterion, assessor, version, label, value, explanation = row
    told = _told(explanation)
    verdict = label if label is not None else "" if value is None else f"{value:.3f}"
    if verdict and assessor == _OWN and not told.get("evidence"):
        explanation = _WHOLE if criterion == "experience_score" else _UNMOVED
        told = {"coverage": told.get("coverage")}
    else:
        explanation = "" if told else explanation
    return Score(
        conversation_id="" if key is None else conversations[key],
        message_id=message or "",
        criterion=criterion,
        assessor=assessor,
        version=version,
        verdict=verdict,
        reason=str(told.get("abstained", "")) if not verdict else "",
        coverage=told.get("coverage"),
        evidence=tuple(_evidence(one) for one in told.get("evidence", [])),
        told=explanation or "",
    )


def _evidence(one: Mapping[str, Any]) -> Evidence:
    return Evidence(
        str(one.get("feature") or ""), one.get("points"), one.get("message_id") or "",
        one.get("quote") or "",
    )  # fmt: skip


def _told(explanation: str | None) -> dict[str, Any]:
    """The explanation as data; {} for words."""
    try:
        found = json.loads(explanation or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

"""Why one conversation was counted as it was: its timeline, its facts, and every metric's verdict.

Text comes from the transcripts file, already redacted. Nothing here decides anything: the verdicts
are those of the published facts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from candor import window
from candor.answers.evidence import because
from candor.answers.ruled import RuleVerdict, rules_on
from candor.answers.scores import Score, scores_of
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.metrics import drill
from candor.metrics.registry import Catalogue

_SHOWN = (
    "channel", "language", "intent_id", "release", "customer_segment", "path", "customer_messages",
    "ai_messages", "human_messages", "reply_class", "explicit_feedback", "contained", "escalated",
    "abandoned", "rage_quit", "forced_termination", "looked_successful", "system_verdict",
    "customer_verdict", "true_resolution", "silent_failure", "returned_72h", "returned_7d",
    "return_channel", "claimed", "close_reason", "closed_by", "csat_ppm", "effort_points",
    "override_outcome", "overridden_by",
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """One entry of the timeline."""

    at: str
    kind: str
    actor: str
    is_public: bool
    detail: str
    text: str
    source: str
    raw_ref: str
    event_id: str


@dataclass(frozen=True)
class MetricVerdict:
    """What one metric made of the conversation.

    Attributes:
        metric, title: which.
        state: outside, excluded, unknown, false, true, confirmed or value.
        reason: why it was left out or is not known, else what its outcome rests on.
        value: the value of a mean or quantile, in the metric's unit.
    """

    metric: str
    title: str
    state: str
    reason: str
    value: float | None


@dataclass(frozen=True)
class Contact:
    """One conversation of the thread."""

    conversation_id: str
    started_at: str
    ended_at: str
    facts: dict[str, Any]
    verdicts: tuple[MetricVerdict, ...]


@dataclass(frozen=True)
class ConversationPage:
    """A thread, or one conversation of it, with everything that led to its verdicts.

    Attributes:
        thread_id: container in the source.
        contacts: the conversations asked for.
        timeline: everything that happened in the thread.
        scores: every verdict on the thread with its evidence, the message signals aside.
        rules: what every vendor's rule says of the thread; empty where none looks at it.
        paradox: in words, where the ending and the outcome disagree; "" otherwise.
        snapshot: id of the publication.
    """

    thread_id: str
    contacts: tuple[Contact, ...]
    timeline: tuple[Moment, ...]
    scores: tuple[Score, ...]
    rules: tuple[RuleVerdict, ...]
    paradox: str
    snapshot: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def conversation_page(
    engine: DuckEngine,
    text_file: Path,
    catalogue: Catalogue,
    wanted: str,
    snapshot: str,
    *,
    horizon_us: int | None = None,
) -> ConversationPage:
    """The page of a conversation or thread id.

    Args:
        engine: facts of the publication.
        text_file: its transcripts.
        catalogue: metrics whose verdicts are shown.
        wanted: ``thread_id`` or ``thread_id#n``.
        snapshot: id of the publication.
        horizon_us: instant up to which data are known; None leaves the rules unasked.

    Raises:
        CandorError: ``conversation.unknown``.
    """
    name = wanted.replace("'", "''")
    # By key, found from two columns alone: the fact has very many, and rows without end.
    keys = engine.rows(
        f"select conversation_key from conversation where conversation_id = '{name}' union"
        f" select conversation_key from conversation where thread_id = '{name}' order by 1"
    )
    found = [
        row for (key,) in keys
        for row in engine.arrow(
            f"select * from conversation where conversation_key = {int(key)}"
        ).to_pylist()
    ]  # fmt: skip
    found.sort(key=lambda row: row["conversation_no"])
    if not found:
        raise CandorError(
            "conversation.unknown",
            Problem(
                f"there is no conversation or thread '{wanted}' in the published snapshot",
                "",
                "an id as the source gives it, or as `candor scorecard` lists it",
                "`candor show --json` and the scorecard name conversations; a thread without a "
                "conversation event is listed by `candor doctor`",
            ),
        )
    contacts = tuple(_contact(engine, catalogue, row) for row in found)
    return ConversationPage(
        thread_id=found[0]["thread_id"],
        contacts=contacts,
        timeline=_timeline(text_file, found[0]["thread_key"]),
        scores=scores_of(
            text_file,
            found[0]["thread_key"],
            {row["conversation_key"]: row["conversation_id"] for row in found},
        ),
        rules=()
        if horizon_us is None
        else rules_on(engine, found[0]["thread_id"], as_of_us=horizon_us),
        paradox=_paradox(found),
        snapshot=snapshot,
    )


def _contact(engine: DuckEngine, catalogue: Catalogue, row: dict[str, Any]) -> Contact:
    verdicts = []
    for one in drill.verdict_of(engine, list(catalogue), row["conversation_id"]):
        definition = catalogue.definitions[one.metric]
        value = None if one.value is None or definition.outcome else one.value / definition.scale
        state = one.state
        if state == "known":
            state = "false" if definition.outcome is not None else "value"
        reason = one.reason.replace("_", " ") or because(definition, row)
        verdicts.append(MetricVerdict(one.metric, definition.title, state, reason, value))
    return Contact(
        row["conversation_id"],
        _iso(row["started_at"]),
        _iso(row["ended_at"]),
        {key: row[key] for key in _SHOWN if row[key] is not None},
        tuple(verdicts),
    )


def _timeline(text_file: Path, thread_key: int) -> tuple[Moment, ...]:
    with DuckEngine(text_file, read_only=True) as texts:
        rows = texts.rows(
            "select occurred_at, kind, actor, is_public, detail, text, source, raw_ref, event_id"
            f" from timeline where thread_key = {int(thread_key)}"
            " order by occurred_at, case kind when 'message' then 0 else 1 end, event_key, event_id"
        )
    return tuple(
        Moment(
            _iso(at), kind, actor or "", bool(is_public), detail or "", text or "", source,
            raw_ref or "", event_id,
        )
        for at, kind, actor, is_public, detail, text, source, raw_ref, event_id in rows
    )  # fmt: skip


def _paradox(rows: list[dict[str, Any]]) -> str:
    polite = {
        "gratitude": "with the customer's thanks",
        "affirm": "with the customer saying it worked",
    }
    for row in rows:
        ending = polite.get(row["reply_class"] or "")
        if ending and row["system_verdict"] == "contradicts":
            return f"{row['conversation_id']} ends {ending}, yet a system of record contradicts it."
        if ending and row["silent_failure"]:
            return f"{row['conversation_id']} ends {ending}, yet it did not hold."
    return ""


def _iso(instant: int | None) -> str:
    return "" if instant is None else window.format_instant(instant)

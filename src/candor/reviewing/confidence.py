"""How far the AI's own confidence can be trusted in a measured workspace, and when it should hand over.

Reads the current publication; nothing is written. Looks at the last AI answer of contacts that the AI
kept: of those handed over nobody saw whether the AI would have been right, so they are counted and left
out. The cost of a handover comes from the caller, else from ``rates.yaml`` and the minutes people took.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from candor.economics.rates import load_rates
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.estimates.escalation_threshold import Advice, advise
from candor.estimates.reliability import Reliability, Stated, reliability
from candor.lake.serving import Serving
from candor.workspace import Workspace

_MINUTE_US = 60_000_000
_ROWS_SQL = """
select m.ai_confidence_ppm, m.outcome, m.bucket, count(*) as answers
from message as m
inner join conversation as c on m.conversation_key = c.conversation_key
where m.is_last_ai_answer and m.ai_confidence_ppm is not null and m.outcome is not null
    and not m.is_test and not m.is_spam and not coalesce(c.escalated, false)
group by m.ai_confidence_ppm, m.outcome, m.bucket
order by m.ai_confidence_ppm, m.outcome, m.bucket
"""
_COUNTS_SQL = """
select
    count(distinct case when m.outcome is not null and not coalesce(c.escalated, false) then m.person_key end),
    count(case when coalesce(c.escalated, false) then 1 end),
    count(case when m.outcome is null and not coalesce(c.escalated, false) then 1 end)
from message as m
inner join conversation as c on m.conversation_key = c.conversation_key
where m.is_last_ai_answer and m.ai_confidence_ppm is not null and not m.is_test and not m.is_spam
"""
_HANDLED_SQL = """
select coalesce(sum(c.handle_us), 0), count(c.handle_us)
from conversation as c
where c.escalated and c.handle_us is not null and not c.is_test and not c.is_spam
"""


@dataclass(frozen=True, slots=True)
class Confidence:
    """What the AI's confidence is worth.

    Attributes:
        reliability: of kept contacts whose end is known.
        advice: None where a cost is not known.
        cost_wrong, cost_handover, handover_from: ``given``, ``rates.yaml`` or "".
        handed_over: contacts left out because they were. undecided: because their end is not known.
        customers: behind what was looked at.
        currency: of the costs.
    """

    reliability: Reliability
    advice: Advice | None
    cost_wrong: float | None
    cost_handover: float | None
    handover_from: str
    handed_over: int
    undecided: int
    customers: int
    currency: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        told = asdict(self)
        told["reliability"]["brier"] = _told(self.reliability.brier)
        if self.advice is not None:
            for one in ("threshold", "slope", "saving"):
                told["advice"][one] = _told(getattr(self.advice, one))
        return told


def _told(found: Any) -> dict[str, Any]:
    return {
        "point": found.point, "low": found.low, "high": found.high, "method": found.method,
        "refusal": found.refusal,
    }  # fmt: skip


def confidence(
    workspace: Workspace, *, cost_wrong: float | None = None, cost_handover: float | None = None
) -> Confidence:
    """Calibration of the AI's own confidence, and a threshold where both costs are known.

    Args:
        workspace: measured.
        cost_wrong: of a contact the AI keeps and fails, above one it solves.
        cost_handover: of handing one over, above one it solves; from ``rates.yaml`` without.

    Raises:
        CandorError: ``confidence.none`` when no answer states a confidence; ``rates.*`` for mistakes
            in the file; ``confidence.cost`` for a cost that is not above 0.
    """
    for name, cost in (("--cost-wrong", cost_wrong), ("--cost-handover", cost_handover)):
        if cost is not None and not 0 < cost < float("inf"):
            raise CandorError(
                "confidence.cost", Problem(f"{cost} is no cost", name, "above 0"), exit_code=2
            )
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        rows = engine.rows(_ROWS_SQL)
        people, handed_over, undecided = engine.rows(_COUNTS_SQL)[0]
        handled_us, handled = engine.rows(_HANDLED_SQL)[0]
    if not rows:
        raise CandorError(
            "confidence.none",
            Problem("no answer with a known end states a confidence", str(workspace.root),
                    "ai_confidence on AI messages, and ends that are known"),
        )  # fmt: skip
    statements = [
        Stated(int(ppm), bool(true), int(bucket), int(n)) for ppm, true, bucket, n in rows
    ]
    origin = "given" if cost_handover is not None else ""
    if cost_handover is None:
        cost_handover = _priced(workspace, int(handled_us), int(handled))
        origin = "rates.yaml" if cost_handover is not None else ""
    advice = None
    if cost_wrong is not None and cost_handover is not None:
        advice = advise(
            statements, cost_wrong=cost_wrong, cost_handover=cost_handover, customers=int(people)
        )
    return Confidence(
        reliability(statements, customers=int(people)), advice, cost_wrong, cost_handover, origin,
        int(handed_over), int(undecided), int(people), workspace.settings.workspace.currency,
    )  # fmt: skip


def _priced(workspace: Workspace, handled_us: int, handled: int) -> float | None:
    """Mean cost of the minutes that people took on contacts handed over to them."""
    rates = load_rates(workspace.root / "rates.yaml", workspace.settings.workspace.currency)
    minute = None if rates is None else rates.minute(None, None)
    if minute is None or not handled or not handled_us:
        return None
    return float(minute * Decimal(handled_us) / Decimal(handled * _MINUTE_US))

"""What each figure of ``truth.json`` counts, in words; names are those of the metric catalogue.

Every contact of the world is automatable by policy. ``eligible`` is engaged, inbound, neither test
nor spam; ``window`` is the longest time a verdict waits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure: its unit, who is counted, and what counts."""

    unit: str
    include: str
    rule: str

    def as_dict(self) -> dict[str, Any]:
        """As it stands in ``truth.json``."""
        return asdict(self)


_C = "conversation"
_AI = "eligible and the AI agent wrote"
_ALIVE = "engaged, neither test nor spam, and the AI agent wrote"
_RETURNED = "same-issue contact of the person on any channel within the window"

DEFINITIONS: dict[str, Definition] = {
    "true_resolution_rate": Definition(
        _C,
        _AI,
        f"false if escalated, contradicted, or a {_RETURNED} (72 h); else true if a system of record"
        " confirms; else false after negative feedback or words, a rage quit or when abandoned; unknown"
        " if forced; else true if the customer confirms, or answered and 72 h passed",
    ),
    "latent_resolution_rate": Definition(
        _C, _AI, "the AI agent truly solved the issue, whether or not anybody can see it"
    ),
    "deflection_rate": Definition(
        _C, "engaged, neither test nor spam", "no person wrote or took over"
    ),
    "resolution_rate_claimed": Definition(
        _C, "a vendor's claim, neither test nor spam", "the claim says resolved"
    ),
    "resolution_accuracy": Definition(
        _C,
        "claimed resolved, neither test nor spam",
        f"false if contradicted or a {_RETURNED} (72 h); true if confirmed or 72 h passed",
    ),
    "silent_failure_rate": Definition(
        _C,
        "engaged, contained or claimed resolved, neither test nor spam",
        f"true if contradicted by a system or the customer, or a {_RETURNED} (7 d); false once 7 d passed; else unknown",
    ),
    "undetermined_share": Definition(_C, _AI, "true_resolution_rate is unknown"),
    "containment_rate": Definition(
        _C, _AI, "no executed handoff, not forced to an end, no rage quit unless a system confirms"
    ),
    "containment_quality": Definition(_C, "contained", "truly resolved"),
    "automation_rate": Definition(_C, "eligible", "truly resolved by the AI agent alone"),
    "involvement_rate": Definition(_C, "eligible", "the AI agent wrote"),
    "coverage_gap": Definition(_C, "eligible", "the AI agent did not write"),
    "escalation_rate": Definition(_C, _ALIVE, "a handoff to a person was executed"),
    "escalation_failure_rate": Definition(
        _C, "engaged, neither test nor spam, the customer asked for a person", "nobody came"
    ),
    "proactive_escalation_share": Definition(
        "handoff",
        "executed handoff, neither test nor spam",
        "reason low_confidence, policy or sentiment",
    ),
    "abandonment_rate": Definition(
        _C, _AI, "left at a greeting, question or fallback without any answer"
    ),
    "rage_quit_rate": Definition(
        _C, _AI, "left after words of anger, a fallback, or asking for a person who never came"
    ),
    "survey_response_rate": Definition(_C, "asked", "answered"),
    **{
        f"reopen_rate_{window}": Definition(
            _C,
            "closed or claimed resolved, neither test nor spam",
            f"the customer wrote again in the same thread within {window} of the last activity",
        )
        for window in ("24h", "48h", "72h", "7d")
    },
    **{
        f"return_rate_{window}": Definition(
            _C, "eligible and customer known", f"a {_RETURNED} of {window}"
        )
        for window in ("24h", "48h", "72h", "7d")
    },
    **{
        f"ai_first_contact_resolution_{window}": Definition(
            _C,
            _AI,
            f"true_resolution_rate with a window of {window} that has passed, whoever confirms",
        )
        for window in ("24h", "72h")
    },
    **{
        f"repeat_contact_rate_{days}d": Definition(
            "journey",
            "first contact eligible; a journey ends when its issue rests for 7 d",
            f"another contact within {days} d of the first one's last activity",
        )
        for days in (3, 7)
    },
    "escalation_turn": Definition(_C, f"{_ALIVE}, escalated", "AI messages before the handoff"),
    "escalation_delay": Definition(
        _C, f"{_ALIVE}, escalated", "seconds from the first AI message to the handoff"
    ),
    "time_to_first_response_ai": Definition(
        _C, _AI, "seconds from the first customer message to the first AI message after it"
    ),
    "time_to_first_response_human": Definition(
        _C,
        "eligible and a person wrote",
        "seconds to the person's first message from the handoff, else from the first customer one",
    ),
    "time_to_resolution": Definition(_C, "eligible and closed", "seconds from start to close"),
    "turns_to_resolution": Definition(_C, "eligible and truly resolved", "exchanges"),
    **{
        f"csat_{path}": Definition("survey", f"asked, {who} wrote", "a score of 4 or 5 out of 5")
        for path, who in (
            ("ai_only", "only the AI agent"),
            ("hybrid", "both"),
            ("human_only", "only a person"),
        )
    },
    "rephrases": Definition(_C, _AI, "customer messages that say the issue again"),
    "messages": Definition(_C, "engaged", "public messages"),
}

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
_RETURNED = "same-issue contact of the person on any channel within the window"

DEFINITIONS: dict[str, Definition] = {
    "true_resolution_rate": Definition(
        _C,
        _AI,
        "false if escalated, forced, rage quit, contradicted, negative feedback or words, abandoned"
        f" or a {_RETURNED} (72 h); true if confirmed, or answered and 72 h passed; else unknown",
    ),
    "latent_resolution_rate": Definition(
        _C, _AI, "the AI agent truly solved the issue, whether or not anybody can see it"
    ),
    "deflection_rate": Definition(_C, "eligible", "no person wrote or took over"),
    "resolution_rate_claimed": Definition(
        _C, "eligible with a vendor's claim", "the claim says resolved"
    ),
    "resolution_accuracy": Definition(
        _C, "eligible and claimed resolved", "truly resolved by true_resolution_rate"
    ),
    "silent_failure_rate": Definition(
        _C,
        "eligible, the AI agent wrote, and contained or claimed resolved",
        f"true if contradicted by a system or the customer, or a {_RETURNED} (7 d); false once 7 d passed; else unknown",
    ),
    "undetermined_share": Definition(_C, _AI, "true_resolution_rate is unknown"),
    "containment_rate": Definition(
        _C, _AI, "no executed handoff, not forced to an end, no rage quit"
    ),
    "containment_quality": Definition(_C, "contained", "truly resolved"),
    "automation_rate": Definition(_C, "eligible", "truly resolved by the AI agent alone"),
    "involvement_rate": Definition(_C, "eligible", "the AI agent wrote"),
    "coverage_gap": Definition(_C, "eligible", "the AI agent did not write"),
    "escalation_rate": Definition(_C, _AI, "a handoff to a person was executed"),
    "escalation_failure_rate": Definition(
        _C, f"{_AI}, the customer asked for a person", "nobody came"
    ),
    "proactive_escalation_share": Definition(
        "handoff", f"{_AI}, executed handoff", "reason low_confidence, policy or sentiment"
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
            "eligible and closed or claimed resolved",
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
            _C, _AI, f"true_resolution_rate with a window of {window}"
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
    "escalation_turn": Definition(_C, f"{_AI}, escalated", "AI messages before the handoff"),
    "escalation_delay": Definition(
        _C, f"{_AI}, escalated", "seconds from the first AI message to the handoff"
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
    "turns_to_resolution": Definition(_C, "eligible and truly resolved", "customer messages"),
    "csat_ai_only": Definition(_C, "survey answered, only the AI agent wrote", "score 0 to 1"),
    "csat_hybrid": Definition(_C, "survey answered, both wrote", "score 0 to 1"),
    "csat_human_only": Definition(_C, "survey answered, only a person wrote", "score 0 to 1"),
    "rephrases": Definition(_C, _AI, "customer messages that say the issue again"),
    "messages": Definition(_C, "engaged", "public messages"),
}

"""What a metric's outcome rests on for one conversation, in words.

Reads the columns of the conversation fact and follows the precedence of the definitions: a
contradiction outranks a confirmation, a system of record outranks the customer, both outrank
silence. It explains the published outcome; it never decides one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from candor.metrics.definition import Definition

_RESOLUTION = frozenset(
    {
        "true_resolution",
        "claim_held",
        "ai_fcr_24h",
        "ai_fcr_72h",
        "human_fcr_72h",
        "resolution_assumed",
    }
)
_PLACES = ("outcome", "value", "numerator", "denominator")
_MOST = 4


def because(definition: Definition, row: Mapping[str, Any]) -> str:
    """The grounds of one metric's outcome.

    Args:
        definition: the metric.
        row: the conversation's facts.
    """
    columns = [
        name
        for place in _PLACES
        if getattr(definition, place) is not None
        for name in sorted(definition.expression(place).columns)
    ]
    if "silent_failure" in columns:
        return _failure(row)
    if _RESOLUTION & set(columns):
        return _resolution(row, 24 if "ai_fcr_24h" in columns else 72)
    told = [
        f"{name.replace('_', ' ')}: {_shown(row[name])}"
        for name in dict.fromkeys(columns)
        if row.get(name) is not None
    ]
    return ", ".join(told[:_MOST])


def _resolution(row: Mapping[str, Any], hours: int) -> str:
    """Why it counts as resolved, or not, when returns within some hours speak against it."""
    if row["escalated"]:
        return "it was handed over to a person"
    if row["override_outcome"]:
        return _set(row)
    if found := _contradiction(row):
        return found
    if row[f"returned_{hours}h"]:
        return f"the customer came back within {hours} h{_on(row)}"
    if row["system_verdict"] == "confirms":
        return "a system of record confirms it"
    if row["ended_negative"]:
        return f"the customer left with a reply of class {row['reply_class']}"
    if row["abandoned"] or row["rage_quit"]:
        return (
            "the customer left without an answer"
            if row["abandoned"]
            else "the customer left in anger"
        )
    if row["customer_verdict"] == "confirms":
        return "the customer said that it worked"
    if row["true_resolution"]:
        return f"answered, nothing speaks against it, no return within {hours} h (assumed)"
    if hours < 72 and row["returned_72h"]:
        return f"no return within {hours} h, though one later{_on(row)}"
    if row["human_involved"] and not row["ai_involved"]:
        return "a person answered"
    return "nobody says how it ended"


def _failure(row: Mapping[str, Any]) -> str:
    """Why it counts as a silent failure, or not."""
    if row["override_outcome"]:
        return _set(row)
    if found := _contradiction(row):
        return found
    if row["returned_7d"]:
        return f"the customer came back within 7 d{_on(row)}"
    harms = ("complaint", "dispute", "reversal", "account_closure")
    told = [harm.replace("_", " ") for harm in harms if row[f"has_{harm}"]]
    if told:
        return f"{told[0]} within 7 d"
    if row["system_verdict"] == "confirms":
        return "a system of record confirms it"
    return "no contradiction and no return within 7 d"


def _set(row: Mapping[str, Any]) -> str:
    return f"set by hand: {row['override_outcome'].replace('_', ' ')}"


def _contradiction(row: Mapping[str, Any]) -> str:
    if row["system_verdict"] == "contradicts":
        return "a system of record contradicts it"
    if row["contradicted"]:
        heard = "a thumbs-down" if row["explicit_feedback"] == "neg" else "their words"
        return f"the customer contradicts it by {heard}"
    return ""


def _on(row: Mapping[str, Any]) -> str:
    return f" on {row['return_channel']}" if row["return_channel"] else ""


def _shown(value: Any) -> str:
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )

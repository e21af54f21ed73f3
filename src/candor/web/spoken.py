"""Answers in the form in which they are told to a model: short, with versions, never 0 for nothing.

Pure: plain data in, plain data out. What cannot be said is said so in words, beside its code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.estimates.estimate import Refusal
from candor.verdicts.bands import REASONS

_FIGURE = ("point", "low", "high", "level", "unit", "refusal", "eligible", "observed", "unknown",
           "customers", "definition", "caveats")  # fmt: skip
_PLACE = ("segment", "period_start", "period_end")
_CARD_ROW = ("metric", "title", "question", "status", "reason", "caveat", "owner")
_RULE = ("metric", "denominator", "decided_by", "unverified")
_RULED = ("rule", "title", "counted", "resolved", "not_resolved", "undetermined", "needs_judge", "excluded",
          "lower", "upper", "decided", "decided_low", "decided_high")  # fmt: skip
_DEFINED = ("name", "title", "question", "measured_in", "better", "on_this_data", "owner")


def figure(estimate: Mapping[str, Any]) -> dict[str, Any]:
    """An estimate: its figure with interval and counts, or why there is none.

    Args:
        estimate: as ``candor show --json`` has it.
    """
    told = {name: estimate.get(name) for name in _FIGURE}
    told |= {name: estimate[name] for name in _PLACE if estimate.get(name)}
    refusal = estimate.get("refusal")
    if estimate.get("point") is None:
        why = REASONS[Refusal(refusal)] if refusal else "There is no figure."
        told["says"] = f"cannot say: {estimate.get('missing') or why}"
    return told


def card(data: Mapping[str, Any], only: str = "") -> dict[str, Any]:
    """A scorecard: its rows by category, findings, and data health.

    Args:
        data: of the scorecard's page.
        only: name of one category; "" for all.
    """
    categories = [
        {
            "category": one["category"], "title": one["title"],
            "metrics": [_row(row) for row in one["metrics"]],
        }
        for one in data["categories"] if not only or one["category"] == only
    ]  # fmt: skip
    kept = ("period", "grain", "view", "where", "currency", "headlines", "findings", "data_health")
    return {"categories": categories, **{name: data[name] for name in kept if name in data}}


def shelf(data: Mapping[str, Any]) -> dict[str, Any]:
    """Definitions in short."""
    rows = [
        {**{name: one.get(name) for name in _DEFINED}, "definition": definition(one)}
        for one in data["metrics"]
    ]
    return {"metrics": rows, "catalogue": data["definitions"]}


def rules(data: Mapping[str, Any]) -> dict[str, Any]:
    """Every vendor's rule on the same conversations: what it decides, and between which bounds."""
    told = []
    for row in data["rules"]:
        rule = row["definition"]
        one = {name: row.get(name) for name in _RULED}
        one |= {name: rule.get(name) for name in _RULE}
        # Our own figures stand beside the rules for comparison; they are no rule.
        one |= {"definition": f"{rule['id']}@{rule['version']}"} if rule else {}
        if row.get("decided") is None:
            why = REASONS[Refusal(row["decided_refusal"])] if row.get("decided_refusal") else ""
            one["says"] = f"cannot say one figure, only bounds: {why}".rstrip(": ")
        told.append(one)
    return {"conversations": data["conversations"], "rules": told, "ladder": data["ladder"]}


def definition(entry: Mapping[str, Any]) -> str:
    """Name and version of a definition, as estimates name it."""
    return f"{entry['name']}@{entry['version']}"


def versions(data: Any) -> list[str]:
    """Every definition and rule, with its version, that an answer was counted by."""
    return sorted(set(_named(data)))


def dated(data: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """A conversation whose verdicts name the version of their definition.

    Args:
        data: of the conversation's page.
        known: name of a metric to name and version.
    """
    contacts = [
        {
            **one,
            "verdicts": [
                {**verdict, "definition": known[verdict["metric"]]}
                for verdict in one["verdicts"] if verdict["state"] != "outside"
            ],
        }
        for one in data["contacts"]
    ]  # fmt: skip
    return {**data, "contacts": contacts}


def _named(data: Any) -> Iterator[str]:
    if isinstance(data, Mapping):
        if isinstance(data.get("definition"), str):
            yield data["definition"]
        if isinstance(data.get("rule"), str) and isinstance(data.get("version"), int):
            yield f"{data['rule']}@{data['version']}"
        for value in data.values():
            yield from _named(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _named(value)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    change = row.get("change") or {}
    return {
        **{name: row.get(name) for name in _CARD_ROW},
        "figure": figure(row["estimate"]),
        "change": {name: change.get(name) for name in ("direction", "point", "low", "high", "reason")},
        "target": row.get("target"),
    }  # fmt: skip

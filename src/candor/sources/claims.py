"""The crosswalk from vendors' words for an outcome to ours, read from ``claims.yaml``.

Only this module decides ``claim.claimed``. It looks up, it never infers: an unlisted value is
unknown, and a vendor that is not in the table is a programming mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from candor.sources.base import Notes

CLAIMED = (
    "resolved_confirmed",
    "resolved_assumed",
    "deflected",
    "escalated",
    "negative",
    "abandoned",
    "none",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """The meaning of one vendor's values between two versions or two dates (start in, end out)."""

    api_from: str | None
    api_before: str | None
    on_from: str | None
    on_before: str | None
    values: Mapping[str, str]

    def covers(self, api_version: str | None, on: str | None) -> bool:
        """Whether the period applies; an unknown version or date fits only an unbounded side."""
        return _within(
            _version(api_version), _version(self.api_from), _version(self.api_before)
        ) and (_within(on, self.on_from, self.on_before))


def _version(text: str | None) -> tuple[int, ...] | None:
    return None if text is None else tuple(int(part) for part in text.split("."))


def _within(value: Any, start: Any, end: Any) -> bool:
    if start is None and end is None:
        return True
    if value is None:
        return False
    return (start is None or value >= start) and (end is None or value < end)


@cache
def crosswalk() -> Mapping[str, tuple[Period, ...]]:
    """Every vendor's periods.

    Raises:
        ValueError: the table holds a word that is no claim.
    """
    table = yaml.safe_load(files("candor.sources").joinpath("claims.yaml").read_text("utf-8"))
    result = {}
    for vendor, entry in table.items():
        periods = []
        for period in entry["periods"]:
            values = {str(raw): str(ours) for raw, ours in period["values"].items()}
            if wrong := sorted(set(values.values()) - set(CLAIMED)):
                raise ValueError(f"claims.yaml: {vendor}: {', '.join(wrong)} is no claim")
            bounds = ("api_from", "api_before", "on_from", "on_before")
            api_from, api_before, on_from, on_before = (period.get(bound) for bound in bounds)
            periods.append(Period(api_from, api_before, on_from, on_before, values))
        result[vendor] = tuple(periods)
    return result


def claimed(
    vendor: str,
    raw_value: str,
    notes: Notes,
    *,
    api_version: str | None = None,
    on: str | None = None,
) -> str | None:
    """Our word for a vendor's value; None, and counted, when the table does not list it.

    Args:
        vendor: a key of the table, e.g. ``intercom``.
        raw_value: the value as text; ``null`` for a field that is present and empty.
        notes: where an unlisted value is counted.
        api_version: version of the interface the value came through.
        on: ISO date of the value, for vendors that changed their words on a day.
    """
    for period in crosswalk()[vendor]:
        if period.covers(api_version, on):
            word = period.values.get(raw_value)
            break
    else:
        word = None
    if word is None:
        version = f" (version {api_version})" if api_version else ""
        notes.add("claim_unknown", f"{vendor}: {raw_value}{version}")
    return word

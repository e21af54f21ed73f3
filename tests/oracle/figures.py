"""The metric definitions added up over the oracle's rows, in plain Python.

Each figure is ``(eligible, observed, total)`` for shares: who is counted, of whom the outcome is
known, and of whom it is true. Amounts give the list of observed values instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Share = tuple[int, int, int]
Test = Callable[[Row], bool]
Outcome = Callable[[Row], bool | None]


def is_eligible(row: Row) -> bool:
    """Automatable, engaged, inbound, neither test nor spam."""
    return bool(
        row["is_automatable"]
        and row["engaged"]
        and row["is_inbound"]
        and not row["is_test"]
        and not row["is_spam"]
    )


def _with_ai(row: Row) -> bool:
    return is_eligible(row) and row["ai_involved"]


def is_genuine(row: Row) -> bool:
    """Neither test nor spam."""
    return not row["is_test"] and not row["is_spam"]


def _spoken(row: Row) -> bool:
    return is_genuine(row) and row["engaged"]


def _handed_over(row: Row) -> bool:
    return _spoken(row) and row["escalated"]


def _deflected(row: Row) -> bool | None:
    if row["human_involved"] or row["escalated"]:
        return False
    return None if row["is_open"] else True


def _pleased(row: Row) -> bool | None:
    return None if row["csat_ppm"] is None else row["csat_ppm"] >= _SATISFIED


def _automated(row: Row) -> bool | None:
    return row["true_resolution"] if row["path"] == "ai_only" else False


_SATISFIED = 750_000
SHARES: dict[str, tuple[Test, Outcome]] = {
    "true_resolution_rate": (_with_ai, lambda r: r["true_resolution"]),
    "deflection_rate": (_spoken, _deflected),
    "resolution_rate_claimed": (
        lambda r: is_genuine(r) and r["has_claim"],
        lambda r: r["claimed_resolved"],
    ),
    "resolution_accuracy": (
        lambda r: is_genuine(r) and bool(r["claimed_resolved"]),
        lambda r: r["claim_held"],
    ),
    "silent_failure_rate": (
        lambda r: _spoken(r) and bool(r["looked_successful"]),
        lambda r: r["silent_failure"],
    ),
    "undetermined_share": (_with_ai, lambda r: r["true_resolution"] is None),
    "containment_rate": (_with_ai, lambda r: r["contained"]),
    "containment_quality": (
        lambda r: _with_ai(r) and bool(r["contained"]),
        lambda r: r["true_resolution"],
    ),
    "automation_rate": (is_eligible, _automated),
    "involvement_rate": (is_eligible, lambda r: r["ai_involved"]),
    "coverage_gap": (is_eligible, lambda r: not r["ai_involved"]),
    "escalation_rate": (
        lambda r: _spoken(r) and r["ai_involved"],
        lambda r: True if r["escalated"] else None if r["is_open"] else False,
    ),
    "escalation_failure_rate": (
        lambda r: _spoken(r) and r["asked_human"],
        lambda r: None if r["human_came"] is None else not r["human_came"],
    ),
    "abandonment_rate": (_with_ai, lambda r: r["abandoned"]),
    "rage_quit_rate": (_with_ai, lambda r: r["rage_quit"]),
    "survey_response_rate": (
        lambda r: is_genuine(r) and r["survey_asked"],
        lambda r: r["survey_answered"],
    ),
    **{
        f"csat_{path}": (
            lambda r, p=path: is_genuine(r) and r["survey_asked"] and r["path"] == p,  # type: ignore[misc]
            _pleased,
        )
        for path in ("ai_only", "hybrid", "human_only")
    },
    **{
        f"reopen_rate_{window}": (
            lambda r: (
                is_genuine(r)
                and bool(r["closed"] or r["claimed_resolved"])
                and not r["is_synthetic_time"]
            ),
            lambda r, w=window: r[f"reopened_{w}"],  # type: ignore[misc]
        )
        for window in ("24h", "48h", "72h", "7d")
    },
    **{
        f"ai_first_contact_resolution_{window}": (
            lambda r: _with_ai(r) and not r["is_synthetic_time"],
            lambda r, w=window: r[f"ai_fcr_{w}"],  # type: ignore[misc]
        )
        for window in ("24h", "72h")
    },
}
AMOUNTS: dict[str, tuple[Test, Callable[[Row], int | None]]] = {
    "escalation_turn": (_handed_over, lambda r: r["escalation_turn"]),
    "escalation_delay": (_handed_over, lambda r: r["escalation_us"]),
    "time_to_first_response_ai": (_with_ai, lambda r: r["ai_first_response_us"]),
    "time_to_first_response_human": (is_eligible, lambda r: r["human_first_response_us"]),
    "time_to_resolution": (is_eligible, lambda r: r["resolution_us"]),
    "turns_to_resolution": (
        lambda r: _with_ai(r) and bool(r["true_resolution"]),
        lambda r: r["turns"],
    ),
}


def share(rows: list[Row], name: str) -> Share:
    """(eligible, observed, total) of one share over conversation rows."""
    include, outcome = SHARES[name]
    seen = [outcome(row) for row in rows if include(row)]
    return len(seen), sum(one is not None for one in seen), sum(one is True for one in seen)


def amount(rows: list[Row], name: str) -> list[int]:
    """The observed values of one amount: microseconds, counts or millionths."""
    include, value = AMOUNTS[name]
    found = [value(row) for row in rows if include(row)]
    return [one for one in found if one is not None]

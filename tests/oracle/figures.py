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


def _silent_failure(row: Row) -> bool | None:
    return True if row["contradicted"] else row["returned_7d"]


def _solved_within(window: str) -> Outcome:
    def outcome(row: Row) -> bool | None:
        negatives = (
            row["escalated"],
            row["forced_termination"],
            row["rage_quit"],
            row["contradicted"],
            row["explicit_feedback"] == "neg",
            row["abandoned"],
            row["ended_negative"],
            row[f"returned_{window}"],
        )
        if True in negatives:
            return False
        if row["confirmed"] or (row["answered"] and None not in negatives):
            return True
        return None

    return outcome


def _automated(row: Row) -> bool | None:
    return row["true_resolution"] if row["path"] == "ai_only" else False


SHARES: dict[str, tuple[Test, Outcome]] = {
    "true_resolution_rate": (_with_ai, lambda r: r["true_resolution"]),
    "deflection_rate": (is_eligible, lambda r: not r["human_involved"] and not r["escalated"]),
    "resolution_rate_claimed": (
        lambda r: is_eligible(r) and r["has_claim"],
        lambda r: r["claimed_resolved"],
    ),
    "resolution_accuracy": (
        lambda r: is_eligible(r) and bool(r["claimed_resolved"]),
        lambda r: r["true_resolution"],
    ),
    "silent_failure_rate": (
        lambda r: _with_ai(r) and bool(r["contained"] or r["claimed_resolved"]),
        _silent_failure,
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
    "escalation_rate": (_with_ai, lambda r: r["escalated"]),
    "escalation_failure_rate": (
        lambda r: _with_ai(r) and r["asked_human"],
        lambda r: not r["human_came"],
    ),
    "abandonment_rate": (_with_ai, lambda r: r["abandoned"]),
    "rage_quit_rate": (_with_ai, lambda r: r["rage_quit"]),
    "survey_response_rate": (lambda r: r["survey_asked"], lambda r: r["survey_answered"]),
    **{
        f"reopen_rate_{window}": (
            lambda r: is_eligible(r) and bool(r["closed"] or r["claimed_resolved"]),
            lambda r, w=window: r[f"reopened_{w}"],  # type: ignore[misc]
        )
        for window in ("24h", "48h", "72h", "7d")
    },
    **{
        f"ai_first_contact_resolution_{window}": (_with_ai, _solved_within(window))
        for window in ("24h", "72h")
    },
}
AMOUNTS: dict[str, tuple[Test, Callable[[Row], int | None]]] = {
    "escalation_turn": (_with_ai, lambda r: r["escalation_turn"]),
    "escalation_delay": (_with_ai, lambda r: r["escalation_us"]),
    "time_to_first_response_ai": (_with_ai, lambda r: r["ai_first_response_us"]),
    "time_to_first_response_human": (is_eligible, lambda r: r["human_first_response_us"]),
    "time_to_resolution": (is_eligible, lambda r: r["resolution_us"]),
    "csat_ai_only": (lambda r: r["path"] == "ai_only", lambda r: r["csat_ppm"]),
    "csat_hybrid": (lambda r: r["path"] == "hybrid", lambda r: r["csat_ppm"]),
    "csat_human_only": (lambda r: r["path"] == "human_only", lambda r: r["csat_ppm"]),
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

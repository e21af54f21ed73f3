"""The period of an estimate in words, its last day included."""

from __future__ import annotations

from candor.estimates.estimate import Estimate
from candor.window import to_date


def period(estimate: Estimate) -> str:
    """In words, e.g. ``May 2026`` or ``4 May – 10 May 2026``."""
    if estimate.period_start is None or estimate.period_end is None:
        return "all data"
    first, last = to_date(estimate.period_start), to_date(estimate.period_end - 1)
    if estimate.grain == "month":
        return f"{first:%B %Y}"
    if estimate.grain == "quarter":
        return f"Q{(first.month + 2) // 3} {first.year}"
    if first == last:
        return f"{first.day} {first:%B %Y}"
    return f"{first.day} {first:%b} – {last.day} {last:%b %Y}"

"""Statistics: what a measure says, how surely, or why it says nothing.

One file per estimator. Knows measures and numbers; knows no SQL, no engine and no lake.
"""

from candor.estimates.estimate import (
    Bounds,
    Caveat,
    Estimate,
    Evidence,
    Judged,
    Reckoning,
    Refusal,
    Thresholds,
    published,
)
from candor.estimates.from_cell import change, make

__all__ = [
    "Bounds", "Caveat", "Estimate", "Evidence", "Judged", "Reckoning", "Refusal", "Thresholds", "change", "make",
    "published",
]  # fmt: skip

"""One number for the drift of a system, never without its parts.

Inputs, intents, verdicts and errors are each held against their frozen reference; what is more than
chance over all of them together counts, and the index is the greatest divergence among those, in
bits (0–1). Before it is called a drift of the model look at the labelled sentinel and the judge.
Source: STATISTICS §8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from candor.estimates.compare import Drift
from candor.estimates.estimate import Refusal
from candor.estimates.multiplicity import benjamini_hochberg_adjusted


@dataclass(frozen=True, slots=True)
class DriftIndex:
    """The greatest drift and every part.

    Attributes:
        index: greatest Jensen–Shannon divergence among the parts that drifted; 0 when none did.
        driver: that part; None when none did.
        adjusted: p-value of each judged part, adjusted over all of them.
        drifted: parts below the false discovery rate, in order of the names given.
        refused: parts that could not be judged, and why.
    """

    index: float
    driver: str | None
    adjusted: Mapping[str, float]
    drifted: tuple[str, ...]
    refused: Mapping[str, Refusal]


def drift_index(
    parts: Mapping[str, Drift | Refusal], *, rate: float = 0.05
) -> DriftIndex | Refusal:
    """The index over several distributions.

    Args:
        parts: drift of each distribution, or why it could not be judged.
        rate: false discovery rate over the parts.

    Returns:
        The refusal of the first part when none could be judged.
    """
    judged = {name: part for name, part in parts.items() if isinstance(part, Drift)}
    refused = {name: part for name, part in parts.items() if isinstance(part, Refusal)}
    if not judged:
        return next(iter(refused.values()), Refusal.NOTHING_OBSERVED)
    p = benjamini_hochberg_adjusted([part.p for part in judged.values()])
    adjusted = dict(zip(judged, p, strict=True))
    drifted = tuple(name for name in judged if adjusted[name] <= rate)
    driver = max(drifted, key=lambda name: (judged[name].jensen_shannon, name), default=None)
    index = judged[driver].jensen_shannon if driver is not None else 0.0
    return DriftIndex(index, driver, adjusted, drifted, refused)

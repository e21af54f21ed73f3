"""How the way customers are served goes with whether they stay: correlations over persons.

A person is one observation, however many months they wrote in; shares of a person are sums over sums.
Pearson's correlation with Fisher's interval. It shows that two things go together, never that one
brings the other: what makes people write makes them leave. Source: Fisher 1921.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from candor.estimates import Caveat, Reckoning, Refusal
from candor.estimates.arithmetic import normal_quantile
from candor.estimates.estimate import DEFAULT_THRESHOLDS, Thresholds


def correlation(
    pairs: Sequence[tuple[float, float]],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> Reckoning:
    """Pearson's correlation of independent pairs: r, tanh(artanh r ± z/√(n − 3)).

    Args:
        pairs: one per person.
        level: confidence level.
        thresholds: floors of the refusals.

    Returns:
        ``nothing_observed`` where one side does not vary: nobody left, or everybody did.
    """
    method, n = "pearson_fisher", len(pairs)
    if n < max(thresholds.min_units, 4):
        return Reckoning.refused(method, Refusal.TOO_FEW if n else Refusal.NOTHING_OBSERVED)
    mean_x = math.fsum(x for x, _ in pairs) / n
    mean_y = math.fsum(y for _, y in pairs) / n
    xx = math.fsum((x - mean_x) ** 2 for x, _ in pairs)
    yy = math.fsum((y - mean_y) ** 2 for _, y in pairs)
    xy = math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs)
    if xx <= 0 or yy <= 0:
        return Reckoning.refused(method, Refusal.NOTHING_OBSERVED)
    r = max(-1.0, min(1.0, xy / math.sqrt(xx * yy)))
    if abs(r) >= 1:
        return Reckoning.refused(method, Refusal.DENOMINATOR_UNSTABLE)
    half = normal_quantile(level) / math.sqrt(n - 3)
    low, high = math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
    return Reckoning(
        method, r, low, high, n_eff=float(n), k_eff=float(n),
        caveats=(Caveat.ADJUSTED_OBSERVED_ONLY,),
    )  # fmt: skip

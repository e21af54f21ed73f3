"""What the customers of one arm add up to, and the comparison of two arms.

One row per customer over the whole window: sums over days must not be added up, because the same
customer returns. y is the outcome, m the denominator of a ratio, x a covariate from before the
exposure. Nothing here divides by anything that was not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from candor.estimates.estimate import Reckoning


@dataclass(frozen=True, slots=True)
class ArmSums:
    """Sums over the customers of one arm.

    Attributes:
        n: customers.
        y, y2: sum and sum of squares of the outcome.
        m, m2, ym: of the denominator, and of their product.
        x, x2, xy: of the covariate, and of its product with the outcome.
    """

    n: int
    y: float
    y2: float
    m: float = 0.0
    m2: float = 0.0
    ym: float = 0.0
    x: float = 0.0
    x2: float = 0.0
    xy: float = 0.0

    @classmethod
    def of(cls, rows: Iterable[tuple[float, float, float]]) -> ArmSums:
        """Sums of one (y, m, x) per customer."""
        n = 0
        sums = [0.0] * 8
        for y, m, x in rows:
            n += 1
            for index, value in enumerate((y, y * y, m, m * m, y * m, x, x * x, x * y)):
                sums[index] += value
        return cls(n, *sums)

    @property
    def mean(self) -> float:
        """Mean outcome of a customer."""
        return self.y / self.n

    @property
    def ratio(self) -> float:
        """Outcome over denominator."""
        return self.y / self.m

    @property
    def variance(self) -> float:
        """Sample variance of the outcome."""
        return covariance(self.n, self.y, self.y, self.y2)

    @property
    def ratio_variance(self) -> float:
        """Variance of one customer's contribution to the ratio: (s²_y + r²s²_m − 2r·s_ym)/m̄²."""
        r = self.ratio
        spread = (
            self.variance
            + r * r * covariance(self.n, self.m, self.m, self.m2)
            - 2 * r * covariance(self.n, self.y, self.m, self.ym)
        )
        return max(0.0, spread) / (self.m / self.n) ** 2

    def __add__(self, other: ArmSums) -> ArmSums:
        return ArmSums(
            self.n + other.n, self.y + other.y, self.y2 + other.y2, self.m + other.m,
            self.m2 + other.m2, self.ym + other.ym, self.x + other.x, self.x2 + other.x2,
            self.xy + other.xy,
        )  # fmt: skip


def covariance(n: int, first: float, second: float, product: float) -> float:
    """Sample covariance from sums."""
    return (product - first * second / n) / (n - 1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treatment against control.

    Attributes:
        found: difference or relative lift with its interval, or a refusal.
        p: two-sided p-value of no difference; None when refused.
        degrees: degrees of freedom; None when refused or not of a t law.
    """

    found: Reckoning
    p: float | None = None
    degrees: float | None = None

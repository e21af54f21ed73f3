"""An experiment read from its exposures: one row per customer, whatever happened afterwards.

A customer belongs to the first arm that served them, whatever followed (intention to treat); who was
served by another arm later is counted. Units whose first arm the design does not name are left out
and counted. Customers without any outcome
stay in with zeros. Units of y, m and x are the caller's. Source: STATISTICS §4.1–4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from candor.estimates.estimate import Refusal
from candor.experiments.arms import ArmSums
from candor.experiments.assignment import Design
from candor.experiments.ratio_mismatch import SampleRatio, srm


@dataclass(frozen=True, slots=True)
class Exposure:
    """A unit met an arm.

    Attributes:
        unit_id: customer (pseudonym).
        arm: name of the arm.
        assigned_at: epoch microseconds.
    """

    unit_id: str
    arm: str
    assigned_at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a metric adds up to for one unit since its exposure (x: from before it).

    Attributes:
        unit_id: customer.
        y: sum of outcomes.
        m: sum of denominators (observed units for a share).
        x: covariate from before the exposure; 0 for new customers.
        immature: units whose window is still open.
    """

    unit_id: str
    y: float
    m: float = 1.0
    x: float = 0.0
    immature: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The arms of an experiment.

    Attributes:
        arms: sums by arm, in the order of the design.
        sample_ratio: assignment counts against the design.
        crossed: units served by another arm later; they stay in their first.
        strange: units whose first arm the design does not name.
        unexposed: outcomes of units that were never exposed.
        mature_share: smallest share over the arms of units past their window.
    """

    arms: Mapping[str, ArmSums]
    sample_ratio: SampleRatio | Refusal
    crossed: int
    strange: int
    unexposed: int
    mature_share: float

    @property
    def sample_ratio_ok(self) -> bool:
        """Whether the counts agree with the design."""
        return isinstance(self.sample_ratio, SampleRatio) and not self.sample_ratio.failed


def read_arms(
    design: Design, exposures: Iterable[Exposure], outcomes: Iterable[Outcome]
) -> Reading:
    """Sums per arm over all exposed customers.

    Args:
        design: arms and their shares.
        exposures: every exposure event of this experiment, in any order.
        outcomes: at most one row per customer.

    Raises:
        ValueError: a customer has two outcome rows; sum over the whole window first.
    """
    met: dict[str, list[tuple[int, str]]] = {}
    for exposure in exposures:
        met.setdefault(exposure.unit_id, []).append((exposure.assigned_at, exposure.arm))
    first = {unit: min(visits)[1] for unit, visits in met.items()}
    crossed = sum(len({arm for _, arm in visits}) > 1 for visits in met.values())
    placed = {unit: arm for unit, arm in first.items() if arm in design.shares}
    rows: dict[str, Outcome] = {}
    unexposed = 0
    for outcome in outcomes:
        if outcome.unit_id in rows:
            raise ValueError(f"customer {outcome.unit_id} has two outcome rows")
        rows[outcome.unit_id] = outcome
        unexposed += outcome.unit_id not in met
    arms, mature = {}, 1.0
    for arm in design.shares:
        own = [rows.get(u, Outcome(u, 0.0, 0.0)) for u in sorted(placed) if placed[u] == arm]
        arms[arm] = ArmSums.of((o.y, o.m, o.x) for o in own)
        waiting, settled = sum(o.immature for o in own), sum(o.m for o in own)
        if waiting + settled > 0:
            mature = min(mature, settled / (waiting + settled))
    counts = [arms[arm].n for arm in design.shares]
    return Reading(
        arms, srm(counts, list(design.shares.values())), crossed, len(first) - len(placed),
        unexposed, mature,
    )  # fmt: skip

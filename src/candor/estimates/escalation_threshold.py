"""Below which confidence of its own an AI should hand over, given what both mistakes cost.

A logistic curve from the log odds of the stated confidence gives the chance of being right; handing over
pays where the chance of being wrong times the cost of a failure exceeds the cost of a handover. The
interval of the threshold resamples customer buckets. What a threshold saves is told on customers whom
the curve never saw, against the better of always and never handing over. Pure: no SQL, no files.
Confidences are in [0, 1], costs in one currency a contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from candor.estimates.draws import poisson_weights
from candor.estimates.estimate import Reckoning, Refusal
from candor.estimates.ratio import bucket_ratio
from candor.estimates.reliability import MILLION, Stated

MIN_UNITS, MIN_EACH, MIN_CUSTOMERS = 200, 25, 30
"""Fewest answers, fewest right and wrong ones, fewest customers: below, nothing is advised."""
REPLICATES = 300
_CELLS = 100
_FOLDS = 5
_ROUNDS = 25
_RIDGE = 1e-3
_SCALE = 1_000_000
_METHOD = "logistic_threshold"
Floats = npt.NDArray[np.float64]
_MIDDLES = (np.arange(_CELLS) + 0.5) / _CELLS
_ODDS = np.log(_MIDDLES / (1 - _MIDDLES))


@dataclass(frozen=True, slots=True)
class Advice:
    """A threshold and what it is worth.

    Attributes:
        threshold: hand over below it; 0 never, 1 always. Refused below a minimum, and where the
            confidence does not tell right from wrong (`judge_uninformative`).
        slope: of the curve, 1 where stated odds are right, with its interval.
        handed_over: share of the answers below the threshold.
        saving: cost a contact saved on unseen customers, against the better constant rule, which
            ``constant`` names (``never`` or ``always``). Its interval resamples nothing: ratio of
            sums over customer buckets.
        pays: the saving's interval lies above 0; None where there is none.
        cost_of_threshold, cost_of_never, cost_of_always: a contact, the first on unseen customers.
        units, right: answers looked at, and those that came true.
    """

    threshold: Reckoning
    slope: Reckoning
    handed_over: float | None
    saving: Reckoning
    constant: str
    pays: bool | None
    cost_of_threshold: float | None
    cost_of_never: float | None
    cost_of_always: float | None
    units: int
    right: int


def advise(
    statements: Sequence[Stated], *, cost_wrong: float, cost_handover: float, customers: int,
    level: float = 0.95, replicates: int = REPLICATES,
) -> Advice:  # fmt: skip
    """Advise a threshold.

    Args:
        statements: confidences of answers that were not handed over, and whether they came true.
        cost_wrong: of a contact that the AI keeps and fails, above that of one it solves.
        cost_handover: of handing a contact over, above that of one it solves.
        customers: distinct customers behind the statements.
        level: of the intervals.
        replicates: resamplings.

    Raises:
        ValueError: costs are not above 0, or a confidence lies outside 0–1.
    """
    if not (0 < cost_wrong < np.inf and 0 < cost_handover < np.inf):
        raise ValueError("both costs must be above 0")
    if any(not 0 <= one.confidence_ppm <= MILLION for one in statements):
        raise ValueError("confidences lie in 0–1")
    buckets = sorted({one.bucket for one in statements})
    place = {bucket: at for at, bucket in enumerate(buckets)}
    wrong, right = np.zeros((len(buckets), _CELLS)), np.zeros((len(buckets), _CELLS))
    for one in statements:
        cell = min(_CELLS - 1, one.confidence_ppm * _CELLS // MILLION)
        (right if one.came_true else wrong)[place[one.bucket], cell] += one.count
    units, hits = int((wrong + right).sum()), int(right.sum())
    few = None
    if units < MIN_UNITS or min(hits, units - hits) < MIN_EACH:
        few = Refusal.TOO_FEW
    elif min(customers, len(buckets)) < MIN_CUSTOMERS:
        few = Refusal.TOO_FEW_CUSTOMERS
    if few is not None:
        return _refused(few, units, hits)
    limit = cost_handover / cost_wrong
    curve = _fit(wrong.sum(0)[None], right.sum(0)[None])
    weights = poisson_weights(buckets, replicates, salt=_METHOD).astype(np.float64)
    drawn = _fit(weights @ wrong, weights @ right)
    tails = [(1 - level) / 2, (1 + level) / 2]
    k = float(len(buckets))
    low, high = np.quantile(drawn[:, 1], tails)
    slope = Reckoning(_METHOD, float(curve[0, 1]), float(low), float(high), k_eff=k)
    if low <= 0:
        return replace(_refused(Refusal.JUDGE_UNINFORMATIVE, units, hits), slope=slope)
    point = float(_threshold(curve, limit)[0])
    ends = np.quantile(_threshold(drawn, limit), tails)
    threshold = Reckoning(
        _METHOD, point, min(float(ends[0]), point), max(float(ends[1]), point), k_eff=k
    )
    kept, always = _unseen(wrong, right, limit, cost_wrong, cost_handover)
    counts = (wrong + right).sum(1)
    never = wrong.sum(1) * cost_wrong
    constant = "never" if never.sum() <= always.sum() else "always"
    saved = (never if constant == "never" else always) - kept
    saving = bucket_ratio(
        [round(one * _SCALE) for one in saved], [int(n) for n in counts], kind="mean", units=units,
        customers=customers, level=level, scale=_SCALE,
    )  # fmt: skip
    below = np.minimum(_CELLS, np.ceil(point * _CELLS - 0.5)).astype(int)
    return Advice(
        threshold, slope, float((wrong + right)[:, : max(0, below)].sum() / units), saving, constant,
        None if saving.low is None else saving.low > 0, float(kept.sum() / units),
        float(never.sum() / units), float(always.sum() / units), units, hits,
    )  # fmt: skip


def _refused(why: Refusal, units: int, hits: int) -> Advice:
    none = Reckoning.refused(_METHOD, why)
    return Advice(none, none, None, none, "", None, None, None, None, units, hits)


def _fit(wrong: Floats, right: Floats) -> Floats:
    """Intercept and slope of each row's curve, by Newton steps from stated odds taken as right."""
    total = wrong + right
    found = np.tile([0.0, 1.0], (len(total), 1))
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(found[:, :1] + found[:, 1:] * _ODDS, -30, 30)))
        pull = right - total * chance
        weight = total * chance * (1 - chance)
        a = weight.sum(1) + _RIDGE
        b = (weight * _ODDS).sum(1)
        c = (weight * _ODDS**2).sum(1) + _RIDGE
        g = pull.sum(1) - _RIDGE * found[:, 0]
        h = (pull * _ODDS).sum(1) - _RIDGE * (found[:, 1] - 1)
        det = a * c - b * b
        step = np.column_stack(((c * g - b * h) / det, (a * h - b * g) / det))
        found += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return found


def _threshold(curves: Floats, limit: float) -> Floats:
    """Where the chance of being wrong falls under the limit; 0 when everywhere, 1 when nowhere."""
    if limit >= 1:
        return np.zeros(len(curves))
    slope = np.maximum(curves[:, 1], 1e-6)
    odds = (np.log((1 - limit) / limit) - curves[:, 0]) / slope
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), dtype=np.float64)


def _unseen(
    wrong: Floats, right: Floats, limit: float, cost_wrong: float, cost_handover: float
) -> tuple[Floats, Floats]:
    """Cost by bucket under thresholds that the bucket had no part in, and of handing all over."""
    fold = np.arange(len(wrong)) % _FOLDS
    kept = np.zeros(len(wrong))
    for part in range(_FOLDS):
        mine = fold == part
        curve = _fit(wrong[~mine].sum(0)[None], right[~mine].sum(0)[None])
        below = (
            _threshold(curve, limit)[0] > _MIDDLES if curve[0, 1] > 0 else np.zeros(_CELLS, bool)
        )
        over = (wrong + right)[mine][:, below].sum(1) * cost_handover
        kept[mine] = over + wrong[mine][:, ~below].sum(1) * cost_wrong
    return kept, (wrong + right).sum(1) * cost_handover

"""A change whose direction is only another mix of requests: Simpson's paradox, told as a finding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from candor.estimates.arithmetic import normal_quantile
from candor.verdicts import wording
from candor.verdicts.findings import Exhibit, Finding, Severity
from candor.verdicts.split import Part

if TYPE_CHECKING:
    from candor.verdicts.scorecard import MetricRow

_Z = normal_quantile(0.95)
_NAMED = 3


def reversals(rows: Iterable[MetricRow]) -> list[Finding]:
    """One finding for all rows whose change and within part are supported and point apart.

    Metrics that move together reverse together; the most certain one leads.
    """
    found = [row for row in rows if row.split is not None and row.split.is_simpson]
    if not found:
        return []
    ordered = sorted(found, key=lambda row: (-_distance(row), row.info.name))
    first = ordered[0]
    return [
        Finding(
            code="mix_reversal", title="The mix changed, not the performance",
            metrics=tuple(row.info.name for row in ordered), segment={},
            sentence=_sentence(first) + _others(ordered[1:]),
            evidence=tuple(exhibit for row in ordered for exhibit in _exhibits(row)),
            next_step="Judge by the change at equal mix; see which requests grew, and why.",
            owner=first.info.owner, team="operations", severity=Severity.MEDIUM,
            size=max(
                abs(row.change.point or 0.0) * row.estimate.observed
                for row in ordered
            ) if first.change.unit == "points" else 0.0,
            strength=_distance(first), caveats=("mix_driven",),
        )
    ]  # fmt: skip


def _sentence(row: MetricRow) -> str:
    split, change = row.split, row.change
    if split is None or split.within is None:
        return ""
    unit = change.unit
    within = split.within
    grew = "; ".join(
        f"{'(not known)' if m.value is None else m.value.replace('_', ' ')} "
        f"{wording.signed(m.mix, unit)}"
        for m in sorted(split.members, key=lambda m: (-abs(m.mix), m.value or ""))[:_NAMED]
    )
    return (
        f"{row.info.title} changed by {wording.signed(change.point, unit)} "
        f"({wording.interval(change.low, change.high, unit)}), but at an equal mix of "
        f"{split.dimension.removesuffix('_id')}s by {wording.signed(within.point, unit)} "
        f"({wording.interval(within.low, within.high, unit)}): the opposite. "
        f"What moved the whole is the mix ({grew})."
    )


def _others(rows: list[MetricRow]) -> str:
    names = [row.info.title.lower() for row in rows]
    return f" The same holds for {', '.join(names)}." if names else ""


def _distance(row: MetricRow) -> float:
    if row.split is None or row.split.within is None:
        return 0.0
    change = row.change
    whole = _certainty(change.point, change.low, change.high)
    return min(whole, _of(row.split.within))


def _of(part: Part) -> float:
    return _certainty(part.point, part.low, part.high)


def _certainty(point: float | None, low: float | None, high: float | None) -> float:
    if point is None or low is None or high is None or high <= low:
        return 0.0
    return abs(point) / ((high - low) / 2 / _Z)


def _exhibits(row: MetricRow) -> list[Exhibit]:
    split, change, name = row.split, row.change, row.info.name
    exhibits = [Exhibit.of_change(f"{row.info.title}, change", name, change, {})]
    for label, part in (
        ("at an equal mix", split.within if split else None),
        ("by the mix alone", split.mix if split else None),
    ):
        if part is not None:
            exhibits.append(
                Exhibit(
                    f"{row.info.title}, change {label}", name, {}, part.point, part.low,
                    part.high, change.unit,
                )
            )  # fmt: skip
    return exhibits

"""Where service got worse, and for whom: by release, against the baseline, over weeks, between groups.

Takes contrasts with their intervals and keeps those that are worse by more than a trifle and survive
having looked everywhere: Holm over groups of customers, Benjamini–Hochberg within each other family.
Contrasts of one place become one finding. Coincidence is named, never cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from candor.estimates.multiplicity import benjamini_hochberg, holm
from candor.verdicts import wording
from candor.verdicts.bands import Better
from candor.verdicts.findings import Exhibit, Finding, Severity, Team
from candor.verdicts.support import Interval, minus, p_value

Family = Literal["release", "baseline", "segment", "trend", "group"]
Place = tuple[str, str | None] | None
LEVEL = 0.02
"""Accepted share of false findings in each of the five families."""
TRIFLE = {"share": 0.02, "points": 0.02}
"""Differences of shares below this are no finding, however certain."""
TRIFLING_SHARE = 0.05
"""For other units: differences below this share of the figure held against."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One metric in one place held against another.

    Attributes:
        metric, title: which metric, and how pages call it.
        unit: unit of the metric.
        better: which direction is good; contrasts without one are not judged.
        place: dimension and member; None for everything.
        against: what it is held against, in words.
        found: the difference with its interval.
        held: the figure held against.
        units: units in the place.
        within: the part of the difference that is left at equal mix; None where it was not reckoned.
        since: first day from which the difference holds.
    """

    metric: str
    title: str
    unit: str
    better: Better
    place: Place
    against: str
    found: Interval
    held: float
    units: int
    within: Interval | None = None
    since: int | None = None

    @property
    def distance(self) -> float:
        """Standard errors by which it is worse than a trifle would explain being zero; < 0: better."""
        if self.better == "neither":
            return -1.0
        found = self.found
        worse = -found.point if self.better == "higher" else found.point
        if worse <= self.trifle:
            return -1.0
        se = found.se_high if self.better == "higher" else found.se_low
        return worse / se if se > 0 else 0.0

    @property
    def trifle(self) -> float:
        """The least difference worth naming."""
        return TRIFLE.get(self.unit, TRIFLING_SHARE * abs(self.held))


def departures(family: Family, contrasts: Sequence[Contrast], owner: str) -> list[Finding]:
    """Findings of one family of contrasts.

    Args:
        family: what is held against what; decides the words and the correction.
        contrasts: all that were looked at, the unremarkable ones included: they are the price.
        owner: who answers for it.
    """
    judged = [one for one in contrasts if one.better != "neither"]
    p = [p_value(one.distance) for one in judged]
    correct = holm if family == "group" else benjamini_hochberg
    kept = [one for one, keep in zip(judged, correct(p, level=LEVEL), strict=True) if keep]
    by_place: dict[Place, list[Contrast]] = {}
    for one in kept:
        by_place.setdefault(one.place, []).append(one)
    return [_finding(family, place, found, owner) for place, found in by_place.items()]


def beyond_total(segments: Sequence[Contrast], totals: Sequence[Contrast]) -> list[Contrast]:
    """The segments that fell by more than everything certainly did.

    A segment that only shared the common fall is no finding of its own; its contrast stays, as one
    more look that was taken.
    """
    total = {one.metric: one for one in totals}
    return [
        one if one.metric not in total or _is_beyond(one, total[one.metric])
        else replace(one, better="neither")
        for one in segments
    ]  # fmt: skip


def _is_beyond(one: Contrast, total: Contrast) -> bool:
    if total.found.low <= 0 <= total.found.high:
        return True
    apart = minus(one.found, total.found)
    return apart.high < 0 if one.better == "higher" else apart.low > 0


_WORDS: dict[Family, tuple[str, str, str, Team]] = {
    "release": (
        "regressed_release", "A release made it worse",
        "Replay the worst intents against the release before; roll it back or mend it.",
        "engineering",
    ),
    "baseline": (
        "drifted", "Worse than the baseline",
        "Look at what changed here since the baseline: content, policy, customers, releases.",
        "product",
    ),
    "segment": (
        "drifted_segment", "Worse than the baseline in one place",
        "Look at what changed here since the baseline: content, policy, customers, releases.",
        "product",
    ),
    "trend": (
        "steady_decline", "Getting steadily worse",
        "Find what erodes (stale content, new requests, releases): compare first and last weeks.",
        "product",
    ),
    "group": (
        "unfair_gap", "A group of customers is served worse",
        "Compare the same intents between the groups; check language, content and routing.",
        "product",
    ),
}  # fmt: skip


def _finding(family: Family, place: Place, found: Sequence[Contrast], owner: str) -> Finding:
    code, title, next_step, team = _WORDS[family]
    ordered = sorted(found, key=lambda one: (-one.distance, one.metric))
    first = ordered[0]
    told = "; ".join(_told(one) for one in ordered[:3])
    more = f", and {len(ordered) - 3} more figures" if len(ordered) > 3 else ""
    sizes = [
        one.units * (abs(one.found.point) if one.unit in TRIFLE else TRIFLING_SHARE)
        for one in ordered
    ]
    return Finding(
        code=code, title=title, metrics=tuple(one.metric for one in ordered),
        segment={} if place is None else dict([place]),
        sentence=f"{_opening(family, place, first)}: {told}{more}.{_at_equal_mix(ordered)}",
        evidence=tuple(exhibit for one in ordered for exhibit in _exhibits(one)),
        next_step=next_step, owner=owner, team=team, severity=Severity.HIGH,
        size=max(sizes), strength=first.distance,
        caveats=("coincident_with_release",) if family == "release" else (),
        since=first.since,
    )  # fmt: skip


def _opening(family: Family, place: Place, first: Contrast) -> str:
    where = "Everything" if place is None else _place(place)
    if family == "release":
        return f"{where} is worse than {first.against}"
    if family in ("baseline", "segment"):
        return f"{where} is worse than in the baseline ({first.against})"
    if family == "trend":
        return f"{where} gets worse, a month, over {first.against}"
    return f"{where} is served worse than {first.against}"


def _place(place: tuple[str, str | None]) -> str:
    name, value = place
    shown = "(not known)" if value is None else value.replace("_", " ")
    return f"{name.removesuffix('_id').replace('_', ' ').capitalize()} {shown}"


def _told(one: Contrast) -> str:
    unit = "points" if one.unit == "share" else one.unit
    return (
        f"{one.title} {wording.signed(one.found.point, unit)} "
        f"({wording.interval(one.found.low, one.found.high, unit)})"
    )


def _at_equal_mix(found: Sequence[Contrast]) -> str:
    """Whether the difference is more than another mix of requests."""
    told = [one for one in found if one.within is not None]
    if not told or told[0].within is None:
        return ""
    one, unit = told[0], "points" if told[0].unit == "share" else told[0].unit
    within = told[0].within
    shown = (
        f"{wording.signed(within.point, unit)} ({wording.interval(within.low, within.high, unit)})"
    )
    return f" At an equal mix of requests, {one.title.lower()} differs by {shown}."


def _exhibits(one: Contrast) -> list[Exhibit]:
    segment = {} if one.place is None else dict([one.place])
    unit = "points" if one.unit == "share" else one.unit
    found = [
        Exhibit(
            f"{one.title}, against {one.against}", one.metric, segment, one.found.point,
            one.found.low, one.found.high, unit, one.units,
        )
    ]  # fmt: skip
    if one.within is not None:
        found.append(
            Exhibit(
                f"{one.title}, at an equal mix of requests", one.metric, segment,
                one.within.point, one.within.low, one.within.high, unit, one.units,
            )
        )  # fmt: skip
    return found

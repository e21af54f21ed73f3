"""Methods that hold two groups against each other at the same mix of requests.

Direct standardisation over intents: both groups are shown at one mix, so that a difference is one
of how cases went, not of which cases came. Limits by delete-one-bucket jackknife. Intents with few
units in either group are put together; what remains uncovered is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from candor.answers import stacking
from candor.answers.derived import Ask, Figure, method
from candor.estimates import Caveat, Refusal
from candor.estimates.bounds import tipping_point
from candor.estimates.compare import ratio_change
from candor.estimates.fairness import standardised_gap

CELL = "intent_id"


def at_one_mix(given: Mapping[str, Any]) -> Figure:
    """``group`` against ``reference`` (member to sums by bucket) at one mix.

    ``contrast`` is difference or ratio, ``mix`` pooled or group, ``scale`` what totals are divided
    by, ``min_cell`` the fewest units of each group for a cell of its own, ``min_covered`` the share
    of units the cells must hold.
    """
    group, reference = (stacking.side(given[name]) for name in ("group", "reference"))
    table = stacking.stack([reference, group])
    sizes = tuple(stacking.units_of(side) for side in (reference, group))
    customers = given.get("customers", sizes)
    if min(sizes) == 0:
        return Figure.refused(Refusal.NOTHING_OBSERVED, observed=sizes[1], eligible=sizes[1])
    found = standardised_gap(
        table.numerators, table.denominators, customers=(customers[0], customers[1]),
        contrast=given.get("contrast", "difference"), mix=given.get("mix", "pooled"),
        scale=given.get("scale", 1), min_cell=given["min_cell"],
        min_covered=given["min_covered"], level=given.get("level", 0.95),
        thresholds=stacking.given_thresholds(given),
    )  # fmt: skip
    return Figure.of(
        found.found,
        eligible=sum(sizes), observed=sum(sizes), customers=min(customers),
        detail={
            "group": found.group, "reference": found.reference, "raw": found.raw,
            "covered": found.covered, "units": {"group": sizes[1], "reference": sizes[0]},
        },
    )  # fmt: skip


def _asked(ask: Ask, group: str, reference: str, **more: Any) -> Figure:
    """Two roles by intent, at the mix that the definition's params name."""
    totals = [ask.cells(name)[0] for name in (reference, group)]
    return at_one_mix(
        {
            **ask.params, **more, "level": ask.level, "thresholds": ask.thresholds,
            "group": stacking.side_of(ask.cells(group, by=(CELL,)), CELL),
            "reference": stacking.side_of(ask.cells(reference, by=(CELL,)), CELL),
            "customers": tuple(cell.customers for cell in totals),
            "scale": ask.counted(group).scale,
        }
    )  # fmt: skip


@method("ratio_at_one_mix", pure=at_one_mix, breakdown="each")
def ratio_at_one_mix(ask: Ask) -> list[Figure]:
    """Mean of the group over that of the reference, both at the group's mix of intents."""
    return [_asked(ask, "group", "reference", contrast="ratio", mix="group")]


def satisfaction_gap(given: Mapping[str, Any]) -> Figure:
    """Satisfaction at the AI's mix of intents, and how much silence could turn it round.

    ``response`` is the share of the AI's customers who answered; ``baseline`` (optional) gives the
    AI's satisfaction in the frozen past in the same form as ``group``.
    """
    figure = at_one_mix({**given, "mix": "group"})
    if figure.point is None:
        return figure
    detail = dict(figure.detail)
    response = given.get("response")
    if response is not None:
        shift = tipping_point(figure.point, response)
        detail["tipping_point"] = None if isinstance(shift, Refusal) else shift
        detail["response"] = response
    return figure.within(caveats=(*figure.caveats, Caveat.ADJUSTED_OBSERVED_ONLY), detail=detail)


@method("satisfaction_gap", pure=satisfaction_gap, breakdown="each")
def satisfaction_gap_of(ask: Ask) -> list[Figure]:
    """The AI's satisfaction minus that of people at the AI's mix of intents; the baseline beside it."""
    response = ask.one("response", where={"path": "ai_only"}).point
    totals = [ask.cells(name)[0] for name in ("human", "ai")]
    figure = satisfaction_gap(
        {
            **ask.params, "level": ask.level, "thresholds": ask.thresholds, "response": response,
            "group": stacking.side_of(ask.cells("ai", by=(CELL,)), CELL),
            "reference": stacking.side_of(ask.cells("human", by=(CELL,)), CELL),
            "customers": tuple(cell.customers for cell in totals),
        }
    )  # fmt: skip
    return [figure.within(detail={**figure.detail, "baseline": _against_baseline(ask)})]


def _against_baseline(ask: Ask) -> dict[str, Any] | None:
    """The AI's satisfaction now minus that of the frozen past; None where there is none to compare."""
    both = ask.since_baseline()
    if both is None:
        return None
    previous, current = (ask.cells("ai", period=period)[0] for period in both)
    change = ask.change("ai", current, previous)
    return {
        "point": change.point, "low": change.low, "high": change.high,
        "refusal": None if change.refusal is None else str(change.refusal),
        "since": both[0].words,
    }  # fmt: skip


Load = Literal["peak", "off_peak"]


def peak_hours(loads: Mapping[int, int], quantile: float) -> frozenset[int]:
    """Hours in which a conversation meets a crowd: the busiest, by conversations, not by hours.

    Args:
        loads: conversations begun in each hour.
        quantile: share of all conversations that lie in calmer hours; hours of equal load stay
            together on the calm side.
    """
    total, seen = sum(loads.values()), 0
    limit = 0
    for _, load in sorted(loads.items(), key=lambda item: (item[1], item[0])):
        seen += load
        limit = load
        if seen >= quantile * total:
            break
    return frozenset(hour for hour, load in loads.items() if load > limit)


def peak_gap(given: Mapping[str, Any]) -> Figure:
    """Outcomes at peak minus off peak within intents.

    ``rows`` are (hour, intent, bucket, total, units); ``loads`` conversations begun by hour.
    """
    loads = {int(hour): int(load) for hour, load in given["loads"].items()}
    busy = peak_hours(loads, given["quantile"])
    sides: dict[Load, dict[str | None, dict[int, tuple[int, int]]]] = {"peak": {}, "off_peak": {}}
    for hour, intent, bucket, total, units in given["rows"]:
        side = sides["peak" if int(hour) in busy else "off_peak"].setdefault(intent, {})
        before = side.get(bucket, (0, 0))
        side[bucket] = (before[0] + int(total), before[1] + int(units))
    figure = at_one_mix({**given, "group": sides["peak"], "reference": sides["off_peak"]})
    return figure.within(
        detail={
            **figure.detail,
            "peak_hours": len(busy),
            "hours": len(loads),
            "busiest": max(loads.values(), default=0),
        }
    )


@method("peak_gap", pure=peak_gap, breakdown="each")
def peak_gap_of(ask: Ask) -> list[Figure]:
    """The rate in the busiest hours minus that in the others, both at the pooled mix of intents."""
    hour = "(started_at - started_at % 3600000000) // 3600000000"
    loads = ask.rows(
        f"select {hour} as hour, count(*) from conversation where {ask.scope('conversation')}"
        " and not is_test and not is_spam and engaged and not is_synthetic_time"
        " group by hour order by hour"
    )
    rows = ask.known("metric", (f"{hour} as hour", CELL), reads=("started_at",))
    return [
        peak_gap(
            {
                **ask.params, "level": ask.level, "thresholds": ask.thresholds,
                "loads": dict(loads), "customers": (ask.cells("metric")[0].customers,) * 2,
                "rows": [(row[0], row[1], row[2], row[3], row[4]) for row in rows],
            }
        )
    ]  # fmt: skip


def silence_bias(given: Mapping[str, Any]) -> Figure:
    """Mean of a signal among those who answered minus its mean among all, by path and in all.

    ``rows`` are (path, answered, bucket, sum of the signal in millionths, units).
    """
    sides: dict[str | None, dict[bool, dict[int, tuple[int, int]]]] = {}
    for path, answered, bucket, total, units in given["rows"]:
        for name in (None, path):
            for group in (True, False) if answered else (False,):
                side = sides.setdefault(name, {}).setdefault(group, {})
                before = side.get(bucket, (0, 0))
                side[bucket] = (before[0] + int(total), before[1] + int(units))
    if None not in sides:
        return Figure.refused(Refusal.NOTHING_OBSERVED)
    paths = {str(name): _bias(sides[name], given) for name in sides if name is not None}
    whole = _bias(sides[None], given)
    return whole.within(
        detail={
            "paths": {
                name: {
                    "point": one.point, "low": one.low, "high": one.high,
                    "answered": one.observed, "all": one.eligible,
                    "refusal": None if one.refusal is None else str(one.refusal),
                }
                for name, one in sorted(paths.items())
            }
        }
    )  # fmt: skip


def _bias(side: Mapping[bool, Mapping[int, tuple[int, int]]], given: Mapping[str, Any]) -> Figure:
    answered, everybody = side.get(True, {}), side[False]
    sizes = (sum(m for _, m in answered.values()), sum(m for _, m in everybody.values()))
    one, other = stacking.aligned(answered, everybody)
    people = given.get("customers", sizes)
    found = ratio_change(
        one, other, units=sizes, customers=(min(people[0], sizes[0]), min(people[1], sizes[1])),
        level=given.get("level", 0.95), scale=1_000_000,
        thresholds=stacking.given_thresholds(given),
    )  # fmt: skip
    return Figure.of(
        found, eligible=sizes[1], observed=sizes[0], customers=min(people[0], sizes[0])
    )


@method("silence_bias", pure=silence_bias, breakdown="each")
def silence_bias_of(ask: Ask) -> list[Figure]:
    """The customers' last words after answered surveys against those after all conversations."""
    scope = (
        f"{ask.scope('conversation')} and not is_test and not is_spam and engaged"
        " and sentiment_last_ppm is not null"
    )
    rows = ask.rows(
        "select path, survey_answered, bucket, sum(sentiment_last_ppm) as total, count(*) as units"
        f" from conversation where {scope} group by path, survey_answered, bucket"
        " order by path, survey_answered, bucket"
    )
    people = ask.rows(
        "select count(distinct case when survey_answered then person_key end),"
        f" count(distinct person_key) from conversation where {scope}"
    )[0]
    return [
        silence_bias(
            {
                **ask.params, "level": ask.level, "thresholds": ask.thresholds, "rows": rows,
                "customers": people,
            }
        )
    ]  # fmt: skip

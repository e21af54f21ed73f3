"""Methods about money: cost per resolution, savings, return, payback, ownership, failure, time to value.

Costs come from the books (:mod:`candor.answers.costing`), the arithmetic from ``candor.economics``. A
component nobody priced refuses the figure and is named. Money is in the workspace currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from candor.answers.costing import Costing, baseline_of, bounded, costing, go_live
from candor.answers.derived import Ask, Figure, method
from candor.economics.costs import PATHS
from candor.economics.value import (
    Rate,
    Week,
    mix_savings,
    payback,
    per_resolution,
    scaled,
    time_to_value,
)
from candor.estimates import Estimate, Reckoning, Refusal
from candor.window import to_date

SMALL = 0.05
"""A path with at most this share of the conversations may lack a resolution rate; it counts as 0."""


def cost_per_resolution_of(given: Mapping[str, Any]) -> Figure:
    """``cost`` over ``rates``: rows of units, share, low, high, confirmed share, greatest share."""
    found, bounds = per_resolution(given["cost"], [Rate(*row) for row in given["rates"]])
    return Figure.of(found, detail=bounds)


@method("cost_per_resolution", pure=cost_per_resolution_of, breakdown="each")
def cost_per_resolution(ask: Ask) -> list[Figure]:
    """All-in cost of the conversations over those truly resolved, by the AI or by people."""
    found = costing(ask)
    if (refused := _lacking(found)) is not None or found is None:
        return [refused or Figure.refused(Refusal.NOTHING_OBSERVED)]
    volume = sum(found.books.conversations.values())
    rates, sizes, left_out = [], [], {}
    for path in PATHS:
        count = found.books.conversations.get(path, 0)
        if not count:
            continue
        one = ask.one("ai" if path == "ai_only" else "human", where={"path": path})
        if one.point is None or one.low is None or one.high is None:
            if count > SMALL * volume or len(found.books.conversations) == 1:
                return [
                    Figure.refused(one.refusal or Refusal.MISSING_COMPONENT, missing=one.missing)
                ]
            left_out[path] = count
            continue
        rates.append(
            (one.eligible, one.point, one.low, one.high,
             None if one.bounds is None else one.bounds.confirmed,
             None if one.bounds is None else one.bounds.upper)
        )  # fmt: skip
        sizes.append(one)
    cost = float(found.costed.total())
    figure = cost_per_resolution_of({"cost": cost, "rates": rates})
    return [
        figure.within(
            **_sizes(sizes),
            total=cost,
            detail={**figure.detail, "cost": cost, "by_path": found.parts(),
                    "without_resolution_rate": left_out},
        )
    ]  # fmt: skip


def total_cost_of(given: Mapping[str, Any]) -> Figure:
    """Sum of ``components``; a count of money spent, without an interval."""
    total = sum(given["components"].values())
    return Figure(point=total, total=total, method="count_tco", detail=dict(given["components"]))


@method("total_cost_of_ownership", pure=total_cost_of, breakdown="none")
def total_cost_of_ownership(ask: Ask) -> list[Figure]:
    """Everything owning the AI cost in the period: usage, fees, and fixed costs it carries."""
    found = costing(ask)
    if (refused := _lacking(found)) is not None or found is None:
        return [refused or Figure.refused(Refusal.NOTHING_OBSERVED)]
    costed = found.costed
    paid_once = costed.implementation
    components = {
        "usage": float(costed.component("usage")),
        "fees": float(costed.component("fees")),
        "implementation": float(paid_once),
        "licences_and_overhead": float(costed.component("fixed") - paid_once),
    }
    count = sum(found.books.conversations.values())
    figure = total_cost_of({"components": components})
    return [figure.within(eligible=count, observed=count)]


def savings_of(given: Mapping[str, Any]) -> Figure:
    """``buckets`` of conversations now and then by path, at ``unit_costs`` of now."""
    return Figure.of(
        mix_savings(
            given["buckets"],
            given["unit_costs"],
            baseline_cost=given.get("baseline_cost"),
            customers=given["customers"],
            level=given.get("level", 0.95),
        )
    )


@method("mix_shift_savings", pure=savings_of, breakdown="none")
def mix_shift_savings(ask: Ask) -> list[Figure]:
    """What the period would have cost at the baseline's mix of paths, less what it did cost."""
    return [_savings(ask)[0]]


def _savings(ask: Ask) -> tuple[Figure, Costing | None]:
    found = costing(ask)
    if (refused := _lacking(found)) is not None or found is None:
        return refused or Figure.refused(Refusal.NOTHING_OBSERVED), None
    before = baseline_of(ask)
    rates = found.rates
    measured = None
    if rates is not None and rates.baseline is not None:
        cost = rates.baseline.cost_per_conversation
        measured = None if cost is None else float(cost)
    if before is None and measured is None:
        return Figure.refused(Refusal.UNAVAILABLE, missing="a baseline period"), None
    now = _by_bucket(ask, bounded(ask, ask.period))
    then = {} if before is None else _by_bucket(ask, before)
    costs = found.per_conversation()
    needed = [
        path for path in PATHS if any(row.get(path) for row in (*now.values(), *then.values()))
    ]
    unknown = [path for path in needed if path not in costs]
    if unknown and measured is None:
        words = (
            f"cost of a conversation on the path {', '.join(unknown)}, of which there is none now"
        )
        return Figure.refused(Refusal.MISSING_COMPONENT, missing=words), found
    paths = [path for path in PATHS if path in costs]
    buckets = [
        [*(now.get(b, {}).get(path, 0) for path in paths), *(then.get(b, {}).get(path, 0) for path in paths)]
        for b in sorted({*now, *then})
    ]  # fmt: skip
    customers = int(
        ask.rows(
            "select count(distinct person_key) from conversation"
            f" where {ask.scope('conversation')} and not is_test and not is_spam and path <> 'none'"
        )[0][0]
    )
    unit_costs = [costs[path] for path in paths]
    figure = savings_of(
        {"buckets": buckets, "unit_costs": unit_costs, "baseline_cost": measured,
         "customers": customers, "level": ask.level}
    )  # fmt: skip
    volume = sum(found.books.conversations.values())
    detail = {
        "cost_of_a_conversation": costs,
        "conversations": dict(found.books.conversations),
        "baseline_conversations": {path: sum(row.get(path, 0) for row in then.values()) for path in PATHS},
        "baseline_cost_of_a_conversation": measured,
    }  # fmt: skip
    return figure.within(
        eligible=volume, observed=volume, customers=customers, detail=detail
    ), found


def return_of(given: Mapping[str, Any]) -> Figure:
    """Net ``savings`` (point, low, high) over what the AI ``cost``; costs are in the savings already."""
    if given["cost"] <= 0:
        return Figure.refused(Refusal.NOTHING_OBSERVED)
    found = Reckoning("net_savings_over_cost", *given["savings"])
    return Figure.of(scaled(found, 1 / given["cost"], "net_savings_over_cost"))


@method("return_on_investment", pure=return_of, breakdown="none")
def return_on_investment(ask: Ask) -> list[Figure]:
    """Net savings for each unit of money spent on the AI in the same period."""
    savings, found = _savings(ask)
    if savings.refusal is not None or found is None:
        return [savings]
    cost = float(sum(found.costed.component(name) for name in ("usage", "fees", "fixed")))
    figure = return_of({"savings": (savings.point, savings.low, savings.high), "cost": cost})
    return [
        figure.within(
            n_eff=savings.n_eff, k_eff=savings.k_eff, eligible=savings.eligible,
            observed=savings.observed, customers=savings.customers,
            detail={"net_savings": savings.point, "cost": cost},
        )
    ]  # fmt: skip


def payback_of(given: Mapping[str, Any]) -> Figure:
    """Days until ``savings`` of ``days`` days have paid back what was ``invested``."""
    found = Reckoning("net_savings", *given["savings"])
    return Figure.of(payback(given["invested"], found, given["days"]))


@method("payback_period", pure=payback_of, breakdown="none")
def payback_period(ask: Ask) -> list[Figure]:
    """Days of savings, what was paid once left out of them, that pay back what was paid once."""
    savings, found = _savings(ask)
    if savings.refusal is not None or found is None:
        return [savings]
    once = [] if found.rates is None else list(found.rates.implementation)
    invested = float(sum(one.amount for one in once))
    invested += float(found.books.lumps.get("implementation", 0))
    if not invested:
        return [
            Figure.refused(
                Refusal.UNAVAILABLE, missing="implementation in rates.yaml or cost events"
            )
        ]
    spread = float(found.costed.implementation)
    limits = [(one or 0.0) + spread for one in (savings.point, savings.low, savings.high)]
    figure = payback_of({"savings": limits, "invested": invested, "days": found.days})
    return [
        figure.within(
            n_eff=savings.n_eff, k_eff=savings.k_eff, eligible=savings.eligible,
            observed=savings.observed, customers=savings.customers,
            detail={"invested": invested, "savings": limits[0], "days": found.days},
        )
    ]  # fmt: skip


def failure_of(given: Mapping[str, Any]) -> Figure:
    """``issues`` × share that came back × cost of a contact."""
    share = Reckoning("repeats_priced", *given["share"])
    return Figure.of(scaled(share, given["issues"] * given["cost"], "repeats_priced"))


@method("cost_of_failure", pure=failure_of, breakdown="each")
def cost_of_failure(ask: Ask) -> list[Figure]:
    """Issues that came back within 7 d, priced at the all-in cost of one more contact."""
    found = costing(ask)
    if (refused := _lacking(found)) is not None or found is None:
        return [refused or Figure.refused(Refusal.NOTHING_OBSERVED)]
    repeat = ask.one("repeat")
    if repeat.point is None:
        return [Figure.refused(repeat.refusal or Refusal.MISSING_COMPONENT, missing=repeat.missing)]
    cost = float(found.costed.total() / sum(found.books.conversations.values()))
    figure = failure_of(
        {"share": (repeat.point, repeat.low, repeat.high), "issues": repeat.eligible, "cost": cost}
    )
    return [
        figure.within(
            **_sizes([repeat]),
            detail={
                "issues": repeat.eligible,
                "came_back": repeat.point,
                "cost_of_a_contact": cost,
            },
        )
    ]


def time_to_value_of(given: Mapping[str, Any]) -> Figure:
    """First of ``sustain`` ``weeks`` (start, end, figure, low, high) in a row at the ``target``."""
    found, detail = time_to_value(
        [Week(*week) for week in given["weeks"]],
        go_live=given["go_live"], target=given["target"], sustain=given["sustain"],
    )  # fmt: skip
    return Figure.of(found, detail=detail)


@method("time_to_value", pure=time_to_value_of, grains=("all",), breakdown="none", compares=False)
def days_to_value(ask: Ask) -> list[Figure]:
    """Days from going live until the target is held for several settled weeks in a row."""
    live = go_live(ask)
    target = ask.targets.find(ask.definition.inputs["quality"])
    if target is None or live is None:
        missing = "the day the AI went live" if live is None else (
            f"a target for {ask.definition.inputs['quality']} in targets.yaml"
        )  # fmt: skip
        return [Figure.refused(Refusal.UNAVAILABLE, missing=missing)]
    series = ask.role("quality", grain="week", period=ask.upto())
    weeks = [
        (one.period_start, one.period_end, one.point, one.low, one.high)
        for one in series if one.point is not None
    ]  # fmt: skip
    figure = time_to_value_of(
        {"weeks": weeks, "go_live": live, "target": target.target, **ask.params}
    )
    settled = [one for one in series if one.point is not None]
    missing = ""
    if figure.refusal is Refusal.IMMATURE:
        missing = "the target has not been held for long enough yet"
    elif figure.refusal is Refusal.BASELINE_SHORT:
        missing = f"{len(settled)} settled weeks, {ask.params['sustain']} are needed"
    return [
        figure.within(
            **_sizes(settled), missing=missing,
            detail={**figure.detail, "go_live": to_date(live).isoformat()},
        )
    ]  # fmt: skip


def _lacking(found: Costing | None) -> Figure | None:
    if found is None:
        return Figure.refused(Refusal.NOTHING_OBSERVED)
    if found.costed.missing:
        return Figure.refused(Refusal.MISSING_COMPONENT, missing="; ".join(found.costed.missing))
    return None


def _sizes(inputs: Sequence[Estimate]) -> dict[str, Any]:
    """Sizes of a figure made of estimates: the least informed of them decides."""
    return {
        "n_eff": min((one.n_eff or 0.0 for one in inputs), default=0.0),
        "k_eff": min((one.k_eff or 0.0 for one in inputs), default=0.0),
        "eligible": sum(one.eligible for one in inputs),
        "observed": sum(one.observed for one in inputs),
        "customers": max((one.customers for one in inputs), default=0),
    }


def _by_bucket(ask: Ask, period: Any) -> dict[int, dict[str, int]]:
    rows = ask.rows(
        "select bucket, path, count(*) from conversation"
        f" where {ask.scope('conversation', period=period)}"
        " and not is_test and not is_spam and path <> 'none'"
        " group by bucket, path order by bucket, path"
    )
    found: dict[int, dict[str, int]] = {}
    for bucket, path, count in rows:
        found.setdefault(int(bucket), {})[str(path)] = int(count)
    return found

"""Methods about revenue: allocation to touchpoints, what saves protected, loyalty, and the portfolio.

Allocation shares money out by a rule and never says what caused it. Windows count back from the
record of the sale; the window decides much, so three of them are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from candor.answers.costing import costing
from candor.answers.derived import Ask, Figure, method
from candor.economics.loyalty import correlation
from candor.economics.portfolio import IntentLine, ranked
from candor.estimates import Caveat, Estimate, Evidence, Reckoning, Refusal
from candor.estimates.allocation import (
    Path,
    allocated_total,
    equal_split,
    markov_removal,
    revenue_protected,
)
from candor.estimates.confounding import LOW, e_value
from candor.estimates.ratio import bucket_ratio

MICRO = 1_000_000
AI_TOUCHES = ("ai_only", "hybrid")
DRIVERS: Mapping[str, tuple[str, str]] = {
    "resolution": ("solved", "solved_known"),
    "effort": ("effort_points", "effort_known"),
    "satisfaction": ("positive", "rated"),
    "accuracy": ("claims_held", "claims_known"),
}
OUTCOMES = ("left", "bought", "nps")


def allocation_of(given: Mapping[str, Any]) -> Figure:
    """Money of ``paths`` (bucket, touches, amount) shared equally; what falls to ``touches`` named."""
    wanted = set(given["touches"])
    by_bucket: dict[int, float] = {}
    for bucket, touches, amount in given["paths"]:
        credit = equal_split([Path(tuple(touches), amount)])
        mine = 0.0 if isinstance(credit, Refusal) else sum(
            money for touch, money in credit.items() if touch in wanted
        )  # fmt: skip
        by_bucket[bucket] = by_bucket.get(bucket, 0.0) + mine
    found = allocated_total(
        [by_bucket[bucket] for bucket in sorted(by_bucket)],
        customers=given["customers"], level=given.get("level", 0.95),
    )  # fmt: skip
    whole = equal_split([Path(tuple(touches), amount) for _, touches, amount in given["paths"]])
    return Figure.of(found, detail={} if isinstance(whole, Refusal) else {"by_touch": dict(whole)})


@method("allocated_revenue", pure=allocation_of, breakdown="none")
def allocated_revenue(ask: Ask) -> list[Figure]:
    """Revenue after contacts, in equal parts to the paths met in the window; that of the AI's paths."""
    figures = {}
    for days in ask.params["windows"]:
        paths, customers = _paths(ask, days)
        figures[days] = allocation_of(
            {"paths": paths, "touches": AI_TOUCHES, "customers": customers, "level": ask.level}
        ).within(eligible=len(paths), observed=len(paths), customers=customers)
    shown = figures[ask.params["windows"][0]]
    windows = {
        str(days): {"point": one.point, "low": one.low, "high": one.high,
                    "refusal": None if one.refusal is None else str(one.refusal)}
        for days, one in figures.items()
    }  # fmt: skip
    removal = _removal(ask)
    return [
        shown.within(
            detail={**shown.detail, "by_window_in_days": windows, "markov_removal": removal}
        )
    ]


def _paths(ask: Ask, days: int) -> tuple[list[tuple[int, list[str], float]], int]:
    """Paths that ended in revenue: the paths of service met in the window, in order of the contacts."""
    rows = ask.rows(
        "select r.event_key, r.bucket, r.person_key, r.net_amount,"
        " list(c.path order by c.started_at, c.conversation_key)"
        " from revenue as r inner join conversation as c on c.person_key = r.person_key"
        f" and c.started_at <= r.occurred_at and r.occurred_at < c.started_at + {int(days) * 86_400 * MICRO}"
        f" where {ask.scope('revenue', prefix='r.')} and r.net_amount > 0 and r.in_currency"
        " and c.engaged and not c.is_test and not c.is_spam and not c.is_synthetic_time"
        " and c.path <> 'none' group by r.event_key, r.bucket, r.person_key, r.net_amount"
        " order by r.event_key"
    )
    found = [(int(bucket), list(touches), float(amount)) for _, bucket, _, amount, touches in rows]
    return found, len({row[2] for row in rows})


def _removal(ask: Ask) -> Mapping[str, Any]:
    """Removal effects over all persons who wrote, those included after whom no revenue came."""
    rows = ask.rows(
        "select list(c.path order by c.started_at, c.conversation_key),"
        " coalesce(bool_or(r.person_key is not null), false)"
        " from conversation as c left join (select distinct person_key from revenue"
        f" where {ask.scope('revenue')} and net_amount > 0 and in_currency) as r"
        " on c.person_key = r.person_key"
        f" where {ask.scope('conversation', prefix='c.')} and c.engaged and not c.is_test"
        " and not c.is_spam and c.customer_known and c.path <> 'none'"
        " group by c.person_key order by c.person_key"
    )
    counts: dict[tuple[str, ...], list[float]] = {}
    for touches, won in rows:
        counts.setdefault(tuple(touches), [0.0, 0.0])[0 if won else 1] += 1.0
    found = markov_removal(
        [Path(touches, won, lost) for touches, (won, lost) in sorted(counts.items())]
    )
    if isinstance(found, Refusal):
        return {"refusal": str(found)}
    return {"conversion": found.conversion, "effect": dict(found.effect)}


def protected_of(given: Mapping[str, Any]) -> Figure:
    """``value`` at stake × fall of the chance of losing it, ``without`` and ``with_save``."""
    without, with_save = (
        Reckoning("share", point, low, high, n_eff=0.0, k_eff=0.0)
        for point, low, high in (given["without"], given["with_save"])
    )
    found = revenue_protected(given["value"], without, with_save)
    caveats: tuple[Caveat, ...] = (Caveat.ADJUSTED_OBSERVED_ONLY,)
    detail = {
        "lost_without": given["without"][0],
        "lost_with": given["with_save"][0],
        "causal_badge": "raw",
    }
    if found.point is not None and given["without"][0] > 0 and given["with_save"][0] > 0:
        detail["e_value"] = e_value(given["with_save"][0] / given["without"][0])
        if (found.low or 0.0) <= 0 or detail["e_value"] < LOW:
            caveats = (*caveats, Caveat.SENSITIVITY_LOW)
    return Figure.of(found, detail=detail).within(caveats=caveats)


@method("revenue_protected", pure=protected_of, breakdown="each")
def protected_revenue(ask: Ask) -> list[Figure]:
    """Value at risk in interventions with material help, times how much less often they were lost."""
    scope = f"{ask.scope('intervention')} and has_succeeded is not null and is_material is not null"
    rows = ask.rows(
        "select is_material, bucket, count(case when not has_succeeded then 1 end), count(*),"
        " coalesce(sum(case when in_currency then value_at_risk end), 0),"
        " count(distinct person_key)"
        f" from intervention where {scope} group by is_material, bucket order by is_material, bucket"
    )
    arms: dict[bool, Reckoning] = {}
    for helped in (False, True):
        mine = [row for row in rows if bool(row[0]) == helped]
        arms[helped] = bucket_ratio(
            [int(row[2]) for row in mine], [int(row[3]) for row in mine], kind="share",
            units=sum(int(row[3]) for row in mine), customers=sum(int(row[5]) for row in mine),
            level=ask.level,
        )  # fmt: skip
        if arms[helped].refusal is not None:
            return [Figure.refused(arms[helped].refusal or Refusal.MISSING_COMPONENT,
                                   missing="outcomes of interventions with and without help of AI")]  # fmt: skip
    value = float(sum(row[4] for row in rows if row[0]))
    figure = protected_of(
        {"value": value, "without": _three(arms[False]), "with_save": _three(arms[True])}
    )
    counted = sum(int(row[3]) for row in rows)
    return [
        figure.within(
            n_eff=min(one.n_eff or 0.0 for one in arms.values()),
            k_eff=min(one.k_eff or 0.0 for one in arms.values()),
            eligible=counted, observed=counted, customers=sum(int(row[5]) for row in rows),
            detail={**figure.detail, "value_at_risk": value},
        )
    ]  # fmt: skip


def _three(found: Reckoning | Estimate) -> tuple[float, float, float]:
    return (found.point or 0.0, found.low or 0.0, found.high or 0.0)


def link_of(given: Mapping[str, Any]) -> Figure:
    """Correlation of the ``pairs`` of each link; the first that has a figure is shown."""
    links = []
    shown: tuple[Reckoning, int] | None = None
    for name, pairs in given["links"].items():
        found = correlation([(x, y) for x, y in pairs], level=given.get("level", 0.95))
        if shown is None or (shown[0].refusal is not None and found.refusal is None):
            shown = (found, len(pairs))
        links.append(
            {"link": name, "point": found.point, "low": found.low, "high": found.high,
             "persons": len(pairs), "refusal": None if found.refusal is None else str(found.refusal)}
        )  # fmt: skip
    if shown is None:
        return Figure.refused(Refusal.NOTHING_OBSERVED)
    figure = Figure.of(shown[0], detail={"links": links})
    return figure.within(eligible=shown[1], observed=shown[1], customers=shown[1])


@method("retention_link", pure=link_of, breakdown="none")
def retention_link(ask: Ask) -> list[Figure]:
    """How resolution, effort, satisfaction and accuracy go with leaving, buying again and nps."""
    columns = [name for pair in DRIVERS.values() for name in pair]
    sums = ", ".join(f"sum({name})" for name in columns)
    rows = ask.rows(
        f"select {sums}, bool_or(has_left), bool_or(has_bought), max(nps_ppm),"
        " count(has_left), count(has_bought)"
        f" from retention where {ask.scope('retention')} group by person_key order by person_key"
    )
    links: dict[str, list[tuple[float, float]]] = {}
    for driver in DRIVERS:
        for outcome in OUTCOMES:
            links[f"{driver} · {outcome}"] = []
    for row in rows:
        left, bought, nps, known_left, known_bought = row[len(columns) :]
        ends = {
            "left": float(left) if known_left else None,
            "bought": float(bought) if known_bought else None,
            "nps": None if nps is None else nps / MICRO,
        }
        for place, driver in enumerate(DRIVERS):
            total, known = row[2 * place], row[2 * place + 1]
            for outcome, end in ends.items():
                if known and end is not None:
                    links[f"{driver} · {outcome}"].append((total / known, end))
    return [link_of({"links": links, "level": ask.level})]


def portfolio_of(given: Mapping[str, Any]) -> Figure:
    """``intents``: id, conversations, value, automated share, score or null, automatable, risk."""
    lines = [
        IntentLine(
            intent, volume, value, automated, None if score is None else tuple(score), allowed, risk, why
        )
        for intent, volume, value, automated, score, allowed, risk, why in given["intents"]
    ]  # fmt: skip
    found = ranked(lines)
    volume = sum(line.conversations for line in lines)
    scored = sum(line.conversations for line in lines if line.score is not None)
    detail = {"intents": [dict(row) for row in found.rows]}
    if found.headroom is None:
        refusal = Refusal.MISSING_COMPONENT if lines else Refusal.NOTHING_OBSERVED
        missing = (
            "a value of an intent (unit_value in intents.yaml, or costs) and its automation score"
        )
        return Figure.refused(refusal, missing=missing if lines else "", eligible=volume, observed=scored,
                              detail=detail)  # fmt: skip
    point, low, high = found.headroom
    return Figure(
        point, low, high, eligible=volume, observed=scored, detail=detail, method="headroom_mover"
    )


@method("intent_portfolio", pure=portfolio_of, breakdown="none")
def intent_portfolio(ask: Ask) -> list[Figure]:
    """Every intent by volume × value × automation score, with what is left to win."""
    scores = {one.segment.get("intent_id"): one for one in ask.role("score", by=("intent_id",))}
    automated = {
        one.segment.get("intent_id"): one for one in ask.role("automated", by=("intent_id",))
    }
    policy = {
        row[0]: row[1:]
        for row in ask.rows("select intent_id, is_automatable, risk, unit_value from intent")
    }
    volumes = ask.rows(
        f"select intent_id, count(*) from conversation where {ask.scope('conversation')} and engaged"
        " and is_inbound and not is_test and not is_spam and intent_id is not null"
        " group by intent_id order by intent_id"
    )
    human = _human_cost(ask)
    intents, sizes = [], []
    for intent, volume in volumes:
        allowed, risk, unit_value = policy.get(intent, (True, None, None))
        value = float(unit_value) if unit_value is not None else human
        score, share = scores.get(intent), automated.get(intent)
        limits = None if score is None or score.point is None else _three(score)
        if score is not None and score.point is not None:
            sizes.append(score)
        why = "" if limits is not None else (
            "the AI took no part" if score is None else str(score.refusal)
        )  # fmt: skip
        intents.append(
            (intent, int(volume), value, None if share is None else share.point, limits,
             bool(allowed) if allowed is not None else True, risk, why)
        )  # fmt: skip
    figure = portfolio_of({"intents": intents})
    return [
        figure.within(
            n_eff=min((one.n_eff or 0.0 for one in sizes), default=None),
            k_eff=min((one.k_eff or 0.0 for one in sizes), default=None),
            customers=sum(one.customers for one in sizes), evidence=_weak(sizes),
            detail={**figure.detail, "value_from": "unit_value, else the cost of a human conversation"},
        )
    ]  # fmt: skip


def _human_cost(ask: Ask) -> float | None:
    """All-in cost of a conversation that people handle alone; None when it is not known."""
    found = costing(ask)
    if found is None or found.costed.missing:
        return None
    return found.per_conversation().get("human_only")


def _weak(inputs: Iterable[Estimate]) -> Evidence | None:
    grades: Sequence[Evidence] = [one.evidence for one in inputs]
    return max(grades, key=list(Evidence).index) if grades else None

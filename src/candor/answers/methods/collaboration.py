"""Methods about people working with AI: lift of help, freed hours, outcomes with help and without.

People choose where they take help, so every lift is observed, adjusted for what was known before the
work, and says so; where the data allow, the doubly robust estimate stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from candor.answers.costing import rates_of
from candor.answers.derived import Ask, Figure, method
from candor.economics.capacity import IntentSums, unlocked
from candor.economics.lift import Compared, Sums, by_stratum, difference, relative
from candor.estimates import Caveat, Estimate, Refusal
from candor.estimates.aipw import aipw
from candor.estimates.confounding import LOW, e_value
from candor.estimates.proportion import newcombe_diff
from candor.estimates.ratio import bucket_ratio

PPM = 1_000_000


def _figure(found: Compared, customers: int, **detail: Any) -> Figure:
    counted = sum(found.units)
    caveats = found.found.caveats
    more: dict[str, Any] = {
        "with_help": found.with_help, "without": found.without, "strata": found.strata,
        "units_with_help": found.units[0], "units_without": found.units[1],
        "left_out_without_counterpart": found.left_out, "causal_badge": "adjusted", **detail,
    }  # fmt: skip
    helped, plain = found.with_help, found.without
    if found.found.refusal is None and helped and plain:
        ratio = helped / plain
        more["e_value"] = e_value(ratio)
        limit = _nearest_one(found, plain)
        more["e_value_of_limit"] = 1.0 if limit <= 0 else e_value(ratio, limit)
        if more["e_value_of_limit"] < LOW:
            caveats = (*caveats, Caveat.SENSITIVITY_LOW)
    return Figure.of(found.found, detail=more).within(
        caveats=caveats, eligible=counted, observed=counted, customers=customers
    )


def _nearest_one(found: Compared, plain: float) -> float:
    """Risk ratio of the limit nearest to no difference."""
    low, high = found.found.low or 0.0, found.found.high or 0.0
    is_ratio = found.found.method == "stratified_ratio"
    ratios = [1 + one if is_ratio else 1 + one / plain for one in (low, high)]
    return min(ratios, key=lambda ratio: abs(ratio - 1)) if (low > 0) == (high > 0) else 1.0


def difference_of(given: Mapping[str, Any]) -> Figure:
    """``rows`` of stratum, group (1 with help), bucket, successes, units; a difference of shares."""
    rows = [
        Sums(stratum, group, bucket, total, units, units)
        for stratum, group, bucket, total, units in given["rows"]
    ]
    found = difference(rows, customers=given["customers"], level=given.get("level", 0.95))
    return _figure(found, given["customers"])


@method("stratified_difference", pure=difference_of, breakdown="each")
def guidance_lift(ask: Ask) -> list[Figure]:
    """Solved share where all guidance was used minus where none was, within team, tenure and intent."""
    scope = ask.scope("human_contact")
    rows = ask.rows(
        "select coalesce(team, 'unknown'), coalesce(tenure_band, 'unknown'),"
        " coalesce(intent_id, 'unknown'), guidance, bucket, count(case when solved then 1 end),"
        f" count(solved) from human_contact where {scope} and not is_test and not is_spam"
        " and guidance in ('accepted', 'rejected') and solved is not null"
        " group by all order by all"
    )
    sums = [
        (
            f"{team} · {tenure} · {intent}",
            int(guidance == "accepted"),
            int(bucket),
            int(total),
            int(n),
        )
        for team, tenure, intent, guidance, bucket, total, n in rows
    ]
    people = int(
        ask.rows(
            f"select count(distinct person_key) from human_contact where {scope} and not is_test"
            " and not is_spam and guidance in ('accepted', 'rejected') and solved is not null"
        )[0][0]
    )
    figure = difference_of({"rows": sums, "customers": people, "level": ask.level})
    detail = {
        **figure.detail,
        "by_team_and_tenure": _coarse(rows),
        "doubly_robust": _doubly_robust(ask, scope),
    }
    return [figure.within(detail=detail)]


def _coarse(rows: Sequence[tuple[Any, ...]]) -> list[Mapping[str, object]]:
    return by_stratum(
        [
            Sums(f"{team} · {tenure}", int(guidance == "accepted"), int(bucket), int(total), int(n), int(n))
            for team, tenure, _, guidance, bucket, total, n in rows
        ]
    )  # fmt: skip


def _doubly_robust(ask: Ask, scope: str) -> Mapping[str, Any]:
    """The cross-fitted estimate beside the stratified one, on what was known before the contact."""
    rows = ask.rows(
        "select person_key, guidance, solved, intent_id, channel, team, tenure_days"
        f" from human_contact where {scope} and not is_test and not is_spam"
        " and guidance in ('accepted', 'rejected') and solved is not null order by conversation_key"
    )
    if not rows:
        return {"refusal": str(Refusal.NOTHING_OBSERVED)}
    columns = [_dummies([row[place] for row in rows]) for place in (3, 4, 5)]
    tenure = np.array(
        [[0.0 if row[6] is None else float(row[6]), float(row[6] is None)] for row in rows]
    )
    design = np.hstack([*columns, tenure[:, np.ptp(tenure, axis=0) > 0]])
    found = aipw(
        design, [int(row[1] == "accepted") for row in rows], [float(row[2]) for row in rows],
        [str(row[0]) for row in rows], level=ask.level,
    )  # fmt: skip
    return {
        "point": found.found.point, "low": found.found.low, "high": found.found.high,
        "refusal": None if found.found.refusal is None else str(found.found.refusal),
        "raw": found.raw, "outside_overlap": found.outside,
    }  # fmt: skip


def _dummies(values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One column per value but the most frequent, those with at least thirty units."""
    texts = [str(value) for value in values]
    counts = {text: texts.count(text) for text in sorted(set(texts))}
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    kept = [text for text in ranked[1:] if counts[text] >= 30]
    return np.array([[float(text == one) for one in kept] for text in texts]).reshape(
        len(texts), len(kept)
    )


def productivity_of(given: Mapping[str, Any]) -> Figure:
    """``rows`` of stratum, group, agent bucket, solved issues, microseconds, conversations."""
    rows = [Sums(*row) for row in given["rows"]]
    found = relative(rows, customers=given["agents"], level=given.get("level", 0.95))
    return _figure(found, given["agents"])


@method("productivity_lift", pure=productivity_of, breakdown="each")
def productivity_lift(ask: Ask) -> list[Figure]:
    """Solved issues per hour of handling, assisted over unassisted, within intent and tenure."""
    scope = ask.scope("human_contact")
    time = "coalesce(cast(floor(human_minutes * 60000000) as bigint), handle_us)"
    known = (
        f"{scope} and not is_test and not is_spam and assistance is not null"
        f" and solved is not null and human_agent_id is not null and {time} > 0"
    )
    rows = ask.rows(
        "select coalesce(intent_id, 'unknown'), coalesce(tenure_band, 'unknown'), assistance,"
        f" agent_bucket, count(case when solved then 1 end), cast(sum({time}) as bigint), count(*)"
        f" from human_contact where {known} group by all order by all"
    )
    agents = int(
        ask.rows(f"select count(distinct human_agent_id) from human_contact where {known}")[0][0]
    )
    sums = [
        (
            f"{intent} · {tenure}",
            int(assistance == "assisted"),
            int(bucket),
            int(total),
            int(size),
            int(n),
        )
        for intent, tenure, assistance, bucket, total, size, n in rows
    ]
    figure = productivity_of({"rows": sums, "agents": agents, "level": ask.level})
    hour = 3_600_000_000
    per_hour = {
        name: figure.detail[name] * hour
        for name in ("with_help", "without")
        if figure.detail[name] is not None
    }
    return [figure.within(detail={**figure.detail, **per_hour, "agents": agents})]


def contrast_of(given: Mapping[str, Any]) -> Figure:
    """Share with help minus share without, each with its own limits (Newcombe)."""
    low_high = newcombe_diff(tuple(given["with_help"]), tuple(given["without"]))
    return Figure(
        *low_high, caveats=(Caveat.ADJUSTED_OBSERVED_ONLY,), method="newcombe_difference",
        detail={"with_help": given["with_help"][0], "without": given["without"][0], "causal_badge": "raw"},
    )  # fmt: skip


@method("assisted_contrast", pure=contrast_of, breakdown="each")
def assisted_contrast(ask: Ask) -> list[Figure]:
    """A figure where AI helped materially, minus the same figure where it did not."""
    helped = ask.one("outcome", where={"assistance": "assisted"})
    plain = ask.one("outcome", where={"assistance": "unassisted"})
    for one in (helped, plain):
        if one.point is None:
            return [Figure.refused(one.refusal or Refusal.MISSING_COMPONENT, missing=one.missing)]
    figure = contrast_of({"with_help": _limits(helped), "without": _limits(plain)})
    return [
        figure.within(
            n_eff=min(helped.n_eff or 0.0, plain.n_eff or 0.0),
            k_eff=min(helped.k_eff or 0.0, plain.k_eff or 0.0),
            eligible=helped.eligible + plain.eligible, observed=helped.observed + plain.observed,
            customers=helped.customers + plain.customers,
            detail={**figure.detail, "units_with_help": helped.observed, "units_without": plain.observed},
        )
    ]  # fmt: skip


def _limits(one: Estimate) -> tuple[float, float, float]:
    return (one.point or 0.0, one.low or 0.0, one.high or 0.0)


def capacity_of(given: Mapping[str, Any]) -> Figure:
    """``rows`` of intent, bucket, conversations, known, automated, handled, microseconds."""
    found = unlocked(
        [IntentSums(*row) for row in given["rows"]],
        customers=given["customers"], level=given.get("level", 0.95),
    )  # fmt: skip
    hours = {name: seconds / 3600 for name, seconds in found.by_intent.items()}
    return Figure.of(found.found, detail={"hours_by_intent": hours}).within(
        excluded={"no_human_handle_time": found.without_time} if found.without_time else {}
    )


@method("capacity_unlocked", pure=capacity_of, breakdown="each")
def capacity_unlocked(ask: Ask) -> list[Figure]:
    """Human time that what was truly automated would have taken, by intent."""
    scope = ask.scope("conversation")
    live = f"{scope} and engaged and is_inbound and not is_test and not is_spam"
    time = "coalesce(cast(floor(human_minutes * 60000000) as bigint), case when handle_us > 0 then handle_us end)"
    rows = ask.rows(
        "select coalesce(intent_id, 'unknown'), bucket, count(*),"
        " count(case when path <> 'ai_only' or true_resolution is not null then 1 end),"
        " count(case when path = 'ai_only' and true_resolution then 1 end),"
        f" count(case when human_involved then {time} end),"
        f" coalesce(cast(sum(case when human_involved then {time} end) as bigint), 0)"
        f" from conversation where {live} group by all order by all"
    )
    customers = int(
        ask.rows(f"select count(distinct person_key) from conversation where {live}")[0][0]
    )
    figure = capacity_of({"rows": rows, "customers": customers, "level": ask.level})
    known = sum(int(row[3]) for row in rows)
    rates = rates_of(ask)
    went = {}
    if rates is not None and figure.point is not None:
        went = {
            name: float(share) * figure.point / 3600
            for name, share in sorted(rates.freed_hours.items())
        }
    volume = sum(int(row[2]) for row in rows)
    return [
        figure.within(
            eligible=volume, observed=known, customers=customers,
            detail={**figure.detail, "hours": None if figure.point is None else figure.point / 3600,
                    "hours_went_to": went},
        )
    ]  # fmt: skip


def curve_of(given: Mapping[str, Any]) -> Figure:
    """Share at each threshold of ``curve``: rows of threshold, buckets of true and known units."""
    points = []
    for threshold, buckets, units, customers in given["curve"]:
        found = bucket_ratio(
            [row[0] for row in buckets], [row[1] for row in buckets],
            kind="share", units=units, customers=customers, level=given.get("level", 0.95),
        )  # fmt: skip
        points.append((threshold, found))
    shown = dict(points)[given["threshold"]]
    return Figure.of(
        shown,
        detail={
            "curve": [
                {"threshold": threshold, "point": found.point, "low": found.low, "high": found.high,
                 "refusal": None if found.refusal is None else str(found.refusal)}
                for threshold, found in points
            ]
        },
    )  # fmt: skip


@method("material_threshold_curve", pure=curve_of, breakdown="each")
def threshold_curve(ask: Ask) -> list[Figure]:
    """Share of interventions with material help of AI, under every threshold of what was kept."""
    scope = ask.scope("intervention")
    curve = []
    for threshold in ask.params["thresholds"]:
        ppm = round(threshold * PPM)
        material = (
            "case when ai_role = 'none' then false"
            f" when ai_role = 'acted' then coalesce(retained_ppm >= {ppm}, true)"
            f" when ai_role = 'drafted' then retained_ppm >= {ppm}"
            f" when retained_ppm >= {ppm} then true else is_acted_on end"
        )
        rows = ask.rows(
            f"select bucket, count(case when {material} then 1 end), count({material}),"
            " count(distinct case when "
            f"({material}) is not null then person_key end)"
            f" from intervention where {scope} group by bucket order by bucket"
        )
        filled = [(int(true), int(known)) for _, true, known, _ in rows if known]
        people = sum(int(row[3]) for row in rows)
        curve.append((threshold, filled, sum(known for _, known in filled), people))
    total = int(ask.rows(f"select count(*) from intervention where {scope}")[0][0])
    figure = curve_of({"curve": curve, "level": ask.level, **ask.params})
    shown = next(row for row in curve if row[0] == ask.params["threshold"])
    return [figure.within(eligible=total, observed=shown[2], customers=shown[3])]

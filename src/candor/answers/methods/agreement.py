"""Methods that hold machines against people: judges on doubly rated items, confidence on outcomes.

A machine is never the truth here. Pairs are verdicts of a person and of a machine on the same item
by the same criterion; labels only, since two numbers are hardly ever equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from candor.answers import stacking
from candor.answers.derived import Ask, Figure, method
from candor.estimates import Refusal
from candor.estimates.agreement import mcnemar_exact
from candor.estimates.pairs import Agreed, Pair, agreement, agreement_change, by_criterion
from candor.estimates.reliability import Stated, reliability

_PAIRS = """
select
    h.criterion, h.label as human, m.label as machine, h.bucket, m.day, m.assessor_id,
    m.assessor_version, coalesce(m.rubric, '') as rubric, h.item_id, count(*) as n
from assessment as h
inner join assessment as m on h.item_id = m.item_id and h.criterion = m.criterion
where h.assessor_kind = 'human' and h.is_latest and h.label is not null
    and m.assessor_kind in ('llm', 'code', 'vendor') and m.label is not null
    and not h.is_test and not h.is_spam and {scope}
group by
    h.criterion, h.label, m.label, h.bucket, m.day, m.assessor_id, m.assessor_version,
    coalesce(m.rubric, ''), h.item_id
order by
    h.criterion, human, machine, h.bucket, m.day, m.assessor_id, m.assessor_version, rubric,
    h.item_id
"""


def judges(given: Mapping[str, Any]) -> Figure:
    """Mean AC1 of ``pairs``: rows of (criterion, human, machine, bucket, count, judge)."""
    pairs = [_pair(row) for row in given["pairs"]]
    thresholds = stacking.given_thresholds(given)
    units = sum(pair.count for pair in pairs)
    found = agreement(pairs, level=given.get("level", 0.95), thresholds=thresholds)
    versions: dict[str, list[Pair]] = {}
    for row in given["pairs"]:
        if len(row) > 5:
            versions.setdefault(str(row[5]), []).append(_pair(row))
    return Figure.of(
        found, eligible=units, observed=units, customers=len({pair.bucket for pair in pairs}),
        detail={
            "criteria": {name: _told(one) for name, one in by_criterion(pairs).items()},
            "judges": {
                name: {"pairs": sum(pair.count for pair in own),
                       "criteria": {n: _told(one) for n, one in by_criterion(own).items()}}
                for name, own in sorted(versions.items())
            },
        },
    )  # fmt: skip


@method("judge_agreement", pure=judges, breakdown="each")
def judges_of(ask: Ask) -> list[Figure]:
    """Gwet's AC1 of people and machines on the same items, averaged over criteria by their items."""
    given = {"pairs": _asked(ask), "level": ask.level, "thresholds": ask.thresholds}
    return [judges(given)]


def judge_change(given: Mapping[str, Any]) -> Figure:
    """Mean AC1 now minus that of the calibration.

    ``rows`` are (criterion, human, machine, bucket, count, judge, day, item). The calibration of a
    judge are its first ``calibration_days`` with verdicts of both; later pairs count from the day
    ``since`` on. Items that two judges graded are tested exactly.
    """
    rows: Sequence[Sequence[Any]] = given["rows"]
    began: dict[str, int] = {}
    for row in rows:
        began[row[5]] = min(row[6], began.get(row[5], row[6]))
    sides: dict[str, list[Pair]] = {"now": [], "calibration": []}
    since = given.get("since")
    for row in rows:
        if row[6] < began[row[5]] + given["calibration_days"]:
            sides["calibration"].append(_pair(row))
        elif since is None or row[6] >= since:
            sides["now"].append(_pair(row))
    found = agreement_change(
        sides["now"], sides["calibration"], level=given.get("level", 0.95),
        thresholds=stacking.given_thresholds(given),
    )  # fmt: skip
    units = sum(pair.count for pair in sides["now"])
    became_wrong, became_right = _rescored(rows)
    p = mcnemar_exact(became_wrong, became_right)
    return Figure.of(
        found, eligible=units, observed=units,
        customers=len({pair.bucket for pair in sides["now"]}),
        detail={
            "pairs_at_calibration": sum(pair.count for pair in sides["calibration"]),
            "now": {name: _told(one) for name, one in by_criterion(sides["now"]).items()},
            "calibration": {
                name: _told(one) for name, one in by_criterion(sides["calibration"]).items()
            },
            "rescored": {
                "became_wrong": became_wrong, "became_right": became_right,
                "p": None if isinstance(p, Refusal) else p,
            },
        },
    )  # fmt: skip


@method("judge_change", pure=judge_change, breakdown="each")
def judge_change_of(ask: Ask) -> list[Figure]:
    """Agreement of each judge with people now against that of its first days with both verdicts."""
    return [
        judge_change(
            {
                **ask.params, "level": ask.level, "thresholds": ask.thresholds,
                "since": ask.period.since, "rows": _asked(ask, everything=True),
            }
        )
    ]  # fmt: skip


def calibration(given: Mapping[str, Any]) -> Figure:
    """Brier score of ``rows``: (confidence in millionths, came true, bucket, count)."""
    statements = [
        Stated(int(ppm), bool(true), int(bucket), int(count))
        for ppm, true, bucket, count in given["rows"]
    ]
    units = sum(one.count for one in statements)
    people = given.get("customers", len({one.bucket for one in statements}))
    found = reliability(
        statements, customers=people, bins=given["bins"], level=given.get("level", 0.95),
        thresholds=stacking.given_thresholds(given),
    )  # fmt: skip
    curve = [
        {"from": one.low, "to": one.high, "count": one.count, "confidence": one.confidence,
         "came_true": one.came_true}
        for one in found.curve
    ]  # fmt: skip
    return Figure.of(
        found.brier, eligible=units, observed=units, customers=people,
        detail={
            "expected_calibration_error": found.expected_error,
            "greatest_calibration_error": found.greatest_error,
            "mean_confidence": found.mean_confidence, "base_rate": found.base_rate,
            "brier_of_the_base_rate": found.climatology, "curve": curve,
        },
    )  # fmt: skip


@method("confidence_calibration", pure=calibration, breakdown="each")
def calibration_of(ask: Ask) -> list[Figure]:
    """The AI's own confidence in its last answer against whether the case was truly resolved."""
    scope = (
        f"{ask.scope('message')} and not is_test and not is_spam"
        " and ai_confidence_ppm is not null and outcome is not null"
    )
    rows = ask.rows(
        "select ai_confidence_ppm, outcome, bucket, count(*) as n from message"
        f" where {scope} group by ai_confidence_ppm, outcome, bucket"
        " order by ai_confidence_ppm, outcome, bucket"
    )
    people = ask.rows(f"select count(distinct person_key) from message where {scope}")[0][0]
    figure = calibration(
        {
            **ask.params, "level": ask.level, "thresholds": ask.thresholds, "rows": rows,
            "customers": people,
        }
    )  # fmt: skip
    return [figure]


def _asked(ask: Ask, *, everything: bool = False) -> list[tuple[Any, ...]]:
    """Pairs as (criterion, human, machine, bucket, count, judge, day, item)."""
    period = ask.upto() if everything else ask.period
    scope = ask.scope("assessment", period=period, prefix="h.")
    return [
        (
            *row[:4],
            row[9],
            f"{row[5]} {row[6]}" + (f" ({row[7]})" if row[7] else ""),
            row[4],
            row[8],
        )
        for row in ask.rows(_PAIRS.format(scope=scope))
    ]


def _rescored(rows: Sequence[Sequence[Any]]) -> tuple[int, int]:
    """Items judged in two epochs: only the earlier right, only the later right."""
    verdicts: dict[tuple[str, str], list[tuple[int, str, bool]]] = {}
    for row in rows:
        verdicts.setdefault((row[0], row[7]), []).append((row[6], row[5], row[1] == row[2]))
    wrong = right = 0
    for found in verdicts.values():
        first, last = min(found), max(found)
        if first[1] != last[1]:
            wrong += first[2] and not last[2]
            right += last[2] and not first[2]
    return wrong, right


def _pair(row: Sequence[Any]) -> Pair:
    return Pair(str(row[0]), str(row[1]), str(row[2]), int(row[3]), int(row[4]))


def _told(one: Agreed) -> dict[str, Any]:
    return {
        "pairs": one.pairs, "raw_agreement": one.raw, "ac1": one.ac1, "alpha": one.alpha,
        "confusion": [
            {"human": human, "machine": machine, "items": n}
            for (human, machine), n in one.confusion.items()
        ],
    }  # fmt: skip

"""Methods about learning: how long knowledge stays wrong, and whether records can teach anything.

Waiting times are right-censored: what has not been mended yet counts for as long as it has been
watched. Times come as microseconds and are told in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from candor.answers import stacking
from candor.answers.derived import Ask, Figure, method
from candor.estimates import Evidence, Refusal
from candor.estimates.median_time import median_time
from candor.estimates.ratio import bucket_ratio
from candor.window import DAY

SECOND = 1_000_000


def median_wait(given: Mapping[str, Any]) -> Figure:
    """Median of ``waits``: rows of (microseconds, whether it came); ``min_units`` is the floor."""
    waits = [(int(us), int(came)) for us, came in given["waits"]]
    found = median_time(
        [us for us, _ in waits], [came for _, came in waits], level=given.get("level", 0.95),
        scale=SECOND, min_units=given["min_units"],
    )  # fmt: skip
    marks = {
        f"within_{days}_days": 1 - min((s for t, s in found.curve if t <= days * DAY), default=1.0)
        for days in given["marks_days"]
    }
    return Figure.of(
        found.found, eligible=found.units, observed=found.units,
        detail={"happened": found.happened, "lower_limit": found.lower, **marks},
    )  # fmt: skip


@method("median_wait", pure=median_wait, breakdown="each")
def median_wait_of(ask: Ask) -> list[Figure]:
    """Kaplan–Meier median of the time until it happens; what still waits is right-censored."""
    ((fact, _),) = ask.definition.reads.items()
    event, watched = ask.params["event"], ask.params["at_risk"]
    rows = ask.rows(
        f"select coalesce({event}, {watched}) as us, {event} is not null as came from {fact}"
        f" where {ask.scope(fact)} and not is_test and not is_spam"
        f" and coalesce({event}, {watched}) is not null order by us, came"
    )
    given = {**ask.params, "level": ask.level, "waits": [(us, int(came)) for us, came in rows]}
    figure = median_wait(given)
    waiting = any(not came for _, came in rows)
    return [figure.within(evidence=Evidence.PROVISIONAL) if waiting else figure]


def usable_share(given: Mapping[str, Any]) -> Figure:
    """Share of recognised intents with a reference; corrections and coverage in the detail.

    ``rows`` are (bucket, intent of the reference or None, attempts, with reference, wrong).
    """
    x: dict[int, int] = {}
    m: dict[int, int] = {}
    intents: dict[str, int] = {}
    wrong = 0
    for bucket, intent, attempts, referenced, corrected in given["rows"]:
        x[bucket] = x.get(bucket, 0) + int(referenced)
        m[bucket] = m.get(bucket, 0) + int(attempts)
        wrong += int(corrected)
        if intent is not None:
            intents[intent] = intents.get(intent, 0) + int(referenced)
    units, usable = sum(m.values()), sum(x.values())
    if units == 0:
        return Figure.refused(Refusal.NOTHING_OBSERVED)
    found = bucket_ratio(
        [x[b] for b in sorted(m)], [m[b] for b in sorted(m)], kind="share", units=units,
        customers=given.get("customers", len(m)), level=given.get("level", 0.95),
        thresholds=stacking.given_thresholds(given),
    )  # fmt: skip
    return Figure.of(
        found, eligible=units, observed=units, customers=given.get("customers", len(m)),
        detail={
            "usable": usable,
            "correction_rate": wrong / usable if usable else None,
            "coverage_entropy": _evenness(list(intents.values())),
            "intents": len(intents),
            "intents_below_floor": sum(1 for n in intents.values() if n < given["min_examples"]),
        },
    )  # fmt: skip


@method("usable_share", pure=usable_share, breakdown="each")
def usable_share_of(ask: Ask) -> list[Figure]:
    """Recognised intents that also have a reference, and so could teach; corrections among them."""
    scope = f"{ask.scope('intent_attempt')} and not is_test and not is_spam and is_first"
    rows = ask.rows(
        "select bucket, reference_intent, count(*) as attempts,"
        " count(reference_intent) as referenced,"
        " sum(case when not is_correct then 1 else 0 end) as wrong"
        f" from intent_attempt where {scope}"
        " group by bucket, reference_intent order by bucket, reference_intent"
    )
    people = ask.rows(f"select count(distinct person_key) from intent_attempt where {scope}")[0][0]
    return [
        usable_share(
            {
                **ask.params, "level": ask.level, "thresholds": ask.thresholds, "rows": rows,
                "customers": people,
            }
        )
    ]  # fmt: skip


def _evenness(counts: list[int]) -> float | None:
    """Entropy over its greatest value: 1 where every intent has equally many examples."""
    total = sum(counts)
    filled = [n / total for n in counts if n]
    if len(counts) < 2 or not filled:
        return None
    return -math.fsum(p * math.log(p) for p in filled) / math.log(len(counts)) + 0.0

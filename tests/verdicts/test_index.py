"""The index: frozen policy, caps, missing parts, its band and what moved it."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from candor.estimates import Caveat, Refusal
from candor.measure import BucketSums, MeasureCell
from candor.verdicts.index import Policy, Score, candor_index, intent_weight, policy, weighted

GOOD = {
    "true_resolution_rate": Score(0.68, 0.65, 0.71, 500, 100),
    "journey_resolution_rate": Score(0.85, 0.83, 0.87),
    "resolution_accuracy": Score(0.89, 0.87, 0.91),
    "answer_relevance_rate": Score(0.7, 0.68, 0.72),
    "hallucination_rate": Score(0.02, 0.01, 0.03),
    "customer_effort": Score(25.0, 23.0, 27.0),
    "csat_ai_only": Score(0.8, 0.7, 0.87),
    "escalation_failure_rate": Score(0.2, 0.15, 0.3),
    "silent_failure_rate": Score(0.12, 0.10, 0.15),
    "policy_violation_rate": Score(0.005, 0.002, 0.012),
}


def _by_hand(scores: dict[str, Score]) -> float:
    """Weighted means of positions within pillars, their weighted geometric mean across."""
    log = 0.0
    for pillar in policy().pillars.values():
        total = sum(goal.weight for goal in pillar.components)
        mean = 0.0
        for goal in pillar.components:
            point = scores[goal.metric].point
            assert point is not None
            z = min(1.0, max(0.01, (point - goal.worst) / (goal.best - goal.worst)))
            mean += goal.weight / total * z
        log += pillar.weight * math.log(mean)
    return 100 * math.exp(log)


def test_the_index_is_what_the_policy_says() -> None:
    found = candor_index(GOOD, seed="t")
    assert found.index.found.point == pytest.approx(_by_hand(GOOD))
    low, high = found.index.found.low, found.index.found.high
    assert low is not None
    assert high is not None
    assert low < _by_hand(GOOD) < high
    assert found.band is not None
    assert found.band.low < low
    assert found.index.capped_by == ()
    assert math.fsum(found.index.weights.values()) == pytest.approx(1)
    assert candor_index(GOOD, seed="t").index.found == found.index.found


def test_a_guardrail_certainly_missed_caps_the_index() -> None:
    strong = {
        **GOOD,
        "true_resolution_rate": Score(0.85, 0.84, 0.86),
        "csat_ai_only": Score(0.95, 0.94, 0.96),
    }
    unsure = {**strong, "policy_violation_rate": Score(0.03, 0.015, 0.05)}
    missed = {**strong, "policy_violation_rate": Score(0.03, 0.025, 0.04)}
    free, capped = (candor_index(s, seed="t").index for s in (unsure, missed))
    assert free.found.point is not None
    assert free.found.point > 50
    assert (capped.found.point, capped.capped_by) == (50, ("policy_violation_rate",))


def test_a_missing_component_gives_its_weight_to_its_pillar() -> None:
    rest = {name: score for name, score in GOOD.items() if name != "csat_ai_only"}
    found = candor_index(rest, seed="t").index
    assert Caveat.REWEIGHTED_MISSING in found.found.caveats
    assert found.missing == ("csat_ai_only",)
    assert found.weights["customer_effort"] == pytest.approx(0.125)
    whole = candor_index(GOOD, seed="t").index
    assert whole.weights["customer_effort"] == pytest.approx(0.25 / 3)


def test_a_missing_guardrail_refuses_the_index() -> None:
    rest = {name: score for name, score in GOOD.items() if name != "silent_failure_rate"}
    found = candor_index(rest, seed="t")
    assert found.index.found.refusal is Refusal.MISSING_COMPONENT
    assert (found.index.found.point, found.band) == (None, None)
    assert found.detail()["missing"] == ["silent_failure_rate"]


def test_the_change_is_shared_out_exactly() -> None:
    better = {
        **GOOD,
        "true_resolution_rate": Score(0.74, 0.71, 0.77),
        "customer_effort": Score(30, 28, 32),
    }
    now, before = candor_index(better, GOOD, seed="t"), candor_index(GOOD, seed="t")
    assert now.index.found.point is not None
    assert before.index.found.point is not None
    difference = now.index.found.point - before.index.found.point
    assert math.fsum(now.change.values()) == pytest.approx(difference)
    assert now.change["true_resolution_rate"] > 0 > now.change["customer_effort"]
    assert now.change["csat_ai_only"] == pytest.approx(0)
    gone = {name: score for name, score in GOOD.items() if name != "csat_ai_only"}
    assert candor_index(GOOD, gone, seed="t").change == {}


def _cell(intent: str, true: int, units: int) -> MeasureCell:
    buckets = {b: BucketSums(units, true, true, units, units, true) for b in range(20)}
    return MeasureCell(
        "m", "m@1", "all", None, None, {"intent_id": intent}, 20 * units, {}, {}, buckets, 20
    )


def test_units_of_weighty_intents_count_more() -> None:
    cells = [_cell("order", 9, 10), _cell("refund", 5, 10)]
    even = weighted(cells, {}, unit="share")
    heavy = weighted(cells, {"refund": 3.0}, unit="share")
    assert even.point == pytest.approx(0.7)
    assert heavy.point == pytest.approx((9 + 3 * 5) / (10 + 30))
    assert intent_weight(4.0, "high") == 8
    assert intent_weight(None, None) == 1


def test_a_policy_must_be_whole() -> None:
    plain = policy().model_dump()
    assert math.fsum(p["weight"] for p in plain["pillars"].values()) == pytest.approx(1)
    plain["pillars"]["safety"]["weight"] = 0.2
    with pytest.raises(ValidationError, match="add up to"):
        Policy.model_validate(plain)
    plain = policy().model_dump()
    plain["pillars"]["safety"]["components"][0]["cap"] = None
    with pytest.raises(ValidationError, match="guardrail"):
        Policy.model_validate(plain)

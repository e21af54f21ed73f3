"""Methods on a published workspace: against plain Python over the same facts, and planted truths."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from candor.answers import Answers
from candor.answers.derived import methods
from candor.estimates import Estimate, Refusal
from candor.estimates.agreement import gwet_ac1, krippendorff_alpha


def one(answers: Answers, name: str, **asked: Any) -> Estimate:
    (found,) = answers.estimates([name], **asked).estimates
    return found


def test_agreement_is_that_of_the_pairs(answers: Answers) -> None:
    rows = answers.engine.rows(
        "select item_id, assessor_kind, label from assessment where criterion = 'tone'"
    )
    verdicts: dict[str, dict[str, float]] = {}
    for item, kind, label in rows:
        verdicts.setdefault(item, {})[kind] = float(label == "good")
    pairs = [(v["human"], v["llm"]) for v in verdicts.values() if {"human", "llm"} <= set(v)]
    assert len(pairs) > 500
    found = one(answers, "judge_agreement")
    columns = [[a for a, _ in pairs], [b for _, b in pairs]]
    assert found.point == pytest.approx(gwet_ac1(columns))
    assert found.observed == len(pairs)
    told = found.detail["criteria"]["tone"]
    assert told["alpha"] == pytest.approx(krippendorff_alpha(columns))
    assert told["raw_agreement"] == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    assert set(found.detail["judges"]) == {"judge 1", "judge 2"}
    assert str(found.evidence) == "human_sample"
    assert found.low is not None
    assert found.high is not None
    assert found.low < (found.point or 0) < found.high < 1


def test_judge_drift_sees_nothing_in_a_judge_that_errs_as_ever(answers: Answers) -> None:
    found = one(answers, "judge_drift")
    assert found.point is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.high
    assert found.detail["pairs_at_calibration"] > 60


def test_calibration_against_plain_sums(answers: Answers) -> None:
    rows = answers.engine.rows(
        "select ai_confidence_ppm, outcome from message where not is_test and not is_spam"
        " and ai_confidence_ppm is not null and outcome is not null"
    )
    brier = sum((ppm / 1e6 - outcome) ** 2 for ppm, outcome in rows) / len(rows)
    found = one(answers, "confidence_calibration")
    assert found.point == pytest.approx(brier)
    curve = found.detail["curve"]
    assert sum(step["count"] for step in curve) == len(rows) == found.observed
    gap = sum(step["count"] * abs(step["confidence"] - step["came_true"]) for step in curve)
    assert found.detail["expected_calibration_error"] == pytest.approx(gap / len(rows))


def test_handoff_ratio_before_standardising(answers: Answers) -> None:
    ((after,),) = answers.engine.rows(
        "select avg(resolved_after_us) from handoff where is_ai_to_human and is_executed"
        " and not is_test and not is_spam"
    )
    ((direct,),) = answers.engine.rows(
        "select avg(resolution_us) from conversation where path = 'human_only' and is_inbound"
        " and engaged and not is_test and not is_spam"
    )
    found = one(answers, "post_handoff_vs_direct")
    assert found.detail["raw"] == pytest.approx(after / direct)
    assert found.detail["group"] / found.detail["reference"] == pytest.approx(found.point)


def test_peak_hours_hold_the_busiest_quarter(answers: Answers) -> None:
    rows = answers.engine.rows(
        "select started_at from conversation where not is_test and not is_spam and engaged"
        " and not is_synthetic_time"
    )
    loads = Counter(start // 3_600_000_000 for (start,) in rows)
    found = one(answers, "concurrency_consistency")
    assert found.detail["hours"] == len(loads)
    assert found.detail["busiest"] == max(loads.values())
    calm = sorted(loads.values())[: len(loads) - found.detail["peak_hours"]]
    assert sum(calm) / len(rows) >= 0.75
    assert sum(calm[:-1]) - sum(n for n in calm if n == calm[-1]) < 0.75 * len(rows)


def test_the_planted_regression_is_the_greatest_drift(answers: Answers) -> None:
    found = one(answers, "drift_index")
    assert found.detail["greatest"].startswith("release=")
    assert found.low is not None
    assert found.low > 0
    assert found.detail["table"][0]["change"] < 0
    dimensions = {row["dimension"] for row in found.detail["table"]}
    assert dimensions == {"intent_id", "channel", "customer_segment", "release"}


def _mix(
    rng: np.random.Generator, shares: list[float], customers: int
) -> dict[str, list[list[int]]]:
    """Intents by customer bucket; each customer mostly comes back with the same one."""
    found = {name: [[0, 0] for _ in range(60)] for name in "abcd"}
    for _ in range(customers):
        bucket, own = int(rng.integers(60)), str(rng.choice(list("abcd"), p=shares))
        for _ in range(1 + int(rng.poisson(2))):
            name = own if rng.random() < 0.6 else str(rng.choice(list("abcd"), p=shares))
            found[name][bucket][1] += 1
    return found


def test_mix_drift_alarms_rarely_without_drift_and_surely_with_it() -> None:
    pure = methods()["mix_divergence"].pure
    rng = np.random.default_rng(20260701)
    same, other = [0.4, 0.3, 0.2, 0.1], [0.25, 0.35, 0.25, 0.15]
    alarms = {"same": 0, "other": 0}
    for _ in range(60):
        for name, now in (("same", same), ("other", other)):
            figure = pure(
                {"before": _mix(rng, same, 250), "now": _mix(rng, now, 250), "min_cell": 10}
            )
            alarms[name] += bool(figure.detail["is_beyond_sampling_noise"])
    assert alarms["same"] <= 0.12 * 60
    assert alarms["other"] >= 0.9 * 60


def test_mix_drift_is_that_of_the_counts(answers: Answers) -> None:
    found = one(answers, "intent_mix_drift")
    shares = found.detail["shares"]
    assert sum(share["now"] for share in shares.values()) == pytest.approx(1)
    middle = {name: (share["now"] + share["before"]) / 2 for name, share in shares.items()}
    expected = sum(
        share[side] / 2 * np.log2(share[side] / middle[name])
        for name, share in shares.items()
        for side in ("now", "before")
    )
    assert found.point == pytest.approx(expected)


def test_fairness_breakdown_is_the_table_of_the_total(answers: Answers) -> None:
    found = one(answers, "fairness_gap")
    rows = {row["group"]: row for row in found.detail["attributes"]["language"]["rows"]}
    parts = answers.estimates(["fairness_gap"], by=("language",)).estimates
    assert {part.segment["language"] for part in parts} == set(rows)
    for part in parts:
        assert part.point == rows[str(part.segment["language"])]["adjusted"]["point"]
    assert set(found.detail["others"]) == {"escalation", "effort", "quality"}
    greatest = found.detail["greatest"]
    sizes = [
        abs(row["adjusted"]["point"])
        for table in found.detail["attributes"].values()
        for row in table["rows"]
        if row["adjusted"]["point"] is not None
    ]
    assert abs(found.point or 0) == max(sizes)
    assert greatest["comparisons"] == len(sizes)


def test_what_a_small_period_cannot_say_is_refused_with_a_code(answers: Answers) -> None:
    found = one(answers, "csat_delta", since="2026-09-01", until="2026-09-03")
    assert found.refusal in (Refusal.TOO_FEW, Refusal.NOTHING_OBSERVED, Refusal.NO_OVERLAP)
    assert found.point is None
    early = one(answers, "escalation_spike", until="2026-07-20")
    assert early.refusal is Refusal.BASELINE_SHORT


def test_the_index_rests_on_its_components(answers: Answers) -> None:
    found = one(answers, "candor_index", since="2026-09-01", until="2026-10-01")
    assert found.point is not None
    assert 0 < found.point <= 100
    assert "hallucination_rate" in found.detail["missing"]
    assert [str(caveat) for caveat in found.caveats] == ["reweighted_missing"]
    assert found.observed == found.eligible - len(found.detail["missing"])


def test_every_derived_metric_answers_for_everything_and_for_a_month(answers: Answers) -> None:
    for name in answers.catalogue.derived:
        for asked in ({}, {"since": "2026-09-01", "until": "2026-10-01"}):
            for found in answers.estimates([name], **asked).estimates:
                assert (found.point is None) == (found.refusal is not None), name
                if found.refusal is Refusal.UNAVAILABLE:
                    assert found.missing, name


def test_silence_bias_counts_the_answered_among_all(answers: Answers) -> None:
    rows = answers.engine.rows(
        "select survey_answered, sentiment_last_ppm from conversation where engaged"
        " and not is_test and not is_spam and sentiment_last_ppm is not null"
    )
    answered = [value for flag, value in rows if flag]
    everybody = [value for _, value in rows]
    found = one(answers, "survey_bias")
    expected = sum(answered) / len(answered) - sum(everybody) / len(everybody)
    assert found.point == pytest.approx(expected / 1e6)
    assert (found.observed, found.eligible) == (len(answered), len(everybody))

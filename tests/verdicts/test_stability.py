"""Charts against a frozen baseline: what is stable, what is a signal, and what it costs to ask."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from candor.estimates import Refusal, control
from candor.measure import BucketSums, MeasureCell
from candor.verdicts.history import History, Kind, Observation, history
from candor.verdicts.stability import Word, stability, widening

FIRST = 20_000
BASELINE, AFTER = (FIRST, FIRST + 30), (FIRST + 30, FIRST + 60)


def _series(values: list[float], kind: Kind = "value", sizes: int = 40) -> History:
    return History(
        "m", kind, "day",
        tuple(Observation(FIRST + d, FIRST + d + 1, v, sizes) for d, v in enumerate(values)),
    )  # fmt: skip


def _shares(events: list[int], size: int = 50) -> History:
    return History(
        "m", "share", "day",
        tuple(
            Observation(FIRST + d, FIRST + d + 1, e / size, size, e) for d, e in enumerate(events)
        ),
    )  # fmt: skip


WAVE = [20 + (3, -2, 4, -4, 1, -1, 2, -3, 0, 5)[d % 10] for d in range(60)]


def test_a_repeating_pattern_is_stable_and_its_price_is_told() -> None:
    found = stability(_shares(WAVE), baseline=BASELINE, judged=AFTER)
    assert found.word is Word.STABLE
    assert (found.chart, found.baseline_points, len(found.judged)) == ("laney_p", 30, 30)
    assert found.points[0].centre == pytest.approx(20.5 / 50)
    assert found.price == pytest.approx(1 - (369.4 / 370.4) ** 30 * 0.91)


def test_one_point_outside_is_a_signal_with_its_side_and_day() -> None:
    above = [*WAVE[:50], 46, *WAVE[51:]]
    found = stability(_shares(above), baseline=BASELINE, judged=AFTER)
    assert (found.word, found.since) == (Word.SIGNAL_ABOVE, FIRST + 50)
    assert found.points[50].side == 1
    below = [*WAVE[:50], 1, *WAVE[51:]]
    assert stability(_shares(below), baseline=BASELINE, judged=AFTER).word is Word.SIGNAL_BELOW


def test_a_signal_before_the_period_judged_does_not_speak() -> None:
    above = [*WAVE[:50], 46, *WAVE[51:]]
    late = (FIRST + 51, FIRST + 60)
    assert stability(_shares(above), baseline=BASELINE, judged=late).word is Word.STABLE


def test_a_small_lasting_shift_breaks_the_runs_rule_only() -> None:
    moved = [*WAVE[:30], *[w + 4 for w in WAVE[30:]]]
    found = stability(_shares(moved), baseline=BASELINE, judged=AFTER)
    assert found.word is Word.SHIFTED
    assert "above" in found.reason
    assert (
        stability(_shares(moved), baseline=BASELINE, judged=AFTER, runs=False).word is Word.STABLE
    )


def test_the_limits_do_not_follow_what_is_judged() -> None:
    moved = [*WAVE[:30], *[w + 15 for w in WAVE[30:]]]
    calm, wild = (stability(_shares(s), baseline=BASELINE, judged=AFTER) for s in (WAVE, moved))
    assert [p.high for p in wild.points] == [p.high for p in calm.points]
    assert wild.word is Word.SIGNAL_ABOVE


def test_a_short_baseline_is_refused_with_its_length() -> None:
    found = stability(_shares(WAVE), baseline=(FIRST, FIRST + 19), judged=AFTER)
    assert (found.word, found.refusal) == (Word.BASELINE_SHORT, Refusal.BASELINE_SHORT)
    assert "19 days" in found.reason
    assert found.as_dict()["centre"] is None


def test_the_baseline_itself_is_not_judged() -> None:
    found = stability(_shares(WAVE), baseline=BASELINE, judged=BASELINE)
    assert found.word is Word.CANNOT_SAY
    assert "baseline itself" in found.reason


def test_limits_on_shares_are_laneys_widened_for_being_estimated() -> None:
    series = _shares(WAVE)
    found = stability(series, baseline=BASELINE, judged=AFTER)
    chart = control.laney_p(WAVE, [50] * 60, baseline=30)
    assert isinstance(chart, control.Chart)
    half = found.points[40].high - found.points[40].centre
    assert half == pytest.approx((chart.high[40] - chart.centre) * widening(30))
    assert widening(30) == pytest.approx(1.178, abs=0.001)
    assert widening(10_000) == pytest.approx(1.0, abs=0.001)


def test_times_are_charted_on_logarithms() -> None:
    base = [60 * math.exp((0.3, -0.3, 0.1, -0.2, 0.2)[d % 5]) for d in range(60)]
    slow = [*base[:45], 60 * math.exp(2.0), *base[46:]]
    assert stability(_series(base, "amount"), baseline=BASELINE, judged=AFTER).word is Word.STABLE
    found = stability(_series(slow, "amount"), baseline=BASELINE, judged=AFTER)
    assert (found.word, found.chart) == (Word.SIGNAL_ABOVE, "xmr_log")
    assert found.points[45].low > 0


def test_periods_with_fewer_units_may_vary_more() -> None:
    values = [10.0 + (1, -1, 0.5, -0.5)[d % 4] for d in range(60)]
    few = list(_series(values).observations)
    odd = Observation(few[50].start, few[50].end, 16.5, 4)
    series = History("m", "value", "day", (*few[:50], odd, *few[51:]))
    assert stability(series, baseline=BASELINE, judged=AFTER).word is Word.STABLE
    many = History(
        "m", "value", "day", (*few[:50], Observation(odd.start, odd.end, 16.5, 40), *few[51:])
    )
    assert stability(many, baseline=BASELINE, judged=AFTER).word is Word.SIGNAL_ABOVE


def test_a_weekly_rhythm_is_expected_where_the_baseline_shows_it() -> None:
    rng = np.random.default_rng(5)
    level = [10.0, 10, 10, 10, 10, 16, 16]
    values = [level[d % 7] + float(rng.normal(0, 0.5)) for d in range(56)]
    values[44] = 16.0  # a working day that looks like a weekend
    found = stability(
        _series(values), baseline=(FIRST, FIRST + 35), judged=(FIRST + 35, FIRST + 56), runs=False
    )
    assert found.chart == "xmr_weekday"
    assert (found.word, found.since) == (Word.SIGNAL_ABOVE, FIRST + 44)


def test_rare_events_are_watched_by_their_sum() -> None:
    quiet = [1 if d % 3 == 0 else 0 for d in range(60)]
    found = stability(_shares(quiet, 30), baseline=BASELINE, judged=AFTER)
    assert (found.word, found.chart) == (Word.STABLE, "poisson_cusum")
    worse = [*quiet[:30], *[1] * 30]
    found = stability(_shares(worse, 30), baseline=BASELINE, judged=AFTER)
    assert found.word is Word.SIGNAL_ABOVE
    assert FIRST + 33 < (found.since or 0) < FIRST + 48


def test_the_sum_of_rare_events_is_the_published_one_at_a_cautious_rate() -> None:
    events = [*[1 if d % 3 == 0 else 0 for d in range(30)], *[1] * 30]
    found = stability(_shares(events, 30), baseline=BASELINE, judged=AFTER)
    rate = (10 + math.sqrt(10)) / 30
    path = control.poisson_cusum(
        events[30:], rate=rate, worse=2 * rate, h=4.25 + 0.75 * (rate - 0.2) / 0.3
    )
    assert path.first_signal is not None
    assert found.since == FIRST + 30 + path.first_signal


def test_rare_failures_of_a_common_success_signal_below() -> None:
    fails = [1 if d % 3 == 0 else 0 for d in range(30)] + [1] * 30
    found = stability(_shares([30 - f for f in fails], 30), baseline=BASELINE, judged=AFTER)
    assert found.word is Word.SIGNAL_BELOW


def test_no_event_in_the_baseline_sets_no_rate() -> None:
    found = stability(_shares([0] * 60, 30), baseline=BASELINE, judged=AFTER)
    assert (found.word, found.refusal) == (Word.BASELINE_SHORT, Refusal.BASELINE_SHORT)


def test_a_constant_baseline_sets_no_limits() -> None:
    found = stability(_series([5.0] * 60), baseline=BASELINE, judged=AFTER)
    assert found.word is Word.CANNOT_SAY


@pytest.mark.parametrize(
    ("size", "share", "noise"), [(60, 0.3, 0.0), (60, 0.3, 0.05), (400, 0.7, 0.03)]
)
def test_false_signals_cost_what_the_page_says(size: int, share: float, noise: float) -> None:
    rng, words, told = np.random.default_rng(11), Counter[str](), 0.0
    for _ in range(400):
        n = rng.poisson(size, 60)
        p = np.clip(share + noise * rng.normal(size=60), 0, 1)
        x = rng.binomial(n, p)
        series = History(
            "m", "share", "day",
            tuple(
                Observation(FIRST + d, FIRST + d + 1, float(x[d] / n[d]), int(n[d]), int(x[d]))
                for d in range(60)
            ),
        )  # fmt: skip
        found = stability(series, baseline=BASELINE, judged=AFTER)
        words[found.word] += 1
        told = found.price or 0.0
    false = 1 - words["stable"] / 400
    assert told == pytest.approx(0.161, abs=0.001)
    assert false == pytest.approx(told, abs=0.05)


def test_observations_leave_out_what_is_not_known() -> None:
    def cell(day: int, total: int, den: int) -> MeasureCell:
        buckets = {0: BucketSums(den, total, total, den, den, total)} if den else {}
        return MeasureCell("m", "m@1", "day", day, day + 1, {}, den, {}, {}, buckets, 1)

    cells = [cell(3, 4, 8), cell(2, 0, 0), cell(1, 1, 4)]
    found = history(cells, metric="m", estimator="proportion", unit="share", grain="day")
    assert [(o.start, o.value, o.size, o.events) for o in found.observations] == [
        (1, 0.25, 4, 1), (3, 0.5, 8, 4),
    ]  # fmt: skip
    times = history(cells, metric="m", estimator="mean", unit="seconds", grain="day")
    assert times.kind == "amount"
    assert times.observations[0].value == pytest.approx(0.25e-6)

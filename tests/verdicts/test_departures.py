"""Regressions, drift, unfair gaps and reversals as findings; quiet figures raise none."""

from __future__ import annotations

import numpy as np
import pytest

from candor.verdicts.departures import Contrast, beyond_total, departures
from candor.verdicts.findings import Finding, Severity, ranked
from candor.verdicts.support import Interval


def _contrast(
    point: float, half: float, place: tuple[str, str | None] | None = None, **options: object
) -> Contrast:
    values: dict[str, object] = {
        "metric": "true_resolution_rate", "title": "True resolution rate", "unit": "share",
        "better": "higher", "place": place, "against": "release r1 before it",
        "found": Interval(point, point - half, point + half), "held": 0.7, "units": 300,
        "since": 20_000, **options,
    }  # fmt: skip
    return Contrast(**values)  # type: ignore[arg-type]


def test_a_regressed_release_is_told_with_its_figures() -> None:
    found = departures(
        "release",
        [
            _contrast(-0.15, 0.07, ("release", "r2")),
            _contrast(0.08, 0.05, ("release", "r2"), metric="silent_failure_rate",
                      title="Silent failures", better="lower"),
            _contrast(-0.01, 0.07, ("release", "r3")),
        ],
        "AI engineering",
    )  # fmt: skip
    (finding,) = found
    assert (finding.code, finding.segment) == ("regressed_release", {"release": "r2"})
    assert set(finding.metrics) == {"true_resolution_rate", "silent_failure_rate"}
    assert finding.sentence.startswith("Release r2 is worse than release r1 before it: ")
    assert "−15.0" in finding.sentence
    assert finding.caveats == ("coincident_with_release",)
    assert finding.size == pytest.approx(45)
    assert finding.since == 20_000


@pytest.mark.parametrize(
    "contrast",
    [
        _contrast(0.15, 0.05),
        _contrast(-0.15, 0.05, better="lower"),
        _contrast(-0.15, 0.05, better="neither"),
        _contrast(-0.015, 0.001),
        _contrast(-0.15, 0.16),
        _contrast(0.4, 0.1, unit="seconds", held=10.0, better="lower"),
    ],
    ids=["better", "better when lower", "no direction", "a trifle", "unsure", "a trifling time"],
)
def test_what_is_no_finding(contrast: Contrast) -> None:
    assert departures("baseline", [contrast], "x") == []


def test_looking_at_many_places_raises_the_price() -> None:
    one = _contrast(-0.10, 0.08, ("channel", "voice"))
    assert len(departures("segment", [one], "x")) == 1
    many = [one, *[_contrast(-0.03, 0.085, ("intent_id", str(n))) for n in range(40)]]
    assert departures("segment", many, "x") == []


def test_a_segment_that_fell_as_everything_did_is_not_told_twice() -> None:
    total = _contrast(-0.10, 0.03)
    same, worse = (
        _contrast(point, 0.05, ("channel", name))
        for point, name in ((-0.12, "chat"), (-0.30, "voice"))
    )
    found = departures("segment", beyond_total([same, worse], [total]), "x")
    assert [(one.code, one.segment) for one in found] == [("drifted_segment", {"channel": "voice"})]
    steady = _contrast(-0.02, 0.03)
    assert len(departures("segment", beyond_total([same, worse], [steady]), "x")) == 2


def test_a_decline_is_told_a_month() -> None:
    (found,) = departures("trend", [_contrast(-0.05, 0.02, against="the last 13 weeks")], "x")
    assert found.sentence.startswith("Everything gets worse, a month, over the last 13 weeks: ")


def test_groups_are_corrected_the_strict_way() -> None:
    halves = (0.080, 0.079, 0.068)
    gaps = [_contrast(-0.1, half, ("region", str(n))) for n, half in enumerate(halves)]
    loose, strict = (departures(kind, gaps, "x") for kind in ("segment", "group"))
    assert len(loose) == 3
    assert [one.segment for one in strict] == [{"region": "2"}]
    assert strict[0].code == "unfair_gap"


def test_a_gap_says_what_is_left_at_an_equal_mix() -> None:
    (found,) = departures(
        "group",
        [_contrast(-0.2, 0.05, ("region", "south"), within=Interval(-0.18, -0.24, -0.12))], "x",
    )  # fmt: skip
    assert "At an equal mix of requests, true resolution rate differs by −18.0" in found.sentence
    assert len(found.evidence) == 2


def test_chance_alone_is_seldom_a_finding() -> None:
    rng, raised = np.random.default_rng(3), 0
    for _ in range(300):
        draws = rng.normal(0, 0.04, 60)
        places = [
            _contrast(float(d), 0.04 * 1.96, ("intent_id", str(n))) for n, d in enumerate(draws)
        ]
        raised += bool(departures("segment", places, "x"))
    assert raised / 300 <= 0.03


def _finding(code: str, severity: Severity, size: float, strength: float = 2.0) -> Finding:
    return Finding(code, code, ("m",), {}, "s", (), "n", "o", "product", severity, size, strength)


def test_the_most_urgent_and_largest_comes_first() -> None:
    order = ranked(
        [
            _finding("d", Severity.GOOD, 900), _finding("b", Severity.HIGH, 10, 9),
            _finding("c", Severity.LOW, 500), _finding("a", Severity.HIGH, 10, 9),
            _finding("e", Severity.HIGH, 80),
        ]
    )  # fmt: skip
    assert [one.code for one in order] == ["e", "a", "b", "c", "d"]

"""The calibration report: figures where there are labels, and what is missing where there are none."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor.answers import Answers
from candor.estimates.pairs import Agreed
from candor.estimates.reliability import Stated, reliability
from candor.reviewing.calibrate import Calibration, Group
from candor.reviewing.rates import Verdict, correct
from candor.reviewing.trust import Counted, Fit, Trust
from candor.web.desk import Desk
from candor.web.site import Site
from candor.web.views import calibration


def test_without_labels_nothing_is_said_and_never_nought(ann: TestClient) -> None:
    told = ann.get("/api/calibration").json()
    assert told["labels"] == []
    labelled = {one["criterion"]: one for one in told["fits"]}
    assert labelled["resolved"]["calibration"] is None
    assert any(
        one.startswith("0 answers, needed at least 60")
        for one in labelled["resolved"]["cannot_say"]
    )
    for one in told["machines"]:
        assert one["point"] is None
        assert one["refusal"]
        assert one["agreement"] is None
    page = ann.get("/calibration").text
    assert "Cannot say." in page
    assert "No label of a person is stored yet" in page


def planted(_: Answers) -> Trust:
    """A judge with too few labels beside a score with enough."""
    rng = random.Random(5)
    verdicts = [Verdict(f"c{n}", False, "judge 1", n % 2, n % 50, None) for n in range(200)]
    verdicts += [Verdict(f"c{n}", True, "bea", 1, n % 50, 0.1) for n in range(6)]
    stated = [
        Stated(round(1e6 * p), rng.random() < p, n % 50, 1)
        for n, p in enumerate([0.15, 0.55, 0.85] * 100)
    ]
    whole = reliability(stated, customers=50)
    fit = Calibration(
        "resolved", "resolution_quality", 300, 50, 0.52, whole, whole, 1.0,
        Agreed(300, 0.875, 0.751, 0.7, {}), Agreed(60, 0.825, 0.652, 0.6, {}),
        (Group("channel", "chat", 281, 0.5, 0.51, 0.17), Group("channel", "email", 19, None, None, None)),
        {"intercept": (0.0, 0.1)}, True, "",
    )  # fmt: skip
    return Trust(
        (Counted("resolved", 306, 246, 60, 300, 4),),
        tuple(correct("resolved", verdicts)),
        (Fit("resolved", fit), Fit("csat", None, ("3 answers, needed at least 60",))),
        None, ("no answer with a known end states a confidence",),
    )  # fmt: skip


def test_agreement_stands_beside_the_ceiling_of_people(
    root: Path, site: Site, ann: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Desk(root, wait=60)
    monkeypatch.setattr(site, "desk", own)
    monkeypatch.setattr(calibration, "reported", planted)
    told, page = ann.get("/api/calibration").json(), ann.get("/calibration").text
    own.close()
    (fit, csat) = told["fits"]
    assert fit["calibration"]["agreement"]["raw"] == 0.875
    assert fit["calibration"]["human_ceiling"]["raw"] == 0.825
    assert sum(step["count"] for step in fit["calibration"]["after"]["curve"]) == 300
    assert csat["calibration"] is None
    (machine,) = told["machines"]
    assert (machine["units"], machine["labels"], machine["point"]) == (200, 6, None)
    # One curve is drawn: of what has enough answers; a small group has no figure.
    assert page.count("<polyline") == 1
    assert page.count("<circle") == 3
    assert "channel email" in page
    assert "cannot say" in page
    assert "3 answers, needed at least 60" in page
    assert "0.652" in page


def test_everybody_who_reads_figures_may_read_it(
    browser: Callable[..., TestClient], person: Callable[..., object]
) -> None:
    person("rex", "reviewer")
    told = browser("rex").get("/api/calibration").json()
    assert "advice" not in str(told)
    assert "cost" not in str(told["confidence"])

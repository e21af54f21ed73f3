"""The archive of reviews: every period the data cover, each opening the review of that period."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from candor import window
from candor.answers import Answers
from candor.answers import review as reviewing
from candor.web.views import packs

GRAINS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter"}


def test_every_period_opens_the_review_of_its_own_days(ann: TestClient, root: Path) -> None:
    shelves = {one["cadence"]: one for one in ann.get("/api/reviews").json()["reviews"]}
    assert list(shelves) == list(GRAINS)
    with Answers.open(root) as answers:
        bounds = answers.reckoner.bounds
        assert bounds is not None
        for cadence, shelf in shelves.items():
            assert shelf["periods"], cadence
            for one in shelf["periods"]:
                (until,) = parse_qs(urlsplit(one["path"]).query)["until"]
                found = answers.period(grain=GRAINS[cadence], until=until)
                assert found.words == one["period"]
                assert found.since is not None
                assert window.to_date(found.since).isoformat() == one["since"]
                assert one["is_whole"] == (found.since >= bounds[0])
        # The newest of each is what the review shows without a period.
        newest = answers.period(grain="week")
        assert shelves["weekly"]["periods"][0]["period"] == newest.words
        days = reviewing.past(answers, "daily")
    assert len(days) == shelves["daily"]["known"] > len(shelves["daily"]["periods"]) == 12
    assert [one.since for one in days] == sorted((one.since or 0 for one in days), reverse=True)


def test_one_cadence_alone_shows_all_of_it(ann: TestClient) -> None:
    (shelf,) = ann.get("/api/reviews?grain=day").json()["reviews"]
    assert len(shelf["periods"]) == shelf["known"]
    assert 'href="/reviews?grain=day"' in ann.get("/reviews").text
    assert ann.get("/reviews?grain=all").status_code == 422


def test_a_review_is_asked_for_its_period(ann: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []
    known = packs.reviewing.review

    def review(answers: Answers, cadence: str, *, until: str | None = None) -> Any:
        asked.append((cadence, until))
        return known(answers, cadence, until=until)

    monkeypatch.setattr(packs.reviewing, "review", review)
    assert ann.get("/reviews/weekly?until=2026-08-10").status_code == 200
    assert asked == [("weekly", "2026-08-10")]
    assert 'href="/reviews"' in ann.get("/reviews/weekly?until=2026-08-10").text
    assert ann.get("/reviews/weekly?until=soon").status_code == 422


def test_reviews_speak_of_money_and_so_does_their_archive(
    browser: Callable[..., TestClient], person: Callable[..., object]
) -> None:
    person("vic", "viewer")
    assert browser("vic").get("/reviews").status_code == 403

"""Pages about money and about how the AI and people work: the same figures as the answers, to whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor.answers import Answers
from candor.answers.claims import check_claims
from candor.answers.scenario import Changed, what_if
from candor.web.views.money import bubbles

Browser = Callable[..., TestClient]
Maker = Callable[..., object]


@pytest.fixture
def ann(browser: Browser, person: Maker) -> TestClient:
    """An analyst."""
    person("ann", "analyst")
    return browser("ann")


def test_a_scenario_is_the_one_the_command_reckons(ann: TestClient, root: Path) -> None:
    url = "/api/economics?grain=all&quality=10&price=0.5&volume=-20"
    answer = ann.get(url)
    assert answer.status_code == 200, answer.text
    told = answer.json()["what_if"]
    with Answers.open(root) as answers:
        found = what_if(answers, answers.period(grain="all"), Changed(10.0, -20.0, 0.5))
    assert told["contained"] == found.contained > 0
    assert told["charged"] == found.charged > 0
    assert found.bill is not None
    assert told["bill"]["fees_then"] == pytest.approx(found.charged * 0.8 * 0.5)
    assert found.scenario is not None
    assert found.share is not None
    raised = min(1.0, found.share[0] * 1.1)
    units = round(found.contained * 0.8)
    assert told["scenario"]["resolutions"][0] == pytest.approx(units * (raised - found.share[0]))


def test_nothing_changed_changes_nothing(ann: TestClient) -> None:
    told = ann.get("/api/economics?grain=all").json()["what_if"]
    assert told["scenario"]["resolutions"] == [0.0, 0.0, 0.0]
    assert told["bill"]["fees_then"] == told["bill"]["fees_now"] > 0
    assert "Nothing is changed yet" in ann.get("/economics?grain=all").text


@pytest.mark.parametrize("query", ["quality=ten", "quality=-101", "price=-1", "volume=1e9"])
def test_a_scenario_out_of_bounds_is_refused(ann: TestClient, query: str) -> None:
    assert ann.get(f"/economics?{query}").status_code == 422


WORK = ("/handoffs", "/drop-off", "/assist", "/releases", "/fairness")


def test_needed_and_made_add_up_to_the_conversations_looked_at(ann: TestClient, root: Path) -> None:
    rows = ann.get("/api/handoffs?grain=all").json()["matrix"]
    with Answers.open(root) as answers:
        (expected,) = answers.engine.rows(
            "select count(*) from conversation where ai_involved and engaged and not is_test"
            " and not is_spam and not is_open"
        )
    assert sum(sum(row[1:]) for row in rows) == expected[0] > 0
    assert [row[0] for row in rows] == ["needed", "not needed", "not known"]


@pytest.mark.parametrize("path", WORK)
def test_no_small_group_is_told_to_a_viewer(browser: Browser, person: Maker, path: str) -> None:
    person("vic", "viewer")
    vic = browser("vic")
    answer = vic.get(f"/api{path}?grain=all" if path != "/fairness" else "/api/fairness")
    assert answer.status_code == 200
    told = answer.json()
    for name in ("by_turn", "by_turn_and_intent", "by_reason", "wait_by_channel"):
        for row in told.get(name, []):
            assert row["refusal"] == "suppressed" or row["customers"] >= 10 or not row["eligible"]
    assert "by_csm" not in told or told["by_csm"] == []
    for row in told.get("tenure", []):
        assert row.get("hidden") or row["suggestions"] >= 10


def test_intents_are_drawn_where_they_have_a_score_and_a_value() -> None:
    row = {
        "intent": "refund", "conversations": 400, "value": 10.0, "rank": 1, "is_automatable": True,
        "automation_score": {"point": 0.5, "low": 0.4, "high": 0.6},
    }  # fmt: skip
    small = {**row, "intent": "address", "conversations": 100, "is_automatable": False, "rank": 2}
    found, top = bubbles([row, small, {**row, "automation_score": None}, {**row, "value": None}])
    assert [one.name for one in found] == ["refund", "address"]
    assert found[1].r == found[0].r / 2
    assert not found[1].is_allowed
    assert top == pytest.approx(11.2)
    assert bubbles([]) == ([], 0.0)


def test_claims_stand_beside_the_truth(
    ann: TestClient, root: Path, browser: Callable[..., TestClient], person: Callable[..., object]
) -> None:
    with Answers.open(root) as answers:
        expected = check_claims(answers, by=("channel",))
    told = ann.get("/api/claims?by=channel").json()
    assert told["claimants"] == json.loads(
        json.dumps([one.as_dict() for one in expected.claimants])
    )
    first = expected.claimants[0]
    assert f"{first.whole.table.wrong_yes:,} of" in ann.get("/claims").text
    # The gap stands on the page of resolution too.
    assert "Claimed against true" in ann.get("/resolution").text
    assert ann.get("/claims?by=human_agent_id").status_code == 422
    # Segments of few conversations are not for everybody.
    person("vic", "viewer")
    seen = browser("vic").get("/api/claims?by=intent_id").json()["claimants"]
    whole = ann.get("/api/claims?by=intent_id").json()["claimants"]
    few = [
        segment for one in whole for segment in one["segments"]
        if 0 < segment["compared"] < 10
    ]  # fmt: skip
    assert few
    for one in few:
        assert one not in [segment for claimant in seen for segment in claimant["segments"]]

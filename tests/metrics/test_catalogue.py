"""The shipped catalogue as a whole: families, openings, rows in every example, names found."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.metrics import registry
from candor.metrics.definition import Definition
from candor.metrics.describing import CATEGORIES

CATALOGUE = registry.load()
SHIPPED = Path(registry.__file__).parent / "catalogue"
FAMILIES = {
    "resolution": {
        "true_resolution_rate", "deflection_rate", "deflection_gap", "resolution_rate_claimed",
        "resolution_accuracy", "claim_gap", "reopen_rate_24h", "reopen_rate_48h", "reopen_rate_72h",
        "reopen_rate_7d", "repeat_contact_rate_7d", "repeat_contact_rate_3d",
        "first_contact_resolution_rate", "ai_first_contact_resolution_24h",
        "ai_first_contact_resolution_72h", "silent_failure_rate", "partial_resolution_rate",
        "resolution_rate_action", "resolution_rate_informational", "resolution_rate_day_30",
        "resolution_rate_day_60", "resolution_rate_day_90", "journey_resolution_rate",
        "undetermined_share",
    },
    "containment": {
        "containment_rate", "containment_quality", "safe_automation_rate", "automation_rate",
        "involvement_rate", "coverage_gap", "deflection_to_value", "self_service_completion_time",
        "blocked_demand",
    },
    "escalation": {
        "escalation_rate", "escalation_turn", "escalation_delay", "proactive_escalation_share",
        "appropriate_escalation_rate", "missed_escalation_rate", "escalation_accuracy",
        "escalation_failure_rate", "context_preservation_rate", "handoff_quality",
        "post_handoff_resolution_time", "direct_human_resolution_time", "transfer_chain_rate",
        "ping_pong_rate", "handoff_wait_time",
    },
}  # fmt: skip


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_family_is_complete(family: str) -> None:
    assert {item.name for item in CATALOGUE if item.family == family} == FAMILIES[family]


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.yaml")), ids=lambda path: path.stem)
def test_file_is_named_and_opens_as_agreed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    definition = CATALOGUE.find(path.stem)
    assert definition.name == path.stem
    assert definition.family == path.parent.name
    opening = [line.split(":")[0] for line in text.splitlines() if line.startswith("# ")]
    starts = [line for line in opening if line in ("# Question", "# Rule", "# Caveat", "# Proof")]
    assert starts == ["# Question", "# Rule", "# Caveat", "# Proof"]


@pytest.mark.parametrize("definition", list(CATALOGUE), ids=lambda item: item.name)
def test_examples_show_every_reason_and_somebody_outside(definition: Definition) -> None:
    states = {row.state for example in definition.examples for row in example.rows}
    wanted = {f"excluded:{reason}" for reason in definition.reasons_excluded}
    wanted |= {f"unknown:{reason}" for reason in definition.unknown}
    assert wanted | {"observed", "outside"} <= states


def test_benchmarks_are_never_invented() -> None:
    """METRICS gives others' figures for one metric only, without a source: it says so."""
    given = {item.name: item.benchmarks for item in CATALOGUE if item.benchmarks}
    assert list(given) == ["ai_assisted_resolution_rate"]
    assert [(one.segment, one.good, one.great, one.world_class) for one in given.popitem()[1]] == [
        ("smb", "20–40", "40–65", "65+"),
        ("mid_market", "15–35", "35–60", "60+"),
        ("enterprise", "10–25", "25–50", "50+"),
    ]


def test_satisfaction_is_never_blended() -> None:
    assert "csat" not in CATALOGUE
    for path in ("ai_only", "human_only", "hybrid"):
        item = CATALOGUE.definitions[f"csat_{path}"]
        assert f"path = '{path}'" in item.include
        assert {"survey_send_rate", "survey_response_rate"} <= set(item.shown_with)


def test_five_categories_hold_every_metric_once() -> None:
    view = CATALOGUE.by_category()
    assert tuple(view) == CATEGORIES
    names = [item.name for items in view.values() for item in items]
    assert sorted(names) == list(CATALOGUE.names)
    assert all(items for items in view.values())
    assert view["automation"][0].tier == "primary"


def test_metrics_are_found_by_any_of_their_names() -> None:
    assert CATALOGUE.get("FCR").name == "first_contact_resolution_rate"
    assert CATALOGUE.get("bot containment").name == "containment_rate"
    assert "silent_failure_rate" in {item.name for item in CATALOGUE.search("hidden failure")}
    assert CATALOGUE.search("no such thing anywhere") == []
    with pytest.raises(CandorError, match=r"no metric 'containmnt_rate'.*did you mean") as caught:
        CATALOGUE.some(["containmnt_rate", "involvement_rate", "bogus"])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("name", ["policy_violation_rate", "near_miss_rate", "human_override_rate"])
def test_what_should_never_happen_is_counted_as_a_rare_event(name: str) -> None:
    assert CATALOGUE.get(name).estimator == "rare"

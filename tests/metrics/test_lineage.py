"""From a metric to fields of events, filters included."""

from __future__ import annotations

from candor.events.registry import registry as events
from candor.metrics import registry
from candor.metrics.lineage import lineage

CATALOGUE = registry.load()


def test_columns_name_the_places_that_read_them() -> None:
    found = lineage(CATALOGUE.get("escalation_rate"))
    assert found.columns["is_test"] == ("exclude.test",)
    assert found.columns["escalated"] == ("outcome",)
    assert found.columns["handoffs"] == ("requires.handoff",)
    assert found.columns["is_open"] == ("outcome", "unknown.open")


def test_fields_are_followed_through_the_facts() -> None:
    fields = set(lineage(CATALOGUE.get("escalation_rate")).fields)
    assert {
        "handoff.from_actor", "handoff.to_actor", "handoff.is_failed", "conversation.is_test",
        "conversation.is_spam", "message.actor", "message.is_public",
    } <= fields  # fmt: skip
    assert not any(field.startswith(("claim.", "survey.score", "cost.")) for field in fields)
    assert "claim.claimed" in lineage(CATALOGUE.get("resolution_rate_claimed")).fields
    assert "survey.score" in lineage(CATALOGUE.get("csat_ai_only")).fields


def test_only_fields_that_events_have_are_named() -> None:
    known = events()
    added = {"event_key", "thread_key", "event_id", "occurred_at", "source", "extra", "revision"}
    for definition in CATALOGUE:
        for field in lineage(definition).fields:
            event, name = field.split(".")
            if event in known:
                assert name in added or name in {item.name for item in known[event].fields}, field

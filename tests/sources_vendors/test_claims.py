"""The crosswalk of vendors' words: dated, closed, never guessing."""

from __future__ import annotations

import pytest

from candor.events import registry
from candor.sources.base import Notes
from candor.sources.claims import CLAIMED, claimed, crosswalk


def test_our_words_are_the_registrys() -> None:
    (field,) = [f for f in registry()["claim"].fields if f.name == "claimed"]
    assert set(field.values) == set(CLAIMED)


@pytest.mark.parametrize(
    ("vendor", "raw", "version", "on", "ours"),
    [
        ("intercom", "routed_to_team", "2.14", None, "escalated"),
        ("intercom", "routed_to_team", "2.15", None, None),
        ("intercom", "procedure_handoff", "2.15", None, "escalated"),
        ("intercom", "procedure_handoff", "2.9", None, None),
        ("intercom", "null", "2.16", None, "none"),
        ("intercom", "confirmed_resolution", None, None, None),
        ("zendesk_ai", "verified", None, "2026-05-17", None),
        ("zendesk_ai", "verified", None, "2026-05-18", "resolved_confirmed"),
        ("zendesk_ai", "true", None, "2026-01-01", "resolved_assumed"),
        ("zendesk_ai", "unassisted", None, "2026-06-01", None),
        ("salesforce_end_type", "other", None, None, None),
        ("salesforce_analytics", "abandoned", None, None, "abandoned"),
        ("amazon_connect", "false", None, None, "none"),
        ("copilot_studio", "Abandoned", None, None, "abandoned"),
        ("servicenow", "response provided", None, None, "none"),
        ("dynamics_365", "deflected", None, None, "deflected"),
    ],
)
def test_values_by_version_and_date(
    vendor: str, raw: str, version: str | None, on: str | None, ours: str | None
) -> None:
    notes = Notes()
    assert claimed(vendor, raw, notes, api_version=version, on=on) == ours
    assert bool(notes.counts) is (ours is None)


def test_versions_compare_as_numbers() -> None:
    newer, older = crosswalk()["intercom"][1], crosswalk()["intercom"][0]
    assert newer.covers("2.100", None)
    assert older.covers("2.9", None)
    assert not older.covers("2.15", None)


def test_unseen_values_are_counted_with_their_version() -> None:
    notes = Notes()
    for _ in range(3):
        claimed("intercom", "transcended", notes, api_version="2.15")
    assert notes.counts == {("claim_unknown", "intercom: transcended (version 2.15)"): 3}

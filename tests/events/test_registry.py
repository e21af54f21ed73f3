"""The definitions hold what the design says, and a bad definition says everything wrong with it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from candor.errors import CandorError
from candor.events import arrow_schema, reference_markdown, registry, stored_schema
from candor.events.registry import load

KEYS = {
    "account": ("account_id", "occurred_at"),
    "action": ("action_id",),
    "assessment": ("assessment_id",),
    "claim": ("claim_id",),
    "confirmation": ("confirmation_id",),
    "conversation": ("thread_id",),
    "cost": ("cost_id",),
    "erasure": ("erasure_id",),
    "exposure": ("experiment_id", "unit_id"),
    "gap": ("gap_id",),
    "guardrail": ("guardrail_id",),
    "handoff": ("handoff_id",),
    "identity": ("identity_id",),
    "intervention": ("intervention_id",),
    "invoice_line": ("invoice_id", "line"),
    "knowledge_change": ("change_id",),
    "link": ("link_id",),
    "message": ("message_id",),
    "override": ("override_id",),
    "release": ("ai_agent_id", "release"),
    "state_change": ("change_id",),
    "suggestion": ("suggestion_id",),
    "survey": ("survey_id",),
}
ENVELOPE = [
    "event_id",
    "source",
    "occurred_at",
    "observed_at",
    "loaded_at",
    "revision",
    "raw_ref",
    "extra",
]


def test_all_types_with_their_keys() -> None:
    assert {name: one.key for name, one in registry().items()} == KEYS


def test_required_fields_of_a_message() -> None:
    message = registry()["message"]
    assert [f.name for f in message.fields if f.required] == [
        "message_id",
        "thread_id",
        "is_public",
    ]
    assert message.field("actor").values == ("customer", "ai_agent", "human_agent", "system")


def test_personal_marks() -> None:
    marks = {
        (name, f.name): f.personal
        for name, one in registry().items()
        for f in one.fields
        if f.personal
    }
    text = {key for key, mark in marks.items() if mark == "text"}
    assert text == {
        ("message", "text"),
        ("conversation", "subject"),
        ("survey", "comment"),
        ("suggestion", "text"),
        ("suggestion", "final_text"),
        ("intervention", "ai_text"),
        ("intervention", "final_text"),
        ("handoff", "context"),
        ("assessment", "explanation"),
        ("override", "reason"),
    }
    assert marks["identity", "alias"] == "identifier:alias"
    assert marks["message", "actor_id"] == "identifier:person"
    every_customer = {f"{n}.customer_id" for n, t in registry().items() if t.has("customer_id")}
    assert every_customer == {f"{n}.{f}" for (n, f) in marks if f == "customer_id"}


def test_schemas_hold_envelope_then_fields() -> None:
    for name, one in registry().items():
        assert arrow_schema(name).names == [*ENVELOPE, *(f.name for f in one.fields)]
        assert stored_schema(name).names[-3:] == ["event_key", "thread_key", "content_hash"]
    assert arrow_schema("claim").field("amount").type == pa.decimal128(18, 6)
    assert arrow_schema("message").field("knowledge_ids").type == pa.list_(pa.string())
    assert arrow_schema("message").field("occurred_at").type == pa.timestamp("us", "UTC")


def test_reference_page_names_every_field() -> None:
    page = reference_markdown()
    for name, one in registry().items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert one.question in section
        for field in one.fields:
            shown = f"**{field.name}**" if field.required else field.name
            assert f"| {shown} | {field.kind}" in section


BAD = """\
# Where?
#
event: wrong_name
doc: fine
doc: again
colour: red
key: [thing_id, other]
fields:
  thing_id: {kind: idd, required: true, doc: x}
  Occurred: {kind: string, doc: x}
  source: {kind: string, doc: x}
  word: {kind: enum, doc: x}
  size: {kind: string, minimum: 3, doc: x}
  who: {kind: string, personal: name, doc: x}
  bare: {kind: string}
"""


def test_every_problem_of_a_definition_at_once(tmp_path: Path) -> None:
    (tmp_path / "thing.yaml").write_text(BAD)
    (tmp_path / "broken.yaml").write_text("event: [\n")
    with pytest.raises(CandorError) as caught:
        load(tmp_path)
    found = [(p.where, p.what) for p in caught.value.problems]
    assert [where for where, _ in found] == [
        "broken.yaml:2",
        "thing.yaml:1",
        "thing.yaml:5",
        "thing.yaml:6",
        "thing.yaml:3",
        "thing.yaml:9",
        "thing.yaml:10",
        "thing.yaml:11",
        "thing.yaml:12",
        "thing.yaml:13",
        "thing.yaml:14",
        "thing.yaml:15",
        "thing.yaml:7",
        "thing.yaml:7",
    ]
    kind = next(p for p in caught.value.problems if p.where == "thing.yaml:9")
    assert kind.fix == "did you mean 'id'?"


def test_an_empty_folder_is_no_registry(tmp_path: Path) -> None:
    with pytest.raises(CandorError, match="no event type"):
        load(tmp_path)

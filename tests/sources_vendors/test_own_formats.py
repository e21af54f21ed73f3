"""The suite every connector inherits, run on our own two formats as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from candor.sources.base import SourceOptions
from candor.sources.mapping import parse_mapping
from sources_vendors.conformance import RECEIVED, Conformance, rewrite

MAPPING = """
format: {type: jsonl}
emit:
  - type: conversation
    when: "no == 1"
    fields:
      thread_id: ticket
      started_at: created
      occurred_at: created
      channel: {column: channel, map: {Mail: email, Phone: voice}}
      customer_id: customer
      is_test: {constant: false}
      is_spam: {constant: false}
  - type: message
    key: [ticket, no]
    fields:
      thread_id: ticket
      occurred_at: created
      actor: {column: from, map: {cust: customer, bot: ai_agent}}
      is_public: {constant: true}
      text: text
"""


def first_text(folder: Path, name: str, text: str) -> None:
    """Put a text into the first record that holds one."""

    def change(records: list[Any]) -> list[Any]:
        found = next(record for record in records if "text" in record)
        found["text"] = text
        return records

    rewrite(folder / name, (), change)


class TestCanonical(Conformance):
    name = "canonical"
    folder = "canonical"
    test_threads = ("t-2",)
    not_assessed = ("t-1", "t-2")
    inactive = ("t-1",)
    reopened = ("t-2",)
    links: ClassVar[set[tuple[str, str, str]]] = {("t-2", "t-1", "followup")}

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        def change(records: list[Any]) -> list[Any]:
            records[0]["channel"] = "pigeon"
            return records

        rewrite(folder / "events.jsonl", (), change)
        return "conversation.channel", "pigeon"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(records: list[Any]) -> list[Any]:
            return [{**records[0], "revision": 1, "priority": "high"}, *records]

        rewrite(folder / "events.jsonl", (), change)
        return "conversation", "t-1", "priority", "high"

    def set_body(self, folder: Path, text: str) -> str:
        first_text(folder, "events.jsonl", text)
        return "m-1"


class TestGeneric(Conformance):
    name = "generic"
    folder = "generic"

    def options(self, ai: frozenset[str] = frozenset(), **settings: Any) -> SourceOptions:
        mapping = parse_mapping(MAPPING)
        return SourceOptions("fixture", mapping, ai, RECEIVED, settings)

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        def change(records: list[Any]) -> list[Any]:
            records[2]["channel"] = "Pigeon"
            return records

        rewrite(folder / "messages.jsonl", (), change)
        return "unmapped", "Pigeon"

    def set_body(self, folder: Path, text: str) -> str:
        first_text(folder, "messages.jsonl", text)
        return str(self.read(folder).of("message")[0]["message_id"])


def test_the_suite_reads_what_it_says() -> None:
    reading = TestCanonical().read(TestCanonical().path)
    assert len(reading.events) == 8
    assert json.loads(next(iter(reading.facts())))["type"] == "conversation"

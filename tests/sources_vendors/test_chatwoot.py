"""The Chatwoot connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.sources.base import FileRefused, RecordRefused
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading, edit

BASE = 1_775_117_000
US = 1_000_000


class TestChatwoot(Conformance):
    name = "chatwoot"
    folder = "chatwoot"
    settings: ClassVar[dict[str, Any]] = {
        "account_id": 3,
        "auto_resolve_minutes": 1440,
        "test_inbox_ids": [99],
    }
    record_keys = ("payload",)
    test_threads = ("3-1207",)
    not_assessed = ("3-1207", "3-1208", "3-1209")
    reopened = ("3-1205",)
    bot_seat = "12"
    in_order: ClassVar[list[str]] = ["90212", "90213"]
    optional_keys = frozenset(
        [
            "content_attributes",
            "performed_by",
            "value_in_business_hours",
            "additional_attributes",
            "labels",
            "priority",
            "uuid",
            "handoff_reason_category",
        ]
    )

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        def change(whole: Any) -> None:
            whole["data"]["payload"][0]["meta"]["channel"] = "Channel::CarrierPigeon"

        edit(folder / "conversations.json", change)
        return "conversation.channel", "Channel::CarrierPigeon"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            page = whole["data"]["payload"]
            page.insert(0, {**page[0], "priority": "urgent", "updated_at": BASE + 500.75})

        edit(folder / "conversations.json", change)
        return "conversation", "3-1204", "priority", "urgent"

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["payload"][0]["content"] = text

        edit(folder / "messages.json", change)
        return "90211"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def changes(self, reading: Reading, thread: str) -> list[tuple[Any, ...]]:
        found = sorted(reading.of("state_change", thread), key=lambda e: e["occurred_at"])
        return [
            (e["occurred_at"] // US - BASE, e["from_state"], e["to_state"], e["actor"], e["reason"])
            for e in found
        ]

    def test_cw_1_a_silent_close_is_inactivity(self, reading: Reading) -> None:
        assert self.changes(reading, "3-1206") == [(180000, None, "solved", "system", "inactivity")]
        assert self.changes(reading, "3-1204")[0] == (400, None, "solved", None, "ai_closed")
        assert not reading.of("confirmation")

    def test_cw_1_without_the_window_the_reason_is_unknown(self) -> None:
        found = self.read(self.path, auto_resolve_minutes=None)
        reasons = {e["reason"] for t in ("3-1204", "3-1206") for e in found.of("state_change", t)}
        assert reasons == {None}
        assert sum(found.noted("auto_resolve_unknown").values()) == 6

    def test_cw_2_each_close_counts_once(self, reading: Reading) -> None:
        # Reported as resolved and as resolved by the bot, in the same second: one close.
        assert [c[0] for c in self.changes(reading, "3-1204")] == [400, 172900]
        assert [c[:3] for c in self.changes(reading, "3-1205")] == [
            (1600, None, "solved"),
            (150400, "solved", "solved"),
            (200000, "solved", "open"),
        ]
        assert len(reading.of("conversation", "3-1205")) == 1

    def test_cw_3_the_vendors_share_may_exceed_one(self, reading: Reading) -> None:
        """Events dated in a window over conversations begun in it; ours counts one cohort."""
        since, until = (BASE + 1500) * US, (BASE + 190_000) * US
        resolved = [c for c in reading.of("claim") if c["claimed"] == "resolved_assumed"]
        dated = [c for c in resolved if since <= c["occurred_at"] < until]
        begun = {
            e["thread_id"]
            for e in reading.of("conversation")
            if since <= e["started_at"] < until and e["ai_agent_id"]
        }
        ours = {c["thread_id"] for c in resolved} & begun
        assert (len(dated), len(begun), len(ours)) == (2, 3, 1)
        threads = {e["thread_id"]: e["started_at"] for e in reading.of("conversation")}
        assert sum(threads[c["thread_id"]] < since for c in dated) == 1

    def test_cw_4_first_response_is_reckoned_from_messages(self, reading: Reading) -> None:
        assert reading.noted("skipped")["reporting event first_response that means no event"] == 1
        messages = sorted(reading.of("message", "3-1205"), key=lambda e: e["occurred_at"])
        assert [(e["actor"], e["is_public"]) for e in messages[:5]] == [
            ("customer", True),
            ("ai_agent", True),
            ("customer", True),
            ("human_agent", True),
            ("human_agent", False),
        ]

    def test_cw_5_activity_is_never_read(self, reading: Reading, copied: Path) -> None:
        assert reading.noted("skipped")["activity that means no event"] == 1
        assert "90216" not in {e["message_id"] for e in reading.of("message")}

        def change(whole: Any) -> None:
            whole["payload"][5]["content"] = "Das Gespräch wurde von Mia wieder geöffnet"

        edit(copied / "messages.json", change)
        assert self.read(copied).facts() == reading.facts()

    def test_cw_6_a_list_of_open_ones_is_noticed(self, copied: Path) -> None:
        totals = {"open": 1, "pending": 0, "resolved": 9, "snoozed": 1}
        found = self.read(self.path, account_totals=totals)
        assert found.noted("conversations_missing") == {
            "4 resolved conversations in the export, 9 in the account": 6
        }

        def change(whole: Any) -> None:
            for one in whole["data"]["payload"]:
                one["status"] = "open"

        edit(copied / "conversations.json", change)
        assert list(self.read(copied).noted("conversations_missing")) == [
            "every conversation is open: list with status=all"
        ]
        assert self.read(self.path).noted("conversations_missing") == {}

    def test_handoff_is_told_once_and_accepted(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", "3-1205")
        assert handoff["occurred_at"] == (BASE + 1040) * US
        assert handoff["accepted_at"] == (BASE + 1400) * US
        assert handoff["reason"] == "customer_request"
        assert handoff["is_failed"] is False

    def test_nobody_came_before_the_close(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", "3-1209")
        assert (handoff["accepted_at"], handoff["is_failed"]) == (None, True)
        assert handoff["extra"] == {"told_by": "status"}
        assert self.changes(reading, "3-1209") == [
            (6200, "pending", "open", None, None),
            (90000, "open", "solved", "system", "automation"),
        ]

    def test_a_later_export_knows_who_came(self, reading: Reading, copied: Path) -> None:
        def change(whole: Any) -> None:
            late = {**whole["payload"][10], "id": 90699, "conversation_id": 1209}
            whole["payload"].append({**late, "created_at": BASE + 95000})

        edit(copied / "messages.json", change)
        (before,), (after,) = (r.of("handoff", "3-1209") for r in (reading, self.read(copied)))
        assert after["handoff_id"] == before["handoff_id"]
        assert after["revision"] > before["revision"]
        assert after["accepted_at"] == (BASE + 95000) * US

    def test_claims_keep_the_vendors_words(self, reading: Reading) -> None:
        found = sorted((e["thread_id"], e["raw_value"], e["claimed"]) for e in reading.of("claim"))
        assert found == [
            ("3-1204", "conversation_bot_resolved", "resolved_assumed"),
            ("3-1204", "conversation_bot_resolved", "resolved_assumed"),
            ("3-1205", "conversation_bot_handoff", "escalated"),
            ("3-1205", "outcome:handoff_at", None),
            ("3-1206", "conversation_bot_resolved", "resolved_assumed"),
        ]
        assert reading.noted("claim_unknown") == {"chatwoot: outcome:handoff_at": 1}

    def test_one_survey_per_conversation(self, reading: Reading) -> None:
        surveys = reading.of("survey", "3-1204")
        assert {e["survey_id"] for e in surveys} == {"3-1204:csat"}
        last = max(surveys, key=lambda e: e["revision"])
        assert (last["score"], last["scale_min"], last["scale_max"]) == (4.0, 1.0, 5.0)
        assert last["asked_at"] == (BASE + 401) * US
        (other,) = reading.of("survey", "3-1205")
        assert (other["score"], other["asked_at"]) == (1.0, None)

    def test_an_unanswered_offer_has_no_score(self, copied: Path) -> None:
        edit(copied / "csat.json", lambda whole: whole.pop(0))
        edit(copied / "messages.json", lambda whole: whole["payload"][6].pop("content_attributes"))
        (offer,) = self.read(copied).of("survey", "3-1204")
        assert (offer["score"], offer["answered_at"]) == (None, None)
        assert offer["asked_at"] == (BASE + 401) * US

    def test_actors(self, reading: Reading) -> None:
        actors = {e["message_id"]: e["actor"] for e in reading.of("message")}
        assert actors["90302"] == "ai_agent"  # Captain::Assistant
        assert actors["90217"] == "system"  # template
        assert actors["90601"] == "system"  # a rule of the account
        assert actors["90604"] == "customer"  # webhook, with words instead of numbers

    def test_an_unknown_sender_is_counted(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["payload"][19]["content_attributes"] = {}

        edit(copied / "messages.json", change)
        found = self.read(copied)
        assert found.noted("actor_unknown") == {"sender without type of an outgoing message": 1}
        (message,) = [e for e in found.of("message") if e["message_id"] == "90601"]
        assert message["actor"] is None

    def test_deleted_words_are_gone(self, reading: Reading) -> None:
        (message,) = [e for e in reading.of("message") if e["message_id"] == "90603"]
        assert (message["text"], message["extra"]) == (None, {"is_redacted": True})

    def test_clocks_land_on_the_same_instant(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["payload"][0]["created_at"] = "2026-04-02T10:05:00+02:00"
            whole["payload"][3]["created_at"] = "2026-04-02 08:05:50"

        edit(copied / "messages.json", change)
        at = {e["message_id"]: e["occurred_at"] for e in self.read(copied).of("message")}
        assert at["90211"] == (BASE + 100) * US
        assert at["90214"] == (BASE + 150) * US

    def test_a_conversation_without_created_at_began_with_its_first_message(
        self, copied: Path
    ) -> None:
        def change(whole: Any) -> None:
            del whole["data"]["payload"][0]["created_at"]

        edit(copied / "conversations.json", change)
        (found,) = self.read(copied).of("conversation", "3-1204")
        assert found["started_at"] == (BASE + 100) * US

    def test_database_ids_are_never_taken_for_numbers(self, tmp_path: Path) -> None:
        conversation = {"id": 88, "display_id": 5, "account_id": 3, "inbox_id": 7}
        conversation |= {"status": 2, "created_at": "2026-04-01 00:00:00.5"}
        message = {"id": 1, "conversation_id": 88, "message_type": 0, "content": "x"}
        message |= {"content_type": 0, "account_id": 3, "created_at": "2026-04-01 00:00:01"}
        rows = "".join(json.dumps(row) + "\n" for row in (conversation, message))
        (tmp_path / "dump.jsonl").write_text(rows, "utf-8")
        with pytest.raises(RecordRefused, match="display_id"):
            self.read(tmp_path)
        found = self.read(tmp_path, ids="database")
        assert {e["thread_id"] for e in found.events} == {"3-5"}
        assert [e["to_state"] for e in found.of("state_change")] == ["pending"]
        assert found.of("conversation")[0]["started_at"] == 1_775_001_600_500_000

    def test_an_error_answer_is_not_an_empty_export(self, tmp_path: Path) -> None:
        (tmp_path / "page.json").write_text('{"error": "Invalid token"}', "utf-8")
        with pytest.raises(FileRefused, match="not available"):
            list(get("chatwoot").records(tmp_path / "page.json", self.options()))

    def test_a_broken_message_does_not_sink_its_conversation(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["data"]["payload"][4]["messages"][0]["created_at"] = "yesterday"

        edit(copied / "conversations.json", change)
        found = self.read(copied)
        assert [r.code for r in found.refused] == ["TS_UNPARSED"]
        assert {e["message_id"] for e in found.of("message", "3-1208")} == {"90802", "90803"}

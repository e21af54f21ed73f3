"""The Intercom connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.errors import CandorError
from candor.sources.base import FileRefused
from candor.sources.instants import iso
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading, edit

BASE = 1_772_612_400
US = 1_000_000


class TestIntercom(Conformance):
    name = "intercom"
    folder = "intercom"
    settings: ClassVar[dict[str, Any]] = {"api_version": "2.15"}
    record_keys = ("conversations", "data")
    test_threads = ("880501",)
    not_assessed = ("880502", "880505", "880507")
    inactive = ("880500",)
    reopened = ("880417",)
    bot_seat = "31"
    links: ClassVar[set[tuple[str, str, str]]] = {
        ("880417", "51880", "same_issue"),
        ("880505", "880504", "transferred"),
    }
    in_order: ClassVar[list[str]] = ["880417:1", "880417:2"]
    optional_keys = frozenset(
        [
            "ai_agent",
            "conversation_rating",
            "scorecards",
            "monitor_evaluations",
            "custom_attributes",
            "statistics",
            "channel",
            "external_references",
            "from_ai_agent",
            "is_ai_answer",
            "total_count",
            "state",
        ]
    )
    lost_without_optional = frozenset({"claim", "assessment"})
    # A custom action that never finished has no status, which storage still requires.
    known_problems: ClassVar[set[tuple[str, str]]] = {("action", "status")}

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        def change(whole: Any) -> None:
            whole["conversations"][0]["ai_agent"]["resolution_state"] = "transcended"

        edit(folder / "conversations.json", change)
        return "claim_unknown", "transcended"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            first = json.loads(json.dumps(whole["conversations"][1]))
            first["updated_at"] += 500
            first["ai_agent"]["resolution_state"] = "confirmed_resolution"
            whole["conversations"].insert(0, first)

        edit(folder / "conversations.json", change)
        return "claim", "880500:resolution_state", "claimed", "resolved_confirmed"

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["conversations"][1]["source"]["body"] = text

        edit(folder / "conversations.json", change)
        return "880500:source"

    def test_ic_1_both_vocabularies(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            states = ("routed_to_team", "abandoned", "confirmed_resolution")
            for conversation, state in zip(whole["conversations"], states, strict=False):
                conversation["ai_agent"]["resolution_state"] = state

        edit(copied / "conversations.json", change)
        threads = ("880417", "880500", "880501")

        def claims(found: Reading) -> list[str | None]:
            return [found.of("claim", thread)[0]["claimed"] for thread in threads]

        assert claims(self.read(copied, api_version="2.14")) == [
            "escalated",
            "abandoned",
            "resolved_confirmed",
        ]
        newer = self.read(copied, api_version="2.15")
        assert claims(newer) == [None, None, "resolved_confirmed"]
        assert set(newer.noted("claim_unknown")) == {
            "intercom: routed_to_team (version 2.15)",
            "intercom: abandoned (version 2.15)",
        }

    def test_ic_1_mixed_versions_break_the_series(self, reading: Reading, copied: Path) -> None:
        (copied / "old.json").write_text(
            (copied / "conversations.json").read_text("utf-8"), "utf-8"
        )
        found = self.read(copied, api_version={"old*": "2.14", "*": "2.16"})
        assert list(found.noted("series_break")) == [
            "claims before and from API version 2.15 do not form one series"
        ]
        assert reading.noted("series_break") == {}

    def test_ic_1_version_must_be_given(self) -> None:
        options = self.options()
        with pytest.raises(CandorError) as error:
            get("intercom").files([self.path], type(options)("x", settings={}))
        assert error.value.code == "source.setting"
        assert "api_version" in error.value.problems[0].where

    def test_ic_2_rating_times_are_not_the_claims(self, reading: Reading) -> None:
        (claim,) = reading.of("claim", "880417")
        assert claim["occurred_at"] == (BASE + 27611) * US
        assert claim["extra"]["changed_between"] == [iso((BASE + 2) * US), iso((BASE + 27611) * US)]
        (rating,) = [e for e in reading.of("survey", "880417") if e["about"] == "ai_agent"]
        assert (rating["score"], rating["answered_at"]) == (2.0, (BASE + 580) * US)

    def test_ic_3_truncated_threads_are_flagged(self, reading: Reading) -> None:
        (conversation,) = reading.of("conversation", "880506")
        assert conversation["attributes"] == {"is_truncated": True, "ai_agent_participated": True}
        assert conversation["extra"]["missing_parts"] == 611
        assert list(reading.noted("thread_truncated")) == [
            "conversation 880506: 611 parts are not in the export"
        ]
        (state,) = reading.of("state_change", "880506")
        assert state["from_state"] is None

    def test_ic_4_rating_is_asked_before_it_is_answered(self, reading: Reading) -> None:
        (rated,) = [e for e in reading.of("survey", "880417") if e["about"] == "human_agent"]
        assert rated["answered_at"] - rated["asked_at"] == 300 * US
        (asked,) = reading.of("survey", "880500")
        assert (asked["asked_at"], asked["answered_at"]) == ((BASE + 80100) * US, None)
        assert asked["score"] is None

    def test_ic_5_monitors_are_flags_not_a_sample(self, reading: Reading) -> None:
        (flag,) = [e for e in reading.of("assessment") if e["assessor_id"] == "intercom_monitor"]
        assert flag["sampling_probability"] is None
        assert flag["extra"] == {"is_flagged_only": True}

    def test_ic_6_initial_channel_is_kept(self, reading: Reading) -> None:
        (conversation,) = reading.of("conversation", "880417")
        assert conversation["channel"] == "messaging"
        assert conversation["extra"]["channel_current"] == "email"
        assert conversation["extra"]["changed_between"] == [
            iso((BASE + 2) * US),
            iso((BASE + 27611) * US),
        ]

    def test_ic_6_a_state_without_a_part_is_dated_to_an_interval(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["conversations"][1]["conversation_parts"]["conversation_parts"].pop()

        edit(copied / "conversations.json", change)
        (state,) = self.read(copied).of("state_change", "880500")
        assert (state["to_state"], state["actor"], state["reason"]) == ("closed", None, None)
        assert state["extra"]["changed_between"] == [
            iso((BASE + 40020) * US),
            iso((BASE + 90000) * US),
        ]

    def test_ic_7_office_hour_statistics_stay_in_extra(self, reading: Reading) -> None:
        (conversation,) = reading.of("conversation", "880417")
        assert conversation["extra"]["statistics"]["time_to_admin_reply"] == 120
        assert "due_first_response_at" not in conversation

    def test_ic_8_escalation_into_a_new_conversation(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", "880504")
        assert handoff["is_failed"] is False
        assert handoff["accepted_at"] == (BASE + 45000) * US
        assert handoff["extra"] == {"continued_in": "880505"}
        assert ("880505", "880504", "transferred") in {
            (e["from_thread_id"], e["to_thread_id"], e["kind"]) for e in reading.of("link")
        }

    def test_ic_9_complete_does_not_close(self, reading: Reading) -> None:
        assert not reading.of("state_change", "880601")
        (escalated,) = reading.of("handoff", "880600")
        assert (escalated["is_failed"], escalated["reason"]) == (True, "customer_request")
        assert escalated["occurred_at"] == 1772704800250000
        (planned,) = reading.of("handoff", "880503")
        assert (planned["is_failed"], planned["is_planned"]) == (True, True)
        assert planned["reason"] == "planned_procedure"

    def test_ic_10_actor_from_the_part(self, reading: Reading) -> None:
        (close,) = reading.of("state_change", "880502")
        assert (close["actor"], close["reason"]) == (None, None)
        assert reading.noted("actor_unknown") == {"author of type admin": 1}
        (by_person,) = [
            e for e in reading.of("state_change", "880417") if e["to_state"] == "closed"
        ]
        assert by_person["actor_id"] == "31"  # last_closed_by_id says 999

    def test_ic_10_an_app_behind_a_seat(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            parts = whole["conversations"][0]["conversation_parts"]["conversation_parts"]
            parts[5]["app_package_code"] = "auto-closer"

        edit(copied / "conversations.json", change)
        closes = list(self.read(copied).of("state_change", "880417"))
        assert (closes[0]["actor"], closes[0]["reason"]) == ("system", "automation")

    def test_ic_11_report_rows_are_no_denominator(self, tmp_path: Path) -> None:
        row = {"conversation_id": "1", "conversation.state": "closed"}
        (tmp_path / "report.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
        with pytest.raises(FileRefused, match="without a reply of the customer"):
            self.read(tmp_path, api_version="2.14")
        with pytest.raises(FileRefused) as newer:
            self.read(tmp_path, api_version="2.16")
        assert "without a reply" not in newer.value.what

    def test_the_opening_message_is_not_a_part(self, reading: Reading) -> None:
        first = reading.of("message", "880417")[0]
        assert (first["message_id"], first["text"], first["actor"]) == (
            "880417:source",
            "My tent pole snapped",
            "customer",
        )

    def test_kinds_of_ai_text(self, reading: Reading) -> None:
        kinds = {e["message_id"]: e["kind"] for e in reading.of("message")}
        assert kinds["880417:1"] == "answer"
        assert kinds["880500:11"] == "custom_answer"
        assert kinds["880500:12"] is None
        assert kinds["880417:5"] == "note"
        asked = self.read(self.path, ai_text_kind="question_mark")
        assert {e["message_id"]: e["kind"] for e in asked.of("message")}["880500:12"] == (
            "clarification"
        )

    def test_knowledge_rides_on_the_last_answer(self, reading: Reading) -> None:
        answer = {e["message_id"]: e for e in reading.of("message")}["880417:1"]
        assert answer["knowledge_ids"] == ["https://help.kanu.example/poles"]
        assert answer["text"].endswith("See Poles (https://help.kanu.example/poles)")

    def test_bots_below_2_14_are_unknown(self, copied: Path) -> None:
        text = (copied / "conversations.json").read_text("utf-8")
        (copied / "conversations.json").write_text(text.replace('"from_ai_agent"', '"zz"'), "utf-8")
        found = self.read(copied, api_version="2.13")
        actors = {e["message_id"]: e["actor"] for e in found.of("message")}
        assert actors["880417:1"] is None
        declared = self.read(copied, ai=frozenset({"9"}), api_version="2.13")
        assert {e["message_id"]: e["actor"] for e in declared.of("message")}[
            "880417:1"
        ] == "ai_agent"

    def test_handoff_after_the_answer(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", "880417")
        assert handoff["to_queue"] == "77"
        assert handoff["accepted_at"] - handoff["occurred_at"] == 301 * US

    def test_people_alone_are_no_handoff(self, reading: Reading) -> None:
        assert len(reading.of("message", "880502")) == 2
        assert not reading.of("handoff", "880502")
        assert {e["thread_id"] for e in reading.of("handoff")} == {
            "880417",
            "880503",
            "880504",
            "880600",
        }

    def test_actions_pair_by_name(self, reading: Reading) -> None:
        actions = {
            e["name"]: (e["status"], e.get("duration_ms")) for e in reading.of("action", "880503")
        }
        assert actions == {
            "refund": ("succeeded", 4000),
            "mail": (None, None),
            "Order lookup": ("succeeded", None),
        }

    def test_scorecard_pairs(self, reading: Reading) -> None:
        found = {
            (e["assessor_kind"], e["criterion"], e.get("label"), e.get("value"))
            for e in reading.of("assessment")
            if e.get("rubric") == "sc-1"
        }
        assert found == {
            ("human", "overall", None, 80.0),
            ("vendor", "overall", None, 90.0),
            ("vendor", "e-1", "pass", None),
            ("human", "e-1", "fail", None),
        }

    def test_deleted_conversations_are_erasures(self, reading: Reading) -> None:
        (erasure,) = reading.of("erasure")
        assert (erasure["subject_kind"], erasure["subject_id"]) == ("thread", "880999")

    def test_redacted_part_has_no_text(self, reading: Reading) -> None:
        part = {e["message_id"]: e for e in reading.of("message")}["880507:81"]
        assert part["text"] is None
        assert part["extra"] == {"is_redacted": True, "part_type": "comment"}

    def test_unknown_part_types_are_not_public(self, reading: Reading) -> None:
        part = {e["message_id"]: e for e in reading.of("message")}["880507:83"]
        assert part["is_public"] is False
        assert reading.noted("part_type_unknown") == {"hologram": 1}

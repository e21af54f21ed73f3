"""The Zendesk connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.sources.base import FileRefused
from candor.sources.registry import get
from candor.sources.zendesk import kinds
from sources_vendors.conformance import Conformance, Reading, edit


class TestZendesk(Conformance):
    name = "zendesk"
    folder = "zendesk"
    record_keys = tuple(kinds.ENVELOPES)
    test_threads = ("51889",)
    not_assessed = ("51886", "51889", "51902")
    inactive = ("51886",)
    reopened = ("51880",)
    bot_seat = "502"
    links: ClassVar[set[tuple[str, str, str]]] = {
        ("51902", "51881", "followup"),
        ("51887", "51888", "parent"),
        ("51883", "51884", "merged"),
    }
    in_order: ClassVar[list[str]] = ["comment:7709120", "log:01A3"]
    optional_keys = frozenset(
        [
            "automated_resolution",
            "automated_resolution_reasoning",
            "last_resolution",
            "test_mode",
            "autoqaRatingId",
            "scorecard",
            "causes",
            "weight",
            "via",
            "metadata",
            "original_message",
        ]
    )
    lost_without_optional = frozenset({"claim"})

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        def change(whole: Any) -> None:
            whole["tickets"][1]["via"]["channel"] = "carrier_pigeon"

        edit(folder / "tickets.json", change)
        return "conversation.channel", "carrier_pigeon"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            later = {**whole["tickets"][0], "priority": "urgent", "generated_timestamp": 1772800000}
            whole["tickets"].insert(0, later)

        edit(folder / "tickets.json", change)
        return "conversation", "51880", "priority", "urgent"

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["comments"][0]["html_body"] = text

        edit(folder / "comments_51885.json", change)
        return "comment:9000"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def test_zd_1_the_bot_has_three_faces(self, reading: Reading) -> None:
        actors = {e["message_id"]: e["actor"] for e in reading.of("message")}
        assert actors["comment:7709120"] == "ai_agent"  # bot in the log
        assert actors["log:01A3"] == "ai_agent"  # system zd:answerBot
        assert actors["chat:ce-2"] == "ai_agent"  # agent:505 inside original_message
        assert actors["chat:ce-1"] == "customer"

    def test_zd_2_a_bot_behind_a_seat_is_named(self, reading: Reading) -> None:
        assert reading.noted("actor_maybe_ai") == {
            "seat 502 answers in 3 s (median of 4 replies)": 4
        }
        declared = self.read(self.path, ai=frozenset({"502"}))
        assert declared.noted("actor_maybe_ai") == {}
        assert {e["actor"] for e in declared.of("message", "51885")} == {"customer", "ai_agent"}

    def test_zd_3_reopened_is_seen_at_once(self, reading: Reading) -> None:
        changes = sorted(reading.of("state_change", "51880"), key=lambda e: e["occurred_at"])
        assert [(e["from_state"], e["to_state"]) for e in changes] == [
            (None, "open"),
            ("open", "solved"),
            ("solved", "open"),
        ]
        ticket = reading.of("conversation", "51880")[-1]
        assert ticket["extra"]["vendor_metrics"]["reopens"] == 0

    def test_zd_4_follow_up_ticket_is_linked(self, reading: Reading) -> None:
        found = [e for e in reading.of("link") if e["kind"] == "followup"]
        assert len(found) == 2  # told by both tickets
        assert {(e["from_thread_id"], e["to_thread_id"]) for e in found} == {("51902", "51881")}

    def test_zd_5_merged_is_no_resolution(self, reading: Reading) -> None:
        (change,) = reading.of("state_change", "51883")
        assert (change["to_state"], change["reason"]) == ("closed", "merged")
        assert not reading.of("confirmation")

    def test_zd_6_generated_timestamp_moves_alone(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["tickets"].append({**whole["tickets"][0], "generated_timestamp": 1772709999})

        before = self.read(copied).of("conversation", "51880")
        edit(copied / "tickets.json", change)
        after = self.read(copied).of("conversation", "51880")
        tickets = [e for e in after if e["revision"] > 0]
        assert [e["revision"] for e in tickets] == [1772704800, 1772709999]
        without = [{k: v for k, v in e.items() if k != "revision"} for e in tickets]
        assert without[0] == without[1]
        assert len(after) == len(before) + 1

    def test_zd_7_pages_that_repeat_rows(self, reading: Reading, copied: Path) -> None:
        page = copied / "ticket_events.jsonl"
        lines = page.read_text("utf-8").splitlines(keepends=True)
        (copied / "ticket_events_2.jsonl").write_text("".join(lines[-2:]), "utf-8")
        again = self.read(copied)
        assert again.facts() == reading.facts()
        assert len(again.events) == len(reading.events) + 3

    def test_zd_8_two_surveys_around_a_switch(self, reading: Reading) -> None:
        surveys = reading.of("survey")
        assert {e["version"] for e in surveys} == {"zendesk-satisfaction-rating", "sv-9@2"}
        offers = {e["survey_id"] for e in surveys}
        assert len(offers) == 3  # 51880 offered and answered is one
        answered = [e for e in surveys if e["answered_at"] is not None]
        assert {(e["thread_id"], e["score"], e["scale_max"]) for e in answered} == {
            ("51880", 0.0, 1.0),
            ("51881", 4.0, 5.0),
        }
        latest = max((e for e in surveys if e["thread_id"] == "51880"), key=lambda e: e["revision"])
        assert latest["score"] == 0.0
        assert latest["asked_at"] == 1772614800000000
        assert {e["about"] for e in surveys} == {None}

    def test_zd_9_unevaluated_rows_are_no_scores(self, reading: Reading, copied: Path) -> None:
        vendor = [e for e in reading.of("assessment") if e["assessor_kind"] == "vendor"]
        assert [(e["criterion"], e["value"]) for e in vendor] == [("Tone", 75.0)]
        assert reading.noted("skipped")["autoqa_rating that means no event"] == 1
        answer = copied / "autoqa_reviews.json"
        answer.write_text(json.dumps({"status": 404, "error": "NotFound"}), "utf-8")
        with pytest.raises(FileRefused, match="not available") as refused:
            list(get("zendesk").records(answer, self.options()))
        assert "unavailable is not zero" in refused.value.fix

    def test_zd_10_missing_is_reported_not_erased(self, copied: Path) -> None:
        whole = json.loads((copied / "tickets.json").read_text("utf-8"))
        for number, dropped in ((2, {51886, 51890}), (3, {51886, 51890})):
            page = copy.deepcopy(whole)
            page["tickets"] = [t for t in page["tickets"] if t["id"] not in dropped]
            (copied / f"tickets_{number}.json").write_text(json.dumps(page), "utf-8")
        lists = ["tickets.json", "tickets_2.json", "tickets_3.json"]
        found = self.read(copied, full_lists=lists)
        assert list(found.noted("thread_missing")) == [
            "ticket 51886 is in neither of the last two full lists"
        ]
        assert [e["subject_id"] for e in found.of("erasure")] == ["51890"]

    def test_zd_11_missing_export_days_are_named(self, reading: Reading) -> None:
        assert list(reading.noted("coverage_gap")) == ["bot b-71: no export of 2026-03-05"]

    def test_handoff_after_the_bot_spoke(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", "51880")
        assert handoff["to_queue"] == "360"
        assert handoff["occurred_at"] // 1_000_000 == 1772611950
        assert handoff["accepted_at"] == 1772612400000000
        assert handoff["is_failed"] is False
        assert not reading.of("handoff", "51881")  # never had a bot

    def test_a_second_assignment_among_people_is_no_handoff(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            event = {"id": 7719101, "type": "Change", "field_name": "assignee_id", "value": "503"}
            audit = {**whole["audits"][0], "id": 7719100, "events": [event]}
            whole["audits"].append({**audit, "created_at": "2026-03-04T08:25:00Z"})

        edit(copied / "audits.json", change)
        assert [e["handoff_id"] for e in self.read(copied).of("handoff", "51880")] == ["7709152"]

    def test_nobody_came(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["events"] = [e for e in whole["events"] if e["author"]["type"] != "agent"]

        edit(copied / "conversation_log_51880.json", change)
        (handoff,) = self.read(copied).of("handoff", "51880")
        assert handoff["is_failed"] is True
        assert handoff["accepted_at"] is None

    def test_claim_only_where_the_vendor_looked(self, reading: Reading) -> None:
        found = {(e["thread_id"], e["raw_value"], e["claimed"]) for e in reading.of("claim")}
        assert found == {("51880", "false", "none"), ("sunco-5", "true", "resolved_assumed")}

    def test_the_ticket_outranks_its_stand_in(self, reading: Reading) -> None:
        rows = sorted(reading.of("conversation", "51880"), key=lambda e: e["revision"])
        assert [e["revision"] for e in rows] == [0, 1772704800]
        assert rows[-1]["ai_agent_id"] == "b-71"
        assert rows[-1]["due_first_response_at"] == (1772611821 + 3600) * 1_000_000

    def test_quoted_history_is_split_off(self, reading: Reading) -> None:
        texts = {e["message_id"]: e for e in reading.of("message")}
        assert texts["comment:7711001"]["text"] == "My paddle is bent."
        assert "Thank you for your order" in texts["comment:7711001"]["extra"]["quoted"]
        assert texts["comment:7710061"]["text"] == "Still not here!"
        assert texts["comment:7710061"]["extra"]["quoted"] == "it left today"

    def test_redaction_takes_the_text(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            event = {"id": 7719001, "type": "CommentRedactionEvent", "comment_id": 9000}
            audit = {**whole["audits"][0], "id": 7719000, "ticket_id": 51885, "events": [event]}
            whole["audits"].append({**audit, "created_at": "2026-03-08T00:00:00Z"})

        edit(copied / "audits.json", change)
        (message,) = [
            e for e in self.read(copied).of("message") if e["message_id"] == "comment:9000"
        ]
        assert message["text"] is None
        assert message["revision"] == 1772928000
        assert message["extra"] == {"is_redacted": True}

    def test_unknown_author_is_counted(self, copied: Path) -> None:
        (copied / "users.json").unlink()
        (copied / "tickets.json").unlink()
        found = self.read(copied)
        assert {e["actor"] for e in found.of("message", "51885")} == {None}
        assert found.noted("actor_unknown")["author 502"] == 4

    def test_scale_is_never_guessed(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            del whole["survey_responses"][0]["answers"][0]["question"]["options"]

        edit(copied / "survey_responses.json", change)
        found = self.read(copied)
        assert [(r.field_name, r.preview) for r in found.refused] == [("survey_version", "sv-9@2")]
        given = self.read(copied, survey_scales={"sv-9@2": [1, 5]})
        assert not given.refused

    def test_page_names_its_ticket(self, tmp_path: Path) -> None:
        comment = {"id": 1, "author_id": 5, "body": "x", "public": True}
        page = {"ticket_id": 77, "comments": [{**comment, "created_at": "2026-03-01T00:00:00Z"}]}
        (tmp_path / "page.json").write_text(json.dumps(page), "utf-8")
        (message,) = self.read(tmp_path).events
        assert message["thread_id"] == "77"

    def test_loader_wrapping_is_undone(self, reading: Reading, copied: Path) -> None:
        def wrap(path: Path) -> None:
            lines = path.read_text("utf-8").splitlines()
            path.write_text(
                "".join(
                    json.dumps({"_airbyte_data": json.loads(line), "_airbyte_ab_id": "1"}) + "\n"
                    for line in lines
                ),
                "utf-8",
            )

        wrap(copied / "ticket_events.jsonl")
        assert self.read(copied).facts() == reading.facts()

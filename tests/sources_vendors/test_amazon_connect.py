"""The Amazon Connect connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.errors import CandorError
from candor.events.reasons import ReasonCode
from candor.sources.amazon_connect import kinds
from candor.sources.amazon_connect.context import Export, root_of
from candor.sources.base import RecordRefused
from candor.sources.instants import of_iso
from candor.sources.registry import get
from sources_vendors.conformance import FIXTURES, Conformance, Reading, edit, pruned

CHAT = "Analysis/Chat/2026/07/01/a7c1-01_analysis_2026-07-01T10_05_50Z.json"
BOT = "Analysis/Chat/2026/07/01/d400-01_analysis_2026-07-01T13_00_00Z.json"
CALL = "Analysis/Voice/2026/07/01/b200-01_analysis_2026-07-01T11_00_30Z.json"
REDACTED = "Analysis/Voice/Redacted/2026/07/01/b200-01_analysis_redacted_2026-07-01T11_00_30Z.json"


def at(clock: str) -> int:
    return of_iso(f"2026-07-01T{clock}Z", "test")


def change_contact(folder: Path, identity: str, **fields: Any) -> None:
    path = folder / "contacts.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        if row["ContactId"] == identity:
            row.update(fields)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


class TestAmazonConnect(Conformance):
    name = "amazon_connect"
    folder = "amazon_connect"
    settings: ClassVar[dict[str, Any]] = {"test_attribute": "preview"}
    record_keys = ("spans",)
    test_threads = ("e500-01",)
    not_assessed = ("e500-01",)
    bot_seat = "pt-ag7"
    in_order: ClassVar[list[str]] = ["m1", "m2"]
    links: ClassVar[set[tuple[str, str, str]]] = {
        ("a7c1-02", "a7c1-01", "transferred"),
        ("b200-01", "case-5", "parent"),
        ("e500-01", "b200-01", "same_issue"),
    }
    optional_keys = frozenset(
        [
            "AiAgentEscalated",
            "AiAgents",
            "Cases",
            "ConversationCharacteristics",
            "CustomerEndpoint",
            "DisconnectReason",
            "JobDetails",
            "MatchedCategories",
            "RelatedContactId",
            "Sentiment",
            "SegmentAttributes",
            "guardrailAssessments",
            "usageInputTokens",
            "usageOutputTokens",
            "Evaluation",
        ]
    )
    lost_without_optional = frozenset({"claim", "assessment", "guardrail", "cost"})

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        change_contact(folder, "d400-01", DisconnectReason="MARS_TRANSIT")
        return "disconnect_reason_unknown", "MARS_TRANSIT"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        path = folder / "contacts.jsonl"
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        later = next(row for row in rows if row["ContactId"] == "d400-01")
        later = {**later, "LastUpdateTimestamp": "2026-07-02T00:00:00Z", "CustomerId": "cu-79"}
        path.write_text("".join(json.dumps(row) + "\n" for row in [later, *rows]), "utf-8")
        return "conversation", "d400-01", "customer_id", "cu-79"

    def test_ct_3_a_late_revision_replaces(self, copied: Path) -> None:
        # Without the file of the chat, which knows the contact at revision 0.
        (copied / BOT).unlink()
        super().test_ct_3_a_late_revision_replaces(copied)

    def set_body(self, folder: Path, text: str) -> str:
        edit(folder / CHAT, lambda whole: whole["Transcript"][1].update(Content=text))
        return "m1"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def test_ct_6_without_optional_blocks(self, copied: Path) -> None:
        (copied / "evaluations.jsonl").unlink()
        for path in (copied / "Analysis").rglob("*.json"):
            whole = json.loads(path.read_text("utf-8"))
            path.write_text(json.dumps(pruned(whole, self.optional_keys)), "utf-8")
        super().test_ct_6_without_optional_blocks(copied)

    # Traps.
    def test_ac_1_the_newest_delivery_counts(self, reading: Reading) -> None:
        found = reading.of("conversation", "a7c1-02")
        assert len(found) == 3
        revisions = Counter(e["revision"] for e in found)
        assert revisions == {at("10:25:12"): 1, at("10:20:00"): 2}
        older = [e for e in found if e["revision"] == at("10:20:00")]
        assert older[0] == older[1], "identical deliveries are duplicates"
        newest = max(found, key=lambda e: e["revision"])
        assert newest["extra"]["Attributes"]["wrap"] == "refund promised"

    def test_ac_2_contacts_of_one_call_are_tied(self, reading: Reading) -> None:
        trees = {
            e["thread_id"]: e["attributes"] for e in reading.of("conversation") if e["revision"] > 1
        }
        assert trees["a7c1-01"]["contact_tree"] == trees["a7c1-02"]["contact_tree"] == "a7c1-01"
        (first,) = reading.of("state_change", "a7c1-01")
        assert (first["reason"], first["extra"]["goes_on"]) == (None, True)

    def test_ac_3_after_call_flows_and_supervisors_are_no_contacts(self, reading: Reading) -> None:
        threads = {e["thread_id"] for e in reading.of("conversation")}
        assert threads == {
            "a7c1-01",
            "a7c1-02",
            "b200-01",
            "c300-01",
            "d400-01",
            "e500-01",
            "g700-01",
        }
        assert reading.noted("skipped") == {
            "DISCONNECT: the flow after a contact": 1,
            "MONITOR: a supervisor listening": 1,
            "TASK: work without a customer": 1,
            "evaluation DRAFT: nobody's verdict yet": 1,
        }

    def test_ac_4_skipped_analysis_is_an_abstention(self, reading: Reading) -> None:
        (left_out,) = reading.of("assessment", "g700-01")
        assert left_out["criterion"] == "analysis:categorization"
        assert (left_out.get("label"), left_out.get("value")) == (None, None)
        assert left_out["explanation"] == "QUOTA_EXCEEDED"
        assert reading.noted("analysis_skipped") == {"CATEGORIZATION: QUOTA_EXCEEDED": 1}

    def test_ac_5_absent_sentiment_is_not_neutral(self, reading: Reading) -> None:
        scores = {
            (e["thread_id"], e["criterion"]): e["value"]
            for e in reading.of("assessment")
            if e["criterion"].startswith("sentiment")
        }
        assert scores == {
            ("b200-01", "sentiment:agent"): 1.5,
            ("b200-01", "sentiment:customer"): -2.5,
            ("a7c1-01", "sentiment:agent"): 2.5,
            ("a7c1-01", "sentiment:customer"): -1.7,
            ("a7c1-01", "sentiment:customer:with_agent"): 1.0,
            ("a7c1-01", "sentiment:customer:without_agent"): -3.3,
        }
        emotions = {e["message_id"]: e["emotion"] for e in reading.of("message")}
        assert (emotions["k1"], emotions["m1"]) == (None, "NEGATIVE")

    def test_ac_6_stream_and_interface_give_the_same_events(self, reading: Reading) -> None:
        answer = self.read(FIXTURES / "amazon_connect_api")
        wanted = [event for event in reading.events if event.get("revision") == at("10:25:12")]

        def plain(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            left_out = {"extra", "api_version"}
            return [{k: v for k, v in e.items() if k not in left_out} for e in events]

        assert plain(answer.events) == plain(wanted)
        assert {e["type"] for e in answer.events} == {
            "conversation",
            "link",
            "handoff",
            "state_change",
        }

    def test_ac_7_drafts_and_calibration_stay_out_of_quality(self, reading: Reading) -> None:
        human = [
            (e["criterion"], e.get("label"), e.get("value"))
            for e in reading.of("assessment")
            if e["assessor_kind"] == "human"
        ]
        assert human == [
            ("score", None, 0.8),
            ("q1", "yes", None),
            ("q2", None, 4.0),
            ("q3", None, None),
            ("calibration:score", "automatic_fail", 0.2),
            ("calibration:q1", "no", None),
        ]
        assert reading.noted("calibration") == {"evaluations kept apart from quality": 1}
        first = next(e for e in reading.of("assessment") if e["criterion"] == "q1")
        assert (first["assessor_id"], first["assessor_version"], first["rubric"]) == (
            "qa-1",
            "3",
            "form-1",
        )
        assert first["extra"] == {"SamplingJobId": "sj-1"}
        assert first["explanation"] == "greeted by name"
        assert first["occurred_at"] == 1_782_914_400_250_000

    def test_ac_7_suggestions_are_the_vendors(self, reading: Reading) -> None:
        suggested = [
            (e["criterion"], e.get("label"), e.get("value"))
            for e in reading.of("assessment")
            if e["assessment_id"].startswith("ev-") and e["assessor_kind"] == "vendor"
        ]
        assert suggested == [("q1", "no", None), ("q2", None, 5.0)]

    # Calls.
    def test_speech_has_its_times(self, reading: Reading) -> None:
        turns = [e for e in reading.of("message", "b200-01") if e["revision"] == 0]
        assert [(e["actor"], e["speech_start_ms"], e["speech_end_ms"]) for e in turns] == [
            ("human_agent", 0, 3000),
            ("customer", 4100, 9500),
            ("human_agent", 9000, 14000),
            ("customer", 19000, 21000),
        ]
        assert turns[1]["occurred_at"] == at("11:00:30") + 4_100_000
        assert {e["actor_id"] for e in turns} == {None}
        assert {e["language"] for e in turns} == {"de-DE"}

    def test_the_vendors_own_counts_stay_beside_ours(self, reading: Reading) -> None:
        found = {
            e["criterion"]: e for e in reading.of("assessment", "b200-01") if not e["revision"]
        }
        assert (found["interruptions"]["value"], found["non_talk_ms"]["value"]) == (1.0, 5000.0)
        assert found["category:Meter reading"]["assessor_kind"] == "code"
        assert found["summary"]["explanation"].startswith("Meter shows zero")

    def test_of_raw_and_redacted_the_redacted_counts(self, reading: Reading) -> None:
        texts = {e["revision"]: e["text"] for e in reading.of("message") if e["message_id"] == "v2"}
        assert texts == {
            0: "My meter shows zero and I was billed.",
            1: "My meter shows zero and [PII] was billed.",
        }

    def test_a_renamed_file_asks_the_contact_record(self, copied: Path) -> None:
        (copied / CALL).rename(copied / "call.json")
        (copied / REDACTED).unlink()
        turn = next(e for e in self.read(copied).of("message") if e["message_id"] == "v1")
        assert turn["occurred_at"] == at("11:00:30"), "when the agent was connected"
        (copied / "contacts.jsonl").unlink()
        refused = self.read_refused(copied)
        assert [(r.code, r.field_name) for r in refused] == [(ReasonCode.TS_UNPARSED, "file name")]

    def read_refused(self, folder: Path) -> list[RecordRefused]:
        source, options, found = get(self.name), self.options(), []
        for path in source.files([folder / "call.json"], options):
            for record in source.records(path, options):
                with pytest.raises(RecordRefused) as refused:
                    list(source.events(record.value, options, Reading().notes))
                found.append(refused.value)
        return found

    @pytest.mark.parametrize(
        ("name", "contact", "began"),
        [
            ("c-1_analysis_2020-02-04T21:14:16Z.json", "c-1", "2020-02-04T21:14:16Z"),
            ("c-1_analysis_redacted_2020-02-04T21_14_16Z.json", "c-1", "2020-02-04T21:14:16Z"),
            ("c-1_analysis_20260310T22:35_UTC.json", "c-1", "2026-03-10T22:35:00Z"),
            ("c-1_analysis_2026-13-40T21:14:16Z.json", "c-1", None),
            ("notes.json", None, None),
        ],
    )
    def test_names_of_files(self, name: str, contact: str | None, began: str | None) -> None:
        instant = None if began is None else of_iso(began, "test")
        assert kinds.clue_of(Path(name)) == kinds.Clue(contact, instant)

    # Chats.
    def test_machines_are_ai_agents_where_one_is_on_the_contact(
        self, reading: Reading, copied: Path
    ) -> None:
        actors = {e["message_id"]: e["actor"] for e in reading.of("message", "a7c1-01")}
        assert actors == {
            "m1": "customer",
            "m2": "ai_agent",
            "m3": "ai_agent",
            "m4": "human_agent",
            "m5": "customer",
        }
        change_contact(copied, "a7c1-01", WisdomInfo={})
        plain = {e["message_id"]: e["actor"] for e in self.read(copied).of("message", "a7c1-01")}
        assert (plain["m2"], plain["m3"]) == ("system", "system")
        (copied / "contacts.jsonl").unlink()
        alone = self.read(copied)
        assert {e["message_id"]: e["actor"] for e in alone.of("message")}["m2"] is None
        assert alone.noted("contact_missing") == {
            "bot turns of contacts without a contact record": 3
        }

    def test_a_declared_system_needs_no_contact_record(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("contact records were read")

        monkeypatch.setattr(Export, "_read", refuse)
        found = self.read(self.path, system_role="system")
        assert {e["message_id"]: e["actor"] for e in found.of("message")}["m2"] == "system"

    def test_contact_records_are_read_only_for_files_that_ask(
        self, copied: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[list[str]] = []
        original = Export._read

        def counted(export: Export, files: Any) -> None:
            names = [path.name for path in files]
            read.append(names)
            original(export, [copied / name for name in names])

        monkeypatch.setattr(Export, "_read", counted)
        self.read(copied)
        # Once, for the first chat with a bot; never a file that Contact Lens wrote.
        assert read == [["contacts.jsonl", "evaluations.jsonl", "spans.json"]]

    def test_joins_are_no_messages(self, reading: Reading) -> None:
        assert "e1" not in {e["message_id"] for e in reading.of("message")}
        assert reading.noted("chat_event") == {"participant.joined": 1}

    def test_a_bad_time_does_not_sink_the_chat(self, copied: Path) -> None:
        edit(copied / CHAT, lambda whole: whole["Transcript"][1].update(AbsoluteTime="noon"))
        found = self.read(copied)
        assert [(r.code, r.field_name) for r in found.refused] == [
            (ReasonCode.TS_UNPARSED, "AbsoluteTime")
        ]
        assert {e["message_id"] for e in found.of("message", "a7c1-01")} == {"m2", "m3", "m4", "m5"}

    def test_mails_quote_and_chats_do_not(self, copied: Path) -> None:
        said = "Yes.\n> Is that all?"
        edit(copied / CHAT, lambda whole: whole["Transcript"][1].update(Content=said))
        assert {e["message_id"]: e["text"] for e in self.read(copied).of("message")}["m1"] == said
        edit(copied / CHAT, lambda whole: whole.update(Channel="EMAIL"))
        texts = {e["message_id"]: e["text"] for e in self.read(copied).of("message")}
        assert texts["m1"] == "Yes."

    def test_attachments_and_templates(self, reading: Reading) -> None:
        found = {e["message_id"]: e for e in reading.of("message", "a7c1-01")}
        assert (found["m5"]["text"], found["m5"]["extra"]["item"]) == (None, "ATTACHMENT")
        assert found["m5"]["extra"]["Attachments"][0]["AttachmentName"] == "receipt.pdf"
        assert found["m3"]["text"] == "Which order?"

    def test_answers_are_told_apart_only_as_declared(self, reading: Reading) -> None:
        assert {e["kind"] for e in reading.of("message")} == {None}
        told = self.read(self.path, ai_text_kind="question_mark").of("message", "a7c1-01")
        kinds_of = {e["message_id"]: e["kind"] for e in told}
        assert (kinds_of["m2"], kinds_of["m3"], kinds_of["m4"]) == ("answer", "clarification", None)

    # Contact records.
    def test_channels_and_who_began(self, reading: Reading) -> None:
        found = {
            e["thread_id"]: (e["channel"], e["direction"])
            for e in reading.of("conversation")
            if e["revision"] > 1
        }
        assert found == {
            "a7c1-01": ("sms", "inbound"),
            "a7c1-02": ("sms", None),
            "b200-01": ("voice", "inbound"),
            "c300-01": ("chat", "inbound"),
            "d400-01": ("messaging", "inbound"),
            "e500-01": ("voice", "proactive"),
        }

    def test_handoffs(self, reading: Reading) -> None:
        found = {
            e["handoff_id"]: (
                e["thread_id"],
                e["from_actor"],
                e["occurred_at"],
                e["accepted_at"],
                e["is_failed"],
                e["to_queue"],
            )
            for e in reading.of("handoff")
        }
        assert found == {
            "a7c1-01:taken": (
                "a7c1-01",
                "ai_agent",
                at("10:04:00"),
                at("10:05:50"),
                False,
                "q-billing",
            ),
            "a7c1-02:taken": (
                "a7c1-01",
                "human_agent",
                at("10:09:00"),
                at("10:09:50"),
                False,
                "q-billing",
            ),
            "c300-01:taken": ("c300-01", "ai_agent", at("12:01:00"), None, True, "q-billing"),
        }

    def test_endings(self, reading: Reading) -> None:
        ends = {e["thread_id"]: (e["actor"], e["reason"]) for e in reading.of("state_change")}
        assert ends == {
            "a7c1-01": ("human_agent", None),
            "a7c1-02": ("customer", None),
            "b200-01": ("customer", None),
            "c300-01": ("system", "inactivity"),
            "d400-01": ("system", "automation"),
            "e500-01": ("system", None),
        }
        # CT-14: idle customers are closed, never solved, and nothing confirms them.
        assert {e["to_state"] for e in reading.of("state_change")} == {"closed"}
        assert not reading.of("confirmation")

    def test_claims_only_of_agents_that_talk_to_the_customer(self, reading: Reading) -> None:
        found = {e["thread_id"]: (e["raw_value"], e["claimed"]) for e in reading.of("claim")}
        assert found == {
            "a7c1-01": ("true", "escalated"),
            "c300-01": ("true", "escalated"),
            "d400-01": ("false", "none"),
        }
        (call,) = [e for e in reading.of("conversation", "b200-01") if e["revision"] > 1]
        assert (call["ai_agent_id"], call["release"]) == (None, None)

    def test_customers_and_their_aliases(self, reading: Reading) -> None:
        assert {
            (e["customer_id"], e["alias_kind"], e["alias"]) for e in reading.of("identity")
        } == {("+4915112345678", "phone", "+4915112345678")}

    def test_minutes_need_a_declared_price(self, reading: Reading) -> None:
        assert not reading.of("cost")
        found = self.read(self.path, human_minute_cost="0.90", currency="EUR").of("cost")
        costs = {e["cost_id"]: (e["quantity"], str(e["amount"])) for e in found}
        assert costs["b200-01:agent"] == (2.0, "1.800000")

    # Spans.
    def test_spans(self, reading: Reading) -> None:
        actions = {e["action_id"]: e for e in reading.of("action")}
        assert {i: (e["name"], e["status"], e["duration_ms"]) for i, e in actions.items()} == {
            "sp-1": ("invoke_agent", "succeeded", 1700),
            "sp-2": ("lookup_hours", "failed", 500),
        }
        checks = [
            (e["native_result"], e["result"], e["component"]) for e in reading.of("guardrail")
        ]
        assert checks == [
            ("NONE", "pass", "OUTPUT"),
            ("GUARDRAIL_INTERVENED", "violation", "INPUT"),
        ]
        latest = max(reading.of("release"), key=lambda e: e["revision"])
        assert (latest["release"], latest["deployed_at"]) == ("desk:4", at("13:00:10.200"))

    def test_texts_that_only_spans_hold_are_messages_once(self, copied: Path) -> None:
        """Each span repeats the dialogue before it; a transcript of the contact tells it better."""

        def said(identity: str, who: str, second: int, *values: dict[str, Any]) -> dict[str, Any]:
            time = f"2026-07-01T18:00:{second:02d}Z"
            return {"messageId": identity, "participant": who, "timestamp": time, "values": values}

        def text(words: str) -> dict[str, Any]:
            return {"text": {"value": words}}

        asked = said("ma", "CUSTOMER", 1, text("Is the pool open?"))
        answer = said("mb", "BOT", 3, {"toolUse": {"name": "hours"}}, text("Until nine."))
        thanks = said("mc", "CUSTOMER", 9, text("And the <b>sauna</b>?"))
        tool = said("md", "BOT", 10, {"toolUse": {"name": "hours"}})
        last = said("me", "MARS", 12, text("Until eight."))
        spans = [
            self._span(*one)
            for one in (
                ("s-1", "h800-01", 2, [asked], [answer]),
                ("s-2", "h800-01", 9, [asked, answer, thanks], [tool]),
                ("s-3", "h800-01", 11, [asked, answer, thanks, tool], [last]),
                ("s-4", "d400-01", 11, [said("mx", "CUSTOMER", 1, text("twice?"))], []),
                ("s-5", "i900-01", 11, [said("my", "BOT", 1, text("for a person"))], [], "AGENT"),
            )
        ]
        (copied / "more.json").write_text(json.dumps({"spans": spans[::-1]}), "utf-8")
        found = self.read(copied)
        told = [e for e in found.of("message") if e["message_id"] in {"ma", "mb", "mc", "md", "me"}]
        assert [
            (e["message_id"], e["thread_id"], e["actor"], e["text"], e["release"])
            for e in sorted(told, key=lambda e: str(e["message_id"]))
        ] == [
            ("ma", "h800-01", "customer", "Is the pool open?", None),
            ("mb", "h800-01", "ai_agent", "Until nine.", "desk:4"),
            ("mc", "h800-01", "customer", "And the sauna?", None),
            ("me", "h800-01", None, "Until eight.", None),
        ]
        assert not [e for e in found.of("message") if e["message_id"] in {"mx", "my"}]
        left_out = {"left out: the contact has a transcript": 1}
        assert found.noted("span_texts") == left_out
        extra = {e["action_id"]: e["extra"]["attributes"] for e in found.of("action")}
        assert "inputMessages" not in extra["s-2"]
        assert "inputMessages" in extra["s-5"]

    @staticmethod
    def _span(
        name: str, contact: str, second: int, given: Any, back: Any, kind: str = "SELF_SERVICE"
    ) -> dict[str, Any]:
        at = f"2026-07-01T18:00:{second:02d}Z"
        about = {
            "contactId": contact, "aiAgentType": kind, "aiAgentName": "desk", "aiAgentVersion": "4",
            "operationName": "chat", "inputMessages": given, "outputMessages": back,
        }  # fmt: skip
        return {
            "spanId": name, "sessionId": "s9", "spanName": "chat", "startTimestamp": at,
            "endTimestamp": at, "status": "OK", "attributes": about,
        }  # fmt: skip

    def test_tokens_need_a_declared_price(self, reading: Reading) -> None:
        assert reading.noted("cost_unknown") == {"tokens without token_prices and currency": 1}
        prices = {"input": "0.000003", "output": "0.000015"}
        (cost,) = self.read(self.path, token_prices=prices, currency="USD").of("cost")
        assert (cost["quantity"], str(cost["amount"]), cost["currency"]) == (
            960.0,
            "0.003600",
            "USD",
        )

    def test_a_system_role_that_is_none_is_refused(self) -> None:
        with pytest.raises(CandorError) as error:
            get("amazon_connect").files([self.path], self.options(system_role="bot"))
        assert "system_role" in error.value.problems[0].where

    def test_the_export_is_the_folder_above_the_vendors_folders(self) -> None:
        path = Path("/x/export/Analysis/Voice/Redacted/2026/07/01/c_analysis.json")
        assert root_of(path) == Path("/x/export")


def test_segments_of_a_chat_and_of_a_call_are_messages(tmp_path: Path) -> None:
    chat = {"Channel": "CHAT", "Status": "COMPLETED", "NextToken": None, "Segments": [
        {"Event": {"Id": "e1", "ParticipantId": "p1", "ParticipantRole": "CUSTOMER",
                   "EventType": "application/vnd.amazonaws.connect.event.participant.joined",
                   "Time": {"AbsoluteTime": "2026-07-01T10:00:00Z"}}},
        {"Transcript": {"Id": "s1", "ParticipantId": "p1", "ParticipantRole": "CUSTOMER", "DisplayName": "Jo Doe",
                        "Content": "Where is my bag?", "ContentType": "text/plain", "Sentiment": "NEGATIVE",
                        "Time": {"AbsoluteTime": "2026-07-01T10:00:05.250Z"}}},
        {"Categories": {"MatchedDetails": {"lost_bag": {"PointsOfInterest": []}}}},
        {"Transcript": {"Id": "s2", "ParticipantId": "p2", "ParticipantRole": "AGENT", "Content": "In Berlin.",
                        "Time": {"AbsoluteTime": "2026-07-01T10:00:09Z"}}},
        "odd",
    ]}  # fmt: skip
    (tmp_path / "c-77_segments.json").write_text(json.dumps(chat))
    call = {"Segments": [
        {"Utterance": {"Id": "u", "PartialContent": "Hel"}},
        {"Transcript": {"Id": "v1", "ParticipantId": "CUSTOMER", "ParticipantRole": "CUSTOMER", "Content": "Hello",
                        "BeginOffsetMillis": 1200, "EndOffsetMillis": 1900}},
    ]}  # fmt: skip
    (tmp_path / "c-78_segments.json").write_text(json.dumps(call))
    contact = {"ContactId": "c-78", "InitiationMethod": "INBOUND", "Channel": "VOICE",
               "InitiationTimestamp": "2026-07-01T11:00:00Z", "LastUpdateTimestamp": "2026-07-01T11:10:00Z"}  # fmt: skip
    (tmp_path / "contacts.jsonl").write_text(json.dumps(contact) + "\n")
    found = TestAmazonConnect().read(tmp_path)
    said = {
        e["message_id"]: (e["actor"], e["text"], e["speech_start_ms"]) for e in found.of("message")
    }
    assert said == {
        "s1": ("customer", "Where is my bag?", None),
        "s2": ("human_agent", "In Berlin.", None),
        "v1": ("customer", "Hello", 1200),
    }
    at = {e["message_id"]: e["occurred_at"] for e in found.of("message")}
    assert at["v1"] == of_iso("2026-07-01T11:00:01.200Z", "t")
    assert at["s1"] == of_iso("2026-07-01T10:00:05.250Z", "t")
    assert len(found.refused) == 1, "an element that is no segment"
    assert "Jo Doe" not in json.dumps(found.events), "a name that people see is not kept"
    assert any("lost_bag" in json.dumps(e) for e in found.of("assessment"))
    assert found.of("conversation", "c-77")

"""The Salesforce connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from candor.sources.base import FileRefused, RecordRefused
from candor.sources.instants import of_iso
from sources_vendors.conformance import Conformance, Reading, edit


def thread(number: int) -> str:
    return f"0MwXX000000{number:04d}"


def at(clock: str) -> int:
    return of_iso(f"2026-05-11T{clock}Z", "test")


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, found: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in found), "utf-8")


class TestSalesforce(Conformance):
    name = "salesforce"
    folder = "salesforce"
    record_keys = ("records",)
    test_threads = ("019e-0007",)
    not_assessed = (thread(4), thread(5), thread(6))
    reopened = ("500XX001",)
    bot_seat = "005A2"
    links: ClassVar[set[tuple[str, str, str]]] = {
        (thread(1), "500XX001", "parent"),
        (thread(5), thread(1), "followup"),
    }
    in_order: ClassVar[list[str]] = ["0AE0003", "0AE0004"]
    optional_keys = frozenset(
        [
            "std__AiAgentSessionEndType__c",
            "AcceptTime",
            "MessagingEndUserId",
            "ChannelIntent",
            "Origin",
            "std__IndividualId__c",
            "std__NameInterfaceField__c",
        ]
    )

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        found = rows(folder / "AiAgentSession.jsonl")
        found[0]["std__AiAgentSessionEndType__c"] = "transcended"
        write(folder / "AiAgentSession.jsonl", found)
        return "claim_unknown", "transcended"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            later = {**whole["records"][0], "ChannelLocale": "de_DE"}
            whole["records"].insert(0, {**later, "SystemModstamp": "2026-05-12T00:00:00.000+0000"})

        edit(folder / "messaging_sessions.json", change)
        return "conversation", thread(1), "language", "de_DE"

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["records"][1]["Message"] = text

        edit(folder / "conversation_entries.json", change)
        return "0AE0002"

    def test_ct_2_split(self, reading: Reading, copied: Path) -> None:
        for path in sorted(copied.glob("*.jsonl")):
            found = rows(path)
            for half in (0, 1):
                if found[half::2]:
                    write(copied / f"{half}_{path.name}", found[half::2])
            path.unlink()
        for path in sorted(copied.glob("*.json")):
            whole = json.loads(path.read_text("utf-8"))
            for half in (0, 1):
                part = {**whole, "records": whole["records"][half::2]}
                (copied / f"{half}_{path.name}").write_text(json.dumps(part), "utf-8")
            path.unlink()
        assert self.read(copied).facts() == reading.facts()

    def test_sf_1_the_count_of_messages_is_never_used(self, reading: Reading, copied: Path) -> None:
        def change(whole: Any) -> None:
            for row in whole["records"]:
                row["AgentMessageCount"] = 7

        assert "AgentMessageCount" not in (reading.of("conversation", thread(1))[0]["extra"] or {})
        edit(copied / "messaging_sessions.json", change)
        found = self.read(copied)
        for type_ in ("message", "handoff", "state_change", "claim"):
            assert found.of(type_) == reading.of(type_)
        assert found.of("conversation", thread(1))[0]["extra"]["AgentMessageCount"] == 7

    def test_sf_2_withheld_entries_are_an_error(self, copied: Path) -> None:
        (copied / "conversation_entries.json").unlink()
        with pytest.raises(FileRefused, match="no ConversationEntry") as refused:
            self.read(copied)
        assert "Access Conversation Entries" in refused.value.fix
        declared = self.read(copied, entries="off_core")
        assert declared.of("conversation", thread(1))

    def test_sf_3_both_prefixes_are_one(self, reading: Reading, copied: Path) -> None:
        for path in copied.glob("AiAgent*.jsonl"):
            write(
                path,
                [{k.replace("std__", "ssot__"): v for k, v in row.items()} for row in rows(path)],
            )
        assert self.read(copied).facts() == reading.facts()

    def test_sf_3_parquet_of_the_same_rows(self, reading: Reading, copied: Path) -> None:
        found = rows(copied / "AiAgentSession.jsonl")
        for row in found:
            for key in ("std__StartTimestamp__c", "std__EndTimestamp__c"):
                if row[key] is not None:
                    row[key] = datetime.fromisoformat(row[key]).astimezone(UTC)
        pq.write_table(pa.Table.from_pylist(found), copied / "AiAgentSession.parquet")
        (copied / "AiAgentSession.jsonl").unlink()
        assert self.read(copied).facts() == reading.facts()

    def test_sf_4_before_tracing_there_is_no_claim(self, reading: Reading, copied: Path) -> None:
        assert reading.noted("trace_missing") == {"sessions with a bot, not traced": 1}
        kept = rows(copied / "AiAgentSession.jsonl")[3:]
        write(copied / "AiAgentSession.jsonl", kept)
        for name in ("AiAgentMoment", "AiAgentSessionOutcome", "AiAgentInteractionMessage"):
            path = copied / f"{name}.jsonl"
            ids = {row["std__Id__c"] for row in kept}
            left = [r for r in rows(path) if ids & {str(v) for v in r.values()}]
            write(path, left)
        for name in ("AiAgentInteraction", "AiAgentInteractionStep"):
            write(copied / f"{name}.jsonl", rows(copied / f"{name}.jsonl")[-1:])
        found = self.read(copied)
        assert found.noted("trace_missing") == {
            "sessions with a bot, before tracing began": 3,
            "sessions with a bot, not traced": 1,
        }
        for number in (1, 2, 3):
            assert not found.of("claim", thread(number))
            assert found.of("conversation", thread(number))[0]["ai_agent_id"] is None

    def test_sf_5_the_traced_session_says_which_agent(self, reading: Reading) -> None:
        agents = {
            e["thread_id"]: (e.get("ai_agent_id"), e.get("release"))
            for e in reading.of("conversation")
        }
        assert agents[thread(1)] == ("Scout", "v4")
        assert agents[thread(2)] == ("agentforce", None)
        assert agents[thread(6)] == (None, None)  # a rule-based bot
        actors = {e["message_id"]: e["actor"] for e in reading.of("message")}
        assert actors["0AE0003"] == "ai_agent"

    def test_sf_6_both_rules_of_the_vendor_are_kept(self, reading: Reading) -> None:
        found = {
            (e["thread_id"], e["claimant"]): (e["raw_value"], e["claimed"])
            for e in reading.of("claim")
        }
        assert found == {
            (thread(1), "salesforce_end_type"): ("escalated", "escalated"),
            (thread(1), "salesforce_analytics"): ("escalated", "escalated"),
            (thread(2), "salesforce_end_type"): ("deflected", "deflected"),
            (thread(2), "salesforce_analytics"): ("abandoned", "abandoned"),
            (thread(3), "salesforce_end_type"): ("null", "none"),
            ("019e-0007", "salesforce_end_type"): ("other", None),
            ("019e-0008", "salesforce_end_type"): ("resolved", "resolved_assumed"),
            ("019e-0008", "salesforce_analytics"): ("ambiguous", None),
            ("0LQ0009", "salesforce_end_type"): ("resolved", "resolved_assumed"),
        }
        assert not reading.of("claim", thread(5))  # not ended: nothing is claimed yet

    def test_sf_6_without_the_column_nothing_was_asked(self, copied: Path) -> None:
        found = rows(copied / "AiAgentSession.jsonl")
        write(
            copied / "AiAgentSession.jsonl",
            [{k: v for k, v in row.items() if "EndType" not in k} for row in found],
        )
        claims = self.read(copied).of("claim")
        assert {e["claimant"] for e in claims} == {"salesforce_analytics"}

    def test_sf_7_a_case_reopened_weeks_later(self, reading: Reading) -> None:
        changes = [
            (e["from_state"], e["to_state"], e["reason"])
            for e in sorted(reading.of("state_change", "500XX001"), key=lambda e: e["occurred_at"])
        ]
        assert changes == [("open", "closed", None), ("closed", "open", "reopened")]
        (case,) = reading.of("conversation", "500XX001")
        assert (case["channel"], case["account_id"], case["ended_at"]) == ("voice", "001A", None)

    def test_sf_7_a_status_nobody_declared(self, copied: Path) -> None:
        path = copied / "CaseHistory.csv"
        path.write_text(path.read_text("utf-8").replace("Working", "Parked"), "utf-8")
        found = self.read(copied)
        assert found.noted("status_unknown") == {"Case Parked": 1}
        declared = self.read(copied, case_status_map={"Parked": "pending"})
        assert [e["to_state"] for e in declared.of("state_change", "500XX001")] == [
            "closed",
            "pending",
        ]

    def test_handoffs(self, reading: Reading) -> None:
        (done,) = reading.of("handoff", thread(1))
        assert done["occurred_at"] == at("13:08:59")
        assert (done["accepted_at"], done["is_failed"]) == (at("13:09:44"), False)
        (failed,) = reading.of("handoff", thread(3))
        assert (failed["accepted_at"], failed["is_failed"]) == (None, True)
        assert len(reading.of("handoff")) == 2

    def test_who_closed_it(self, reading: Reading) -> None:
        closes = {
            e["thread_id"]: (e["actor"], e["reason"])
            for e in reading.of("state_change")
            if e["thread_id"].startswith("0Mw")
        }
        assert closes == {
            thread(1): (None, None),
            thread(2): ("system", "inactivity"),
            thread(3): ("system", "automation"),
            thread(4): (None, None),
            thread(6): ("ai_agent", "ai_closed"),
        }
        assert not reading.of("confirmation")

    def test_a_summary_is_never_wording(self, reading: Reading) -> None:
        assert reading.noted("skipped")["moment of a thread whose words are exported"] == 1
        told = reading.of("message", "0LQ0009")
        assert [(e["actor"], e["text"], e["extra"]["is_summary"]) for e in told] == [
            ("customer", None, True),
            ("ai_agent", None, True),
        ]
        (call,) = reading.of("conversation", "0LQ0009")
        assert call["channel"] == "voice"

    def test_traced_messages_stand_in_for_entries(self, reading: Reading) -> None:
        assert [(e["actor"], e["text"]) for e in reading.of("message", "019e-0008")] == [
            ("customer", "Please change my order"),
            ("ai_agent", "That did not work."),
        ]
        assert reading.noted("skipped")["traced message of a thread with entries"] == 1

    def test_steps_and_logs(self, reading: Reading) -> None:
        actions = {
            e["name"]: (e["thread_id"], e["kind"], e["status"]) for e in reading.of("action")
        }
        assert actions == {
            "GetWarranty": (thread(1), "lookup", "succeeded"),
            "UpdateOrder": ("019e-0008", "transaction", "failed"),
        }
        (guard,) = reading.of("guardrail")
        assert (guard["native_result"], guard["result"]) == ("TOXICITY_BLOCKED", None)

    def test_a_session_without_its_messaging_session_stands_in(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            del whole["records"][1]

        edit(copied / "messaging_sessions.json", change)
        (found,) = self.read(copied).of("conversation", thread(2))
        assert (found["revision"], found["channel"]) == (0, "messaging")

    def test_an_orphan_is_refused_alone(self, copied: Path) -> None:
        write(
            copied / "AiAgentSessionOutcome.jsonl",
            [{"AiAgentSessionId": "?", "SessionOutcome": "x"}],
        )
        with pytest.raises(RecordRefused, match="ORPHAN"):
            self.read(copied)

"""The PostHog connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from candor.errors import CandorError
from candor.sources.instants import of_iso
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading

REFUND = {
    "event": "refund_completed", "kind": "refund_issued", "supports": "confirms",
    "amount": "amount", "currency": "currency",
}  # fmt: skip


def at(clock: str) -> int:
    return of_iso(f"2026-08-03T{clock}Z", "test")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")


class TestPostHog(Conformance):
    name = "posthog"
    folder = "posthog"
    test_threads = ("ses-2",)
    not_assessed = ("tr-3", "ses-2")
    in_order: ClassVar[list[str]] = ["sp-2:in:0", "sp-2:out"]
    optional_keys = frozenset(
        [
            "$ai_total_cost_usd", "$ai_input_tokens", "$ai_output_tokens", "$ai_latency",
            "$ai_trace_name", "$ai_feedback_text", "$ai_metric_name", "$ai_metric_value",
            "$feature_flag_response", "$anon_distinct_id", "person_id", "person_properties",
        ]
    )  # fmt: skip
    lost_without_optional = frozenset({"cost", "identity"})

    def test_ct_6_without_optional_blocks(self, copied: Path) -> None:
        (copied / "persons.jsonl").unlink()  # it holds nothing but optional fields
        super().test_ct_6_without_optional_blocks(copied)

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        path = folder / "events.jsonl"
        path.write_text(path.read_text("utf-8").replace('"$ai_embedding"', '"$ai_vision"'), "utf-8")
        return "span_type_unknown", "$ai_vision"

    def set_body(self, folder: Path, text: str) -> str:
        records = lines(folder / "events.jsonl")
        records[0]["properties"]["$ai_input_state"] = [{"role": "user", "content": text}]
        write(folder / "events.jsonl", records)
        return "trace:tr-1:in:0"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def said(self, reading: Reading, thread: str) -> list[tuple[str, str]]:
        found = sorted(reading.of("message", thread), key=lambda e: e["occurred_at"])
        return [(e["actor"], e["text"]) for e in found]

    def test_a_session_is_said_once(self, reading: Reading) -> None:
        assert self.said(reading, "ses-1") == [
            ("customer", "Where is my refund?"),
            ("ai_agent", "Refunds take five days."),
            ("customer", "Order N-5521 please"),
            ("ai_agent", "It was sent on Monday."),
        ]

    def test_an_event_is_sent_when_its_step_has_ended(self, reading: Reading) -> None:
        times = {e["message_id"]: e["occurred_at"] for e in reading.of("message")}
        assert times["trace:tr-1:in:0"] == at("09:12:01")
        assert times["trace:tr-1:out"] == at("09:12:03")

    def test_ph_1_an_anonymous_id_is_linked_to_who_logged_in(self, reading: Reading) -> None:
        found = self.read(self.path, confirmations=[REFUND])
        (refund,) = found.of("confirmation")
        holders: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in found.of("identity"):
            holders[one["alias_kind"], one["alias"]].add(one["customer_id"])
        # The refund came before the login; the link that came later still joins both ids.
        assert refund["customer_id"] == "anon-7"
        assert holders["cookie", "anon-7"] == {"anon-7", "cust-88"}
        assert holders["external", "p-88"] == {"cust-88", "phone-88"}
        linked = next(e for e in found.of("identity") if e["alias_kind"] == "cookie")
        assert linked["occurred_at"] > refund["occurred_at"]

    def test_ph_2_what_can_follow_a_contact_says_nothing(self, reading: Reading) -> None:
        assert not reading.of("confirmation")
        assert reading.noted("skipped")["product event that no confirmation names"] == 2
        seen = {"event": "$pageview", "kind": "ticket_closed"}
        (view,) = self.read(self.path, confirmations=[seen]).of("confirmation")
        assert view["supports"] == "neutral"
        (refund,) = self.read(self.path, confirmations=[REFUND]).of("confirmation")
        assert (refund["supports"], refund["amount"], refund["currency"]) == (
            "confirms", Decimal("40.000000"), "EUR",
        )  # fmt: skip
        assert refund["extra"]["properties"] == {"order_ref": "N-5521"}

    def test_ph_2_mistakes_in_confirmations_are_told_at_once(self) -> None:
        wrong = [{"event": "x", "kind": "refund", "suports": "confirms"}, {"kind": "churn"}]
        with pytest.raises(CandorError) as caught:
            get("posthog").files([self.path], self.options(confirmations=wrong))
        told = [problem.what for problem in caught.value.problems]
        assert told == [
            "unknown key 'suports'",
            "'refund' is no kind of a confirmation",
            "it names no event",
        ]
        assert "refund_issued" in caught.value.problems[1].fix + caught.value.problems[1].expected

    def test_ph_3_without_a_session_each_trace_is_a_thread(self, reading: Reading) -> None:
        assert reading.noted("thread_is_trace") == {
            "traces without a session, each a thread of its own": 1
        }
        (one,) = reading.of("conversation", "tr-3")
        assert one["customer_id"] is None, "the trace's id is nobody"
        assert one["extra"] == {"thread_is_trace": True}

    def test_an_event_sent_again_changes_nothing(self, reading: Reading, copied: Path) -> None:
        records = lines(copied / "events.jsonl")
        write(copied / "again.jsonl", records[:4])
        assert self.read(copied).facts() == reading.facts()

    def test_the_first_call_of_a_flag_decides(self, reading: Reading) -> None:
        calls = sorted(reading.of("exposure"), key=lambda e: -e["revision"])
        first = {(e["experiment_id"], e["unit_id"]): e["arm"] for e in reversed(calls)}
        assert first == {("new-desk", "cust-88"): "test", ("dark-mode", "cust-90"): "true"}
        found = self.read(self.path, experiments=["new-desk"]).of("exposure")
        assert {e["experiment_id"] for e in found} == {"new-desk"}

    def test_opinions(self, reading: Reading) -> None:
        found = {
            (e["criterion"], e["assessor_kind"]): (
                e["thread_id"], e["message_id"], e["label"], e["value"], e["explanation"],
            )
            for e in reading.of("assessment")
            if e["thread_id"] == "ses-1"
        }  # fmt: skip
        assert found == {
            ("feedback", "customer"): ("ses-1", "sp-2:out", None, None, "that helped"),
            ("quality", "code"): ("ses-1", None, None, 0.8, None),
        }
        (lost,) = reading.of("assessment", "tr-77")
        assert (lost["label"], lost["value"]) == ("good", None)
        assert sum(reading.noted("opinion_without_trace").values()) == 1

    def test_costs_tools_and_releases(self, reading: Reading) -> None:
        assert {e["cost_id"]: e["amount"] for e in reading.of("cost")} == {
            "sp-1": Decimal("0.001900"),
            "sp-2": Decimal("0.002500"),
        }
        assert not reading.of("action")
        found = self.read(self.path, tool_spans=["lookup_refund"], release_property="app_version")
        (action,) = found.of("action")
        assert (action["name"], action["kind"], action["duration_ms"]) == (
            "lookup_refund", "lookup", 250,
        )  # fmt: skip
        assert found.of("conversation", "ses-1")[0]["release"] == "14"

    def test_a_deleted_person_is_erased(self, reading: Reading) -> None:
        (one,) = reading.of("erasure")
        assert (one["subject_kind"], one["subject_id"]) == ("customer", "cust-99")
        removed = {e["customer_id"] for e in reading.of("identity") if e["is_removed"]}
        assert removed == {"cust-99"}

    def test_parquet_holds_the_same(self, reading: Reading, tmp_path: Path) -> None:
        for name in ("events", "persons"):
            rows = lines(self.path / f"{name}.jsonl")
            for row in rows:
                for key in ("properties", "person_properties"):
                    if key in row:
                        row[key] = json.dumps(row[key])
                for key in ("timestamp", "created_at", "_inserted_at"):
                    if key in row:
                        # The vendor's table has UTC times without a zone.
                        row[key] = datetime.fromisoformat(row[key]).replace(tzinfo=None)
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
        assert self.read(tmp_path).facts() == reading.facts()

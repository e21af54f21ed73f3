"""The OpenTelemetry connector on our own traces: its traps, and what every connector must do."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.instants import of_iso
from candor.sources.otel import containers, wire
from sources_vendors import otlp
from sources_vendors.conformance import Conformance, Reading


def span(number: int) -> str:
    return f"{number:02x}" * 8


def at(clock: str) -> int:
    return of_iso(f"2026-08-03T{clock}Z", "test")


def requests(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, documents: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in documents)
    path.write_text(text, "utf-8")


def spans_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["resourceSpans"][0]["scopeSpans"][0]["spans"]  # type: ignore[no-any-return]


class TestOpenTelemetry(Conformance):
    name = "otel"
    folder = "otel"
    record_keys = ("data",)
    test_threads = ("s-3009",)
    not_assessed = ("s-3009", "s-3030")
    in_order: ClassVar[list[str]] = [f"{span(20)}:in:0", f"{span(20)}:out"]

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        path = folder / "traces.jsonl"
        path.write_text(path.read_text("utf-8").replace('"retrieval"', '"divination"'), "utf-8")
        return "span_type_unknown", "divination"

    def set_body(self, folder: Path, text: str) -> str:
        documents = requests(folder / "traces.jsonl")
        told = json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])
        for pair in spans_of(documents[0])[1]["attributes"]:
            if pair["key"] == "gen_ai.input.messages":
                pair["value"] = {"stringValue": told}
        write(folder / "traces.jsonl", documents)
        return f"{span(2)}:in:0"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def said(self, reading: Reading, thread: str) -> list[tuple[str, str]]:
        found = sorted(reading.of("message", thread), key=lambda e: e["occurred_at"])
        return [(e["actor"], e["text"]) for e in found]

    def test_ct_5_unseen_fields_go_to_extra(self, reading: Reading, copied: Path) -> None:
        documents = requests(copied / "traces.jsonl")
        new = {"key": "zz_new", "value": {"kvlistValue": {"values": [
            {"key": "deep", "value": {"intValue": "7"}}]}}}  # fmt: skip
        for document in documents:
            for one in spans_of(document):
                one["attributes"].append(new)
                one["zz_field"] = "n2"
        write(copied / "traces.jsonl", documents)
        found = self.read(copied)
        answer = next(e for e in found.of("message") if e["message_id"] == f"{span(2)}:out")
        assert answer["extra"]["attributes"]["zz_new"] == {"deep": 7}
        assert answer["extra"]["zz_field"] == "n2"
        assert answer["extra"]["schema_url"] == "https://opentelemetry.io/schemas/1.44.0"
        plain = [{k: v for k, v in e.items() if k != "extra"} for e in found.events]
        assert plain == [{k: v for k, v in e.items() if k != "extra"} for e in reading.events]

    def test_ct_6_without_texts_structure_and_cost_arrive(self, copied: Path) -> None:
        path = copied / "traces.jsonl"
        documents = requests(path)
        for document in documents:
            for one in spans_of(document):
                one["attributes"] = [
                    pair for pair in one["attributes"]
                    if not pair["key"].endswith((".messages", ".content"))
                ]  # fmt: skip
        write(path, documents)
        for other in ("openinference.jsonl", "logs.jsonl", "phoenix.json"):
            (copied / other).unlink()
        found = self.read(copied)
        assert not found.of("message")
        assert {e["thread_id"] for e in found.of("conversation")} >= {"s-3007", "s-3009"}
        assert [e["amount"] for e in found.of("cost")] == [Decimal("0.004000")]
        assert {e["name"] for e in found.of("action")} >= {"lookup_refund", "update_case"}

    def test_ot_1_replayed_history_is_said_once(self, reading: Reading) -> None:
        assert self.said(reading, "s-3007") == [
            ("customer", "Where is my refund?"),
            ("ai_agent", "Refunds take five days."),
            ("customer", "It has been nine days."),
            ("ai_agent", "It was sent on Monday."),
            ("customer", "Thanks"),
            ("ai_agent", "You are welcome."),
        ]
        answer = next(e for e in reading.of("message") if e["message_id"] == f"{span(10)}:out")
        assert (answer["latency_ms"], answer["knowledge_ids"]) == (3000, ["kb-7", "kb-9"])

    def test_ot_2_evaluations_find_their_conversation(self, reading: Reading) -> None:
        found = {
            (e["criterion"], e["label"], e["value"]): (e["thread_id"], e["message_id"])
            for e in reading.of("assessment")
        }
        assert found == {
            ("grounded", "pass", 0.8): ("s-3007", f"{span(10)}:out"),  # a span event
            ("helpful", None, 0.9): ("s-3007", f"{span(2)}:out"),  # by its parent span
            ("helpful", "good", None): ("s-3007", f"{span(10)}:out"),  # by the response
            ("helpful", None, 0.1): (None, None),  # an orphan
            ("solved", "yes", None): ("s-3020", None),
            ("tone", None, 0.7): ("s-3020", f"{span(0x60)}:out"),
        }
        assert reading.noted("evaluation_orphan") == {
            "evaluations of a span that is not in the export": 1
        }

    def test_who_evaluated(self, reading: Reading) -> None:
        kinds = {
            (e["criterion"], e["value"]): (e["assessor_kind"], e["assessor_id"])
            for e in reading.of("assessment")
        }
        assert kinds["helpful", 0.9] == ("llm", "evaluation:helpful")
        assert kinds["grounded", 0.8] == ("code", "evaluation:grounded")
        assert kinds["tone", 0.7] == ("llm", "annotation:llm")
        assert kinds["solved", None] == ("human", "rev-4")
        ids = {e["assessment_id"] for e in reading.of("assessment")}
        assert "s-3020:solved:HUMAN:rev-4" in ids, "the identifier is part of the key"

    def test_ot_3_sampled_turns_mark_the_thread(self, reading: Reading) -> None:
        marks = {
            e["thread_id"]: e["attributes"]["is_truncated"] for e in reading.of("conversation")
        }
        assert {thread for thread, is_cut in marks.items() if is_cut} == {"s-3007"}

    def test_ot_3_a_whole_history_marks_nothing(self, copied: Path) -> None:
        documents = requests(copied / "traces.jsonl")
        write(copied / "traces.jsonl", [documents[0], documents[1]])
        (one,) = self.read(copied).of("conversation", "s-3007")
        assert one["attributes"]["is_truncated"] is False

    def test_ot_4_cost_is_counted_at_the_leaf(self, reading: Reading) -> None:
        costs = {e["cost_id"]: e["amount"] for e in reading.of("cost")}
        assert costs == {span(16): Decimal("0.004000"), span(0x61): Decimal("0.000900")}
        prices = {"m-large": {"input": "2", "output": "8"}}
        found = self.read(self.path, token_prices=prices, currency="EUR").of("cost")
        by_id = {e["cost_id"]: (e["amount"], e["quantity"], e["currency"]) for e in found}
        assert by_id[span(3)] == (Decimal("0.000996"), 432.0, "EUR")
        assert span(2) not in by_id, "the agent states the same tokens as its call"
        assert by_id[span(11)] == (Decimal("0.000212"), 94.0, "EUR")  # older names

    def test_ot_5_flat_and_json_attributes_say_the_same(self, reading: Reading) -> None:
        assert self.said(reading, "s-3020") == [
            ("customer", "Is the red kayak back?"),
            ("ai_agent", "From Friday on."),
            ("customer", "Great"),
            ("ai_agent", "See you!"),
        ]

    def test_older_names_are_read(self, reading: Reading) -> None:
        thread = "16" * 16
        assert self.said(reading, thread) == [
            ("customer", "Do you ship to Malta?"),
            ("ai_agent", "We do."),
        ]
        (one,) = reading.of("conversation", thread)
        assert one["extra"] == {"thread_is_trace": True}

    def test_other_services_make_no_conversation(self, reading: Reading) -> None:
        assert {e["thread_id"] for e in reading.of("conversation")} == {
            "s-3007", "s-3009", "s-3020", "s-3030", "16" * 16,
        }  # fmt: skip
        assert reading.noted("skipped")["span of no AI convention"] == 2
        (one,) = reading.of("conversation", "s-3007")
        assert one["customer_id"] == "cust-88"

    def test_tools_and_checks(self, reading: Reading) -> None:
        actions = {e["name"]: (e["kind"], e["status"]) for e in reading.of("action")}
        assert actions["lookup_refund"] == ("lookup", "succeeded")
        assert actions["update_case"] == ("transaction", "failed")
        (check,) = reading.of("guardrail")
        assert (check["policy_id"], check["native_result"], check["result"]) == (
            "no_promises", "allow", None,
        )  # fmt: skip
        found = self.read(self.path, handoff_tools=["lookup_refund"]).of("handoff")
        assert [(e["thread_id"], e["is_failed"]) for e in found] == [("s-3007", False)]

    def test_a_thread_can_be_named_by_the_user(self, copied: Path) -> None:
        documents = requests(copied / "traces.jsonl")
        spans_of(documents[5])[0]["attributes"].append(
            {"key": "chat.no", "value": {"intValue": "900719925474099312"}}
        )
        write(copied / "traces.jsonl", documents)
        found = self.read(copied, thread_attribute="chat.no")
        assert found.of("conversation", "900719925474099312")

    def test_ct_8_nanoseconds_and_iso_land_on_the_instant(self, reading: Reading) -> None:
        times = {e["message_id"]: e["occurred_at"] for e in reading.of("message")}
        assert times[f"{span(2)}:in:0"] == at("09:12:01.1")
        assert times[f"{span(0x70)}:out"] == at("11:00:01")

    @pytest.mark.parametrize("form", ["pb", "framed", "gzip", "json lines", "json document"])
    def test_every_form_of_otlp_gives_the_same_events(
        self, reading: Reading, copied: Path, form: str
    ) -> None:
        for name in ("traces", "openinference", "logs"):
            path = copied / f"{name}.jsonl"
            documents = requests(path)
            encoded = [otlp.request(one) for one in documents]
            path.unlink()
            if form == "pb":
                for number, one in enumerate(encoded):
                    (copied / f"{name}-{number}.pb").write_bytes(one)
            elif form == "framed":
                (copied / f"{name}.binpb").write_bytes(otlp.framed(*encoded))
            elif form == "gzip":
                (copied / f"{name}.pb.gz").write_bytes(gzip.compress(otlp.framed(*encoded)))
            elif form == "json lines":
                write(copied / f"{name}.json", documents)
            else:
                key = next(iter(documents[0]))
                whole = {key: [inner for one in documents for inner in one[key]]}
                (copied / f"{name}.json").write_text(json.dumps(whole, indent=1), "utf-8")
        found = self.read(copied)
        assert not found.refused
        assert found.facts() == reading.facts()

    def test_a_table_of_spans(self, reading: Reading, tmp_path: Path) -> None:
        (row,) = json.loads((self.path / "phoenix.json").read_text("utf-8"))["data"]
        flat = {
            "context.trace_id": row["context"]["trace_id"],
            "context.span_id": row["context"]["span_id"],
            "name": row["name"], "span_kind": "LLM", "status_code": "OK", "parent_id": None,
            "start_time": row["start_time"], "end_time": row["end_time"],
            "attributes.session.id": "s-3030",
            "attributes.llm.input_messages": row["attributes"]["llm.input_messages"],
            "attributes.llm.output_messages": row["attributes"]["llm.output_messages"],
        }  # fmt: skip
        pq.write_table(pa.Table.from_pylist([flat]), tmp_path / "spans.parquet")
        found = self.read(tmp_path)
        assert self.said(found, "s-3030") == self.said(reading, "s-3030")

    def test_broken_protobuf_is_refused_and_never_guessed(self, copied: Path) -> None:
        whole = otlp.framed(*(otlp.request(one) for one in requests(copied / "traces.jsonl")))
        path = copied / "cut.pb"
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(FileRefused) as refused:
            list(containers.read(path))
        assert refused.value.code is ReasonCode.TYPE_SNIFF
        assert "ends inside a message" in refused.value.what
        path.write_bytes(b"")
        with pytest.raises(FileRefused, match="EMPTY_FILE"):
            list(containers.read(path))

    @pytest.mark.parametrize(
        ("raw", "what"),
        [
            (b"\x0a\x05abc", "longer than its message"),
            (b"\x08\xff", "without an end"),
            (b"\x0b", "unknown kind"),
            (b"\x0a\x02\x08\x01", "wrong kind"),
            (b"\x1a\x01\xff", "UTF-8"),
        ],
    )
    def test_what_is_wrong_with_a_message_is_told(self, raw: bytes, what: str) -> None:
        with pytest.raises(wire.WireFault, match=what):
            wire.decode(raw)

    def test_nesting_has_an_end(self) -> None:
        value = b"\x0a\x01x"
        for _ in range(60):
            inner = b"\x0a" + otlp._varint(len(value)) + value
            value = b"\x2a" + otlp._varint(len(inner)) + inner
        pair = b"\x12" + otlp._varint(len(value)) + value
        holder = b"\x0a" + otlp._varint(len(pair)) + pair
        with pytest.raises(wire.WireFault, match="levels of nesting"):
            wire.decode(b"\x0a" + otlp._varint(len(holder)) + holder)

    def test_a_span_without_ids_is_set_aside(self, copied: Path) -> None:
        documents = requests(copied / "traces.jsonl")
        del spans_of(documents[0])[1]["spanId"]
        write(copied / "traces.jsonl", documents)
        with pytest.raises(Exception, match="ID_MISSING"):
            self.read(copied)

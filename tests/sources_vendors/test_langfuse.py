"""The Langfuse connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import copy
import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused
from candor.sources.instants import of_iso
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading, edit


def at(clock: str) -> int:
    return of_iso(f"2026-08-03T{clock}Z", "test")


class TestLangfuse(Conformance):
    name = "langfuse"
    folder = "langfuse"
    record_keys = ("data",)
    test_threads = ("s-3009",)
    not_assessed = ("s-3008", "s-3011")
    in_order: ClassVar[list[str]] = ["ob-790:in:0", "ob-790:out"]
    optional_keys = frozenset(
        [
            "totalCost", "total_cost", "usageDetails", "usage_details", "release", "traceName",
            "trace_name", "tags", "metadata", "updatedAt", "updated_at", "providedModelName",
            "provided_model_name", "comment", "configId", "isRootObservation", "cost_details",
        ]
    )  # fmt: skip
    lost_without_optional = frozenset({"cost", "release"})

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        edit(folder / "observations.json", lambda w: w["data"][1].update({"type": "CONDUCTOR"}))
        return "span_type_unknown", "CONDUCTOR"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            later = copy.deepcopy(whole["data"][0])
            later |= {"updatedAt": "2026-08-03T12:00:00.000Z", "output": "Refunds take six days."}
            whole["data"].insert(0, later)

        edit(folder / "observations.json", change)
        return "message", "ob-771:out", "text", "Refunds take six days."

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["data"][0]["input"] = json.dumps([{"role": "user", "content": text}])

        edit(folder / "observations.json", change)
        return "ob-771:in:0"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def said(self, reading: Reading, thread: str) -> list[tuple[str, str]]:
        found = sorted(reading.of("message", thread), key=lambda e: e["occurred_at"])
        return [(e["actor"], e["text"]) for e in found]

    def test_ot_1_replayed_history_is_said_once(self, reading: Reading) -> None:
        assert self.said(reading, "s-3007") == [
            ("customer", "Where is my refund?"),
            ("ai_agent", "Refunds take five days."),
            ("customer", "It has been nine days. Check N-5521."),
            ("ai_agent", "Your refund N-5521 was sent on Monday."),
            ("customer", "ok"),
            ("ai_agent", "Anything else?"),
            ("customer", "ok"),
            ("ai_agent", "Goodbye, and happy paddling."),
        ]

    def test_inner_calls_and_judges_say_nothing(self, reading: Reading) -> None:
        ids = {e["message_id"] for e in reading.of("message")}
        inner = {"ob-781", "ob-785", "ob-787", "ob-788", "ob-951"}
        assert not {i for i in ids if i.split(":")[0] in inner}
        # The judge and its call.
        assert reading.noted("skipped") == {"step inside an answer, which means no event": 2}

    def test_lf_1_scores_of_a_trace_reach_its_session(self, reading: Reading) -> None:
        found = {e["assessment_id"]: e for e in reading.of("assessment")}
        assert {k: v["thread_id"] for k, v in found.items()} == {
            "sc-1": "s-3007",
            "sc-2": "s-3007",
            "sc-3": "s-3007",
            "sc-4": "s-3007",
            "sc-5": "experiment:run-12",
            "sc-6": "s-3007",
            "sc-7": "tr-99",
            "sc-8": "s-3010",
        }
        assert reading.noted("score_without_trace") == {
            "scores whose trace is not in the export": 1
        }
        assert found["sc-3"]["message_id"] == "ob-780:out"
        assert found["sc-1"]["message_id"] is None

    def test_scores_keep_who_judged_and_how(self, reading: Reading) -> None:
        found = {e["assessment_id"]: e for e in reading.of("assessment")}
        shown = {
            k: (e["assessor_kind"], e["assessor_id"], e["label"], e["value"])
            for k, e in found.items()
        }
        assert shown["sc-1"] == ("llm", "langfuse_eval:helpfulness", None, 0.9)
        assert shown["sc-2"] == ("human", "rev-4", "true", 1.0)
        assert shown["sc-3"] == ("code", "langfuse_api:tone", "friendly", None)
        assert shown["sc-4"] == ("human", "rev-4", None, None)
        assert shown["sc-8"] == ("llm", "langfuse_eval:tone", "neutral", None)
        assert found["sc-1"]["assessor_version"] == "cfg-2"
        assert found["sc-4"]["extra"]["correction"] == "Your refund was sent on 1 August."
        assert found["sc-7"]["explanation"] == "worth a look"
        mapped = self.read(self.path, customer_scores=["user_feedback"]).of("assessment")
        assert [e["assessment_id"] for e in mapped if e["assessor_kind"] == "customer"] == ["sc-6"]

    def test_an_unknown_origin_of_a_score_is_kept_aside(self, copied: Path) -> None:
        edit(copied / "scores.json", lambda w: w["data"][0].update({"source": "ORACLE"}))
        with pytest.raises(Exception, match="ENUM_UNKNOWN"):
            self.read(copied)

    def test_lf_2_a_cut_value_is_no_identifier(self, reading: Reading) -> None:
        found = self.read(self.path, customer_metadata="customer_number")
        assert found.of("conversation", "tr-50")[0]["customer_id"] == "C-88"
        cut = self.read(self.path, customer_metadata="long_key")
        assert cut.of("conversation", "tr-50")[0]["customer_id"] is None
        assert list(cut.noted("metadata_cut")) == [
            "long_key: name it in expandMetadata and export again"
        ]

    def test_lf_3_other_environments_and_experiments_are_tests(self, reading: Reading) -> None:
        marks = {e["thread_id"]: e["is_test"] for e in reading.of("conversation")}
        assert marks["s-3009"] is True
        found = self.read(self.path, production_environments=["staging"])
        marks = {e["thread_id"]: e["is_test"] for e in found.of("conversation")}
        assert (marks["s-3009"], marks["s-3007"]) == (False, True)
        # No conversation has the thread of an experiment, so its scores count nowhere.
        assert "experiment:run-12" not in marks

    def test_lf_4_without_texts_the_export_is_refused_by_name(self, copied: Path) -> None:
        for path in [*copied.rglob("*.json"), *copied.rglob("*.jsonl")]:
            text = (
                path.read_text("utf-8").replace('"input":', '"was":').replace('"output":', '"did":')
            )
            path.write_text(text, "utf-8")
        source, options = get("langfuse"), self.options()
        with pytest.raises(FileRefused) as refused:
            list(source.records(copied / "observations.json", options))
        assert refused.value.code is ReasonCode.TYPE_MISMATCH
        assert "fields=core,basic,io" in refused.value.fix
        assert len(list(source.records(copied / "scores.json", options))) == 7

    def test_ct_8_both_clocks_of_the_vendor(self, reading: Reading) -> None:
        times = {e["message_id"]: e["occurred_at"] for e in reading.of("message")}
        assert times["ob-771:in:0"] == at("09:12:01.22")
        assert times["ob-771:out"] == at("09:12:02.905")
        assert times["ob-901:out"] == of_iso("2026-08-04T08:00:01.5Z", "test")

    def test_ct_10_a_history_that_was_never_exported_marks_the_thread(
        self, reading: Reading
    ) -> None:
        marks = {
            e["thread_id"]: e["attributes"]["is_truncated"] for e in reading.of("conversation")
        }
        assert {thread for thread, is_cut in marks.items() if is_cut} == {"s-3008"}
        assert self.said(reading, "s-3008")[0] == ("customer", "Can I swap it?")
        assert sum(reading.noted("thread_truncated").values()) == 1

    def test_ot_4_cost_is_counted_at_the_leaf(self, reading: Reading) -> None:
        costs = {e["cost_id"]: e["amount"] for e in reading.of("cost")}
        assert costs == {
            "ob-771": Decimal("0.001900"),
            "ob-781": Decimal("0.001000"),
            "ob-785": Decimal("0.004000"),
            "ob-901": Decimal("0.000200"),
            "ob-951": Decimal("0.000100"),
        }
        quantity = {e["cost_id"]: e["quantity"] for e in reading.of("cost")}
        assert (quantity["ob-771"], quantity["ob-781"]) == (432.0, 105.0)

    def test_prices_of_the_user_stand_in_for_missing_ones(self) -> None:
        prices = {"m-small": {"input": "2.5", "output": "10"}}
        found = self.read(self.path, token_prices=prices, currency="EUR").of("cost", "s-3010")
        by_id = {e["cost_id"]: (e["amount"], e["currency"]) for e in found}
        assert by_id["ob-902"] == (Decimal("0.000240"), "EUR")
        assert by_id["ob-901"] == (Decimal("0.000200"), "USD")

    def test_tools_checks_and_citations(self, reading: Reading) -> None:
        actions = {
            e["name"]: (e["kind"], e["status"], e["duration_ms"]) for e in reading.of("action")
        }
        assert actions == {
            "lookup_refund": ("lookup", "succeeded", 300),
            "articles": ("lookup", "succeeded", 200),
            "update_case": ("transaction", "failed", 100),
        }
        (check,) = reading.of("guardrail")
        assert (check["policy_id"], check["native_result"], check["result"]) == (
            "no_promises", "allow", None,
        )  # fmt: skip
        assert reading.noted("guardrail_unmapped") == {"allow": 1}
        told = self.read(self.path, guardrail_results={"allow": "pass"})
        assert told.of("guardrail")[0]["result"] == "pass"
        answer = next(e for e in reading.of("message") if e["message_id"] == "ob-780:out")
        assert answer["knowledge_ids"] == ["kb-7", "kb-9"]
        arguments = next(e for e in reading.of("action") if e["name"] == "lookup_refund")["extra"]
        assert arguments["argument_names"] == ["order"]
        assert "N-5521" not in json.dumps(arguments)

    def test_a_handoff_is_a_tool_the_user_names(self, reading: Reading) -> None:
        assert not reading.of("handoff")
        found = self.read(self.path, handoff_tools=["update_case"]).of("handoff")
        assert [(e["thread_id"], e["is_failed"]) for e in found] == [("s-3007", True)]

    def test_releases_are_dated_by_their_first_sight(self, reading: Reading) -> None:
        found = {e["release"]: e for e in reading.of("release")}
        assert found["2026.08.1"]["deployed_at"] == at("09:12:01.22")
        assert found["2026.08.2"]["deployed_at"] == of_iso("2026-08-04T08:00:00Z", "test")
        assert found["2026.08.1"]["revision"] > found["2026.08.2"]["revision"]

    def test_a_trace_without_session_is_a_thread(self, reading: Reading) -> None:
        (one,) = reading.of("conversation", "tr-50")
        assert one["extra"] == {"thread_is_trace": True}
        assert self.said(reading, "tr-50") == [
            ("customer", "Do you ship to Malta?"),
            ("ai_agent", "We do."),
        ]
        assert sum(reading.noted("thread_is_trace").values()) == 1

    def test_the_older_export_joins_traces_and_observations(self, reading: Reading) -> None:
        assert self.said(reading, "s-3011") == [
            ("customer", "Where are you?"),
            ("ai_agent", "By the harbour."),
        ]
        (one,) = reading.of("conversation", "s-3011")
        assert one["customer_id"] == "cust-92"

    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_tables_of_the_bulk_export(self, reading: Reading, copied: Path, form: str) -> None:
        for path in [*copied.rglob("*.jsonl")]:
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            for row in rows:
                row.update({k: json.dumps(v) for k, v in row.items() if isinstance(v, dict | list)})
                if form == "parquet":
                    # The vendor's table has UTC times without a zone, and no prices.
                    row.update({k: datetime.fromisoformat(v) for k, v in row.items()
                                if k.endswith("_time") or k in {"timestamp", "updated_at"}})  # fmt: skip
                    row.pop("total_cost", None)
            names = list(dict.fromkeys(name for row in rows for name in row))
            target = path.with_suffix(f".{form}")
            if form == "csv":
                with target.open("w", encoding="utf-8", newline="") as handle:
                    writer = csv.DictWriter(handle, names)
                    writer.writeheader()
                    writer.writerows(rows)
            else:
                pq.write_table(pa.Table.from_pylist(rows), target)
            path.unlink()
        found = self.read(copied)
        assert not found.refused
        assert self.said(found, "s-3010") == self.said(reading, "s-3010")
        assert self.said(found, "s-3011") == self.said(reading, "s-3011")
        (score,) = [e for e in found.of("assessment") if e["assessment_id"] == "sc-8"]
        assert (score["thread_id"], score["label"], score["value"]) == ("s-3010", "neutral", None)
        costs = {e["cost_id"] for e in found.of("cost")}
        assert ("ob-901" in costs) is (form == "csv")
        if form == "parquet":
            priced = self.read(copied, token_prices={"m-small": {"input": "2", "output": "8"}})
            by_id = {e["cost_id"]: e["amount"] for e in priced.of("cost")}
            assert by_id["ob-901"] == Decimal("0.000148")

    def test_kinds_of_answers_need_a_rule(self, reading: Reading) -> None:
        assert {e["kind"] for e in reading.of("message") if e["actor"] == "ai_agent"} == {None}
        found = self.read(self.path, ai_text_kind="question_mark")
        kinds = {e["message_id"]: e.get("kind") for e in found.of("message")}
        assert (kinds["ob-790:out"], kinds["ob-771:out"]) == ("clarification", "answer")

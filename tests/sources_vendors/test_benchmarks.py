"""τ-bench and τ²-bench: traps on our own runs, and the published figures from the events alone."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.errors import CandorError
from candor.sources import benchmark, tau_bench
from candor.sources.base import FileRefused, SourceOptions
from candor.sources.instants import DAY, MINUTE
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading, edit


def outcomes(found: Reading) -> dict[str, str | None]:
    """What the end-state check says of each thread."""
    checks = {e["thread_id"]: e["supports"] for e in found.of("confirmation")}
    return {e["thread_id"]: checks.get(e["thread_id"]) for e in found.of("conversation")}


def transferred(found: Reading) -> set[str]:
    return {e["thread_id"] for e in found.of("handoff") if not e["is_failed"]}


def forced(found: Reading) -> set[str]:
    """Threads ended by the system while the customer had spoken last."""
    last: dict[str, str] = {}
    for event in found.of("message"):
        if event["is_public"]:
            last[event["thread_id"]] = event["actor"]
    return {
        e["thread_id"]
        for e in found.of("state_change")
        if (e["actor"], e["reason"]) == ("system", "automation")
        and last[e["thread_id"]] == "customer"
    }


class TestTauBench(Conformance):
    name = "tau_bench"
    folder = "tau_bench"
    not_assessed = ("ferry:7:0",)

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole[0]["traj"][1]["content"] = text

        edit(folder / "ferry.json", change)
        return "ferry:7:0:0001"

    @pytest.mark.parametrize("case", ["emoji", "right to left", "order", "formula", "a megabyte"])
    def test_ct_20_bodies_survive(self, copied: Path, case: str) -> None:
        super().test_ct_20_bodies_survive(copied, case)

    def test_tb_1_time_is_synthetic_and_says_so(self, reading: Reading) -> None:
        for event in reading.events:
            assert event["synthetic_time"] is True
        (conversation,) = reading.of("conversation", "ferry:7:0")
        assert conversation["attributes"]["synthetic_time"] is True
        times = [e["occurred_at"] for e in reading.of("message", "ferry:7:0")]
        assert [t - times[0] for t in times] == [0, MINUTE, 2 * MINUTE, 5 * MINUTE, 6 * MINUTE]

    def test_tb_1_threads_are_no_returns_of_each_other(self) -> None:
        bases = sorted(tau_bench.base_of(task, trial) for task in range(125) for trial in range(8))
        gaps = {after - before for before, after in itertools.pairwise(bases)}
        assert min(gaps) == 8 * DAY

    def test_tb_2_cut_off_is_not_a_failure(self, reading: Reading) -> None:
        assert outcomes(reading)["ferry:9:0"] is None
        (close,) = reading.of("state_change", "ferry:9:0")
        assert (close["actor"], close["reason"]) == ("system", "automation")
        assert forced(reading) == {"ferry:9:0"}
        assert reading.noted("not_graded") == {"cut off at the step limit": 1}

    def test_tb_2_text_beside_a_call_is_not_shown(self, reading: Reading) -> None:
        beside = {e["message_id"]: e for e in reading.of("message")}["ferry:9:0:0002"]
        assert (beside["text"], beside["is_public"], beside["kind"]) == ("Checking.", False, "note")

    def test_tb_3_transferred_is_never_the_agents_success(self, reading: Reading) -> None:
        assert outcomes(reading)["ferry:7:2"] == "confirms"
        assert transferred(reading) == {"ferry:7:2"}
        (handoff,) = reading.of("handoff")
        assert handoff["context"] == {"summary": "wants to cancel"}
        assert handoff["reason"] is None
        assert handoff["accepted_at"] == handoff["occurred_at"] + MINUTE
        assert not reading.of("state_change", "ferry:7:2")

    def test_tb_4_trials_share_their_customer(self, reading: Reading) -> None:
        customers = Counter(e["customer_id"] for e in reading.of("conversation"))
        assert customers == {"ferry:lena_ort_1182": 3, "ferry:paolo_vic_77": 2}
        assert {e["attributes"]["task_id"] for e in reading.of("conversation")} == {"7", "9"}

    def test_tb_5_thanks_is_no_evidence(self, reading: Reading) -> None:
        assert {e["kind"] for e in reading.of("confirmation")} == {"end_state_check"}
        (close,) = reading.of("state_change", "ferry:9:1")
        assert (close["actor"], close["reason"]) == ("customer", None)
        texts = [e["text"] for e in reading.of("message", "ferry:9:1")]
        assert texts[-1] == "Perfect, thank you!!"

    def test_tb_7_graders_are_not_pooled(self, reading: Reading) -> None:
        assert {e["system"] for e in reading.of("confirmation")} == {"tau_bench"}
        other = self.read(self.path, grader_version="2026.1")
        assert {e["system"] for e in other.of("confirmation")} == {"tau_bench 2026.1"}
        assert other.noted("grader_version") == {"2026.1": 4}

    def test_kinds_and_actions(self, reading: Reading) -> None:
        kinds = [e["kind"] for e in reading.of("message", "ferry:7:0") if e["actor"] == "ai_agent"]
        assert kinds == ["clarification", "answer"]
        actions = {
            (e["thread_id"], e["name"]): (e["kind"], e["status"]) for e in reading.of("action")
        }
        assert actions == {
            ("ferry:7:0", "cancel_booking"): ("transaction", "succeeded"),
            ("ferry:7:1", "get_booking"): ("lookup", "failed"),
            ("ferry:9:0", "get_booking"): ("lookup", "succeeded"),
            ("ferry:9:0", "update_booking"): ("transaction", "failed"),
        }

    def test_release_is_the_policys_hash(self, reading: Reading) -> None:
        policy = "You serve ferry passengers. Never change a booking twice."
        expected = f"policy-{benchmark.short_hash(policy)}"
        assert {e["release"] for e in reading.of("conversation")} == {expected}

    def test_arguments_are_not_kept(self, reading: Reading) -> None:
        assert "QX9KD2" not in json.dumps(reading.of("action"), default=str)
        assert reading.of("action")[0]["argument_names"] == ["id"]

    def test_a_bad_item_does_not_sink_the_run(self, copied: Path) -> None:
        edit(copied / "ferry.json", lambda whole: whole[0]["traj"].insert(2, "noise"))
        found = self.read(copied)
        assert [r.field_name for r in found.refused] == ["traj[2]"]
        assert len(found.of("message", "ferry:7:0")) == 5

    def test_unknown_settings_are_named(self) -> None:
        with pytest.raises(CandorError) as error:
            get("tau_bench").files(
                [self.path], SourceOptions("x", settings={"grader_versoin": "1"})
            )
        assert "did you mean 'grader_version'?" in str(error.value)

    def test_the_published_figures(self, shared: Callable[[str], Path]) -> None:
        found = self.read(shared("data/tau_bench_gpt4o_airline"))
        verdicts, handed, cut = outcomes(found), transferred(found), forced(found)
        contained = set(verdicts) - handed - cut
        graded = {t for t, v in verdicts.items() if v is not None}
        assert (len(verdicts), len(handed), len(set(verdicts) - handed)) == (200, 48, 152)
        assert (len(cut), len(graded)) == (5, 195)
        assert sum(v == "confirms" for v in verdicts.values()) == 84
        assert len(contained & graded) == 147
        assert Counter(verdicts[t] for t in contained) == {"confirms": 49, "contradicts": 98}
        assert sum(verdicts[t] == "confirms" for t in handed) == 35
        assert len({e["customer_id"] for e in found.of("conversation")}) == 34
        assert sum(e["item_count"] for e in found.of("conversation")) == 5308
        calls = len(found.of("action")) + len(found.of("handoff"))
        assert calls == 1164
        assert not found.refused
        answered = {e["thread_id"] for e in found.of("message") if e.get("kind") == "answer"}
        assert contained <= answered


class TestTau2Bench(Conformance):
    name = "tau2_bench"
    folder = "tau2_bench"
    settings: ClassVar[dict[str, Any]] = {"zone": "UTC"}
    record_keys = ("simulations",)
    not_assessed = ("ferry_run:t1:0",)
    optional_keys = frozenset({"reward_info", "agent_cost", "usage", "seed", "ticket"})
    lost_without_optional = frozenset({"confirmation", "cost"})

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["simulations"][0]["messages"][1]["content"] = text

        edit(folder / "ferry_run.json", change)
        return "ferry_run:t1:0:0001"

    @pytest.mark.parametrize("case", ["emoji", "right to left", "order", "formula", "a megabyte"])
    def test_ct_20_bodies_survive(self, copied: Path, case: str) -> None:
        super().test_ct_20_bodies_survive(copied, case)

    def test_zone_is_required(self) -> None:
        with pytest.raises(CandorError) as error:
            get("tau2_bench").files([self.path], SourceOptions("x"))
        assert 'add zone = "UTC"' in str(error.value)
        with pytest.raises(CandorError, match="did you mean 'Europe/Berlin'"):
            get("tau2_bench").files(
                [self.path], SourceOptions("x", settings={"zone": "Europe/Berlni"})
            )

    def test_ct_8_zones_land_on_the_same_instant(self, reading: Reading) -> None:
        berlin = self.read(self.path, zone="Europe/Berlin")
        for here, there in zip(reading.events, berlin.events, strict=True):
            assert here["occurred_at"] - there["occurred_at"] == 2 * 3600 * 1_000_000

    def test_tb_6_the_customer_calls_tools_too(self, reading: Reading) -> None:
        (action,) = reading.of("action", "ferry_run:t1:0")
        assert (action["actor"], action["name"]) == ("customer", "toggle_airplane_mode")

    def test_tb_6_the_requestor_decides(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["simulations"][1]["messages"][2]["tool_calls"][1]["requestor"] = "user"

        edit(copied / "ferry_run.json", change)
        calls = self.read(copied).of("action", "ferry_run:t2:0")
        assert [e["actor"] for e in calls] == ["ai_agent", "customer"]

    def test_ct_7_parallel_calls_keep_their_order(self, reading: Reading) -> None:
        calls = reading.of("action", "ferry_run:t2:0")
        assert [(e["status"], e["occurred_at"] % 10) for e in calls] == [
            ("succeeded", 0),
            ("failed", 1),
        ]

    def test_costs_are_known_or_absent(self, reading: Reading) -> None:
        costs = {e["thread_id"]: (e["amount"], e["quantity"]) for e in reading.of("cost")}
        assert costs == {
            "ferry_run:t1:0": (Decimal("0.012346"), 320),
            "ferry_run:t3:0": (Decimal("0.002000"), 320),
        }
        assert reading.noted("cost_unknown") == {"m-large": 2}

    def test_endings(self, reading: Reading) -> None:
        ends = {e["thread_id"]: (e["actor"], e["reason"]) for e in reading.of("state_change")}
        assert ends == {
            "ferry_run:t1:0": ("customer", None),
            "ferry_run:t3:0": ("system", "automation"),
            "ferry_run:t4:0": ("ai_agent", "ai_closed"),
        }
        assert forced(reading) == {"ferry_run:t3:0"}
        assert transferred(reading) == {"ferry_run:t2:0"}

    def test_broken_off_runs_were_never_checked(self, reading: Reading) -> None:
        assert outcomes(reading) == {
            "ferry_run:t1:0": "confirms",
            "ferry_run:t2:0": "contradicts",
            "ferry_run:t3:0": None,
            "ferry_run:t4:0": None,
        }

    def test_release_holds_model_and_policy(self, reading: Reading) -> None:
        (release,) = {e["release"] for e in reading.of("conversation")}
        assert release == f"m-large+policy-{benchmark.short_hash('Be kind.')}"

    def test_tb_7_the_graders_commit_is_in_the_system(self, reading: Reading) -> None:
        assert {e["system"] for e in reading.of("confirmation")} == {"tau2_bench abcdef012345"}

    def test_folder_form(self, reading: Reading, tmp_path: Path) -> None:
        whole = json.loads((self.path / "ferry_run.json").read_text("utf-8"))
        run = tmp_path / "ferry_run"
        (run / "simulations").mkdir(parents=True)
        for simulation in whole.pop("simulations"):
            target = run / "simulations" / f"{simulation['id']}.json"
            target.write_text(json.dumps(simulation), "utf-8")
        (run / "results.json").write_text(json.dumps(whole), "utf-8")
        assert self.read(tmp_path).facts() == reading.facts()
        (run / "results.json").unlink()
        with pytest.raises(FileRefused, match=r"no results\.json"):
            self.read(tmp_path)

    def test_a_tau_bench_list_is_refused(self) -> None:
        with pytest.raises(FileRefused):
            self.read(self.path.parent / "tau_bench")

    def test_runs_without_a_customer(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole["info"]["user_info"]["implementation"] = "dummy_user"

        edit(copied / "ferry_run.json", change)
        (conversation,) = self.read(copied).of("conversation", "ferry_run:t4:0")
        assert conversation["subject"] == "The phone of the guest has no signal."
        assert conversation["attributes"]["has_customer"] is False

    # run: conversations, items, without transfer, solved, no transfer and failed, agent cost
    PUBLISHED: ClassVar[dict[str, tuple[int, int, int, int, int, str | None]]] = {
        "gpt-4.1_airline": (20, 510, 17, 10, 8, "0.7833"),
        "gpt-4.1_retail": (40, 1105, 38, 34, 6, "1.8886"),
        "gpt-4.1_telecom": (40, 2238, 15, 18, 6, "3.1110"),
        "gpt-4.1_telecom_no-user": (40, 1232, 27, 20, 12, "3.0326"),
        "ft-gpt-4.1_airline": (20, 549, 14, 13, 5, None),
        "ft-gpt-4.1_retail": (40, 1179, 39, 34, 6, None),
        "ft-gpt-4.1_telecom": (40, 2935, 24, 30, 6, None),
        "ft-gpt-4.1_telecom_no-user": (40, 1218, 22, 34, 0, None),
    }

    @pytest.mark.parametrize("run", sorted(PUBLISHED))
    def test_the_published_figures(self, shared: Callable[[str], Path], run: str) -> None:
        found = self.read(shared(f"data/tau2_runs/{run}.json.gz"))
        verdicts, handed, cut = outcomes(found), transferred(found), forced(found)
        stayed = set(verdicts) - handed
        # The benchmark writes reward 0 for runs it broke off; they were never checked.
        ungraded = {t for t, v in verdicts.items() if v is None}
        assert ungraded == cut
        assert len(cut) == (6 if run == "ft-gpt-4.1_telecom" else 0)
        failed = sum(verdicts[t] in {"contradicts", None} for t in stayed)
        cost = found.of("cost")
        total = sum((e["amount"] for e in cost), Decimal(0)).quantize(Decimal("0.0001"))
        assert (
            len(verdicts),
            sum(e["item_count"] for e in found.of("conversation")),
            len(stayed),
            sum(v == "confirms" for v in verdicts.values()),
            failed,
            str(total) if cost else None,
        ) == self.PUBLISHED[run]
        assert {e["release"].count("+policy-") for e in found.of("conversation")} == {1}
        assert not found.refused

    def test_the_manifest_is_covered(self, shared: Callable[[str], Path]) -> None:
        text = shared("data/tau2_runs/MANIFEST.csv").read_text("utf-8")
        rows = csv.DictReader(text.splitlines())
        assert {row["file"].removesuffix(".json.gz") for row in rows} == set(self.PUBLISHED)

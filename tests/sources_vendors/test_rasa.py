"""The Rasa connector on our own trackers, rows and tables: its traps, and what every connector must do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.events.reasons import ReasonCode
from candor.sources.instants import DAY, MINUTE, of_iso
from candor.sources.rasa import source as rasa_source
from candor.sources.rasa.timeline import Step, Timeline
from candor.sources.registry import get
from candor.sources.run import read
from sources_vendors.conformance import PRIVACY, Conformance, Reading, edit

BASE = 1_778_662_800_000_000
FIRST = f"web-3391:{BASE + 100_000}"
SECOND = f"web-3391:{BASE + DAY + 100_000}"
TRIAL = f"cli-1:{BASE + 100_000_000}"
CUT = "old-1:0"
STORED = f"sql-7:{BASE + 500_000_000}"


def change_tracker(folder: Path, change: Any) -> None:
    path = folder / "trackers.jsonl"
    trackers = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    change(trackers)
    path.write_text("".join(json.dumps(t) + "\n" for t in trackers), "utf-8")


class TestRasa(Conformance):
    name = "rasa"
    folder = "rasa"
    test_threads = (TRIAL, "ss-2")
    not_assessed = (FIRST, SECOND, "ss-2")
    in_order: ClassVar[list[str]] = [f"{FIRST}:00008", f"{FIRST}:00009"]
    optional_keys = frozenset(
        ["metadata", "latest_event_time", "paused", "policy", "confidence", "retrieval_intent"]
        + ["environment", "message_id", "flow_id", "model_id"]
    )
    lost_without_optional = frozenset({"release"})

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        def change(trackers: list[Any]) -> None:
            trackers[2]["events"][0]["input_channel"] = "smoke_signal"

        change_tracker(folder, change)
        return "conversation.channel", "smoke_signal"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        # A dump taken later knows when the second session of the sender ended.
        def change(trackers: list[Any]) -> None:
            earlier = json.loads(json.dumps(trackers[0]))
            earlier["events"] = earlier["events"][:15]
            trackers.insert(0, earlier)

        change_tracker(folder, change)
        ended = BASE + 12_200_000 + 60 * MINUTE
        return "conversation", FIRST, "ended_at", ended

    def set_body(self, folder: Path, text: str) -> str:
        def change(trackers: list[Any]) -> None:
            trackers[0]["events"][3]["text"] = text

        change_tracker(folder, change)
        return f"{FIRST}:00003"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def test_ct_6_without_optional_blocks(self, copied: Path) -> None:
        # Stored rows hold their event as text, out of reach of the pruning.
        (copied / "store_events.jsonl").unlink()
        super().test_ct_6_without_optional_blocks(copied)

    def test_ct_14_inactivity_is_no_resolution(self, reading: Reading) -> None:
        ends = {e["thread_id"]: (e["to_state"], e["reason"]) for e in reading.of("state_change")}
        assert ends == {
            FIRST: ("closed", "inactivity"),
            SECOND: ("closed", None),
            STORED: ("closed", "inactivity"),
            "ss-1": ("closed", "inactivity"),
        }
        assert not reading.of("confirmation")

    # Traps.
    def test_ra_1_sessions_of_a_sender_are_threads(self, reading: Reading) -> None:
        found = [e for e in reading.of("conversation") if e["customer_id"] == "web-3391"]
        assert [e["thread_id"] for e in found] == [FIRST, SECOND]
        assert found[0]["ended_at"] == BASE + 12_200_000 + 60 * MINUTE
        assert found[1]["ended_at"] == BASE + DAY + 30_000_000
        assert not reading.of("link")

    def test_ra_1_a_session_may_expire_later(self) -> None:
        longer = self.read(self.path, session_expiration_minutes=2000)
        (first,) = longer.of("conversation", FIRST)
        assert first["ended_at"] == BASE + DAY + 100_000, "the next session began before that"
        (end,) = longer.of("state_change", FIRST)
        assert (end["reason"], end["extra"]) == ("automation", {"ended_by": "restarted"})

    def test_ra_1_identities_join_senders(self, reading: Reading) -> None:
        assert [(e["customer_id"], e["alias"]) for e in reading.of("identity")] == [
            ("sd-1", "4711")
        ]
        declared = self.read(self.path, identity_slots={"email": "email"})
        assert ("web-3391", "email", "uma@post.example") in {
            (e["customer_id"], e["alias_kind"], e["alias"]) for e in declared.of("identity")
        }

    def test_ra_2_sequence_numbers_order_and_count_nothing(self, reading: Reading) -> None:
        table = [e for e in reading.events if e.get("thread_id") == "ss-1"]
        same_second = sorted(
            (e["occurred_at"], e.get("message_id") or e.get("action_id"))
            for e in table
            if e["type"] in {"message", "action"}
        )
        assert [name for _, name in same_second] == ["um-1", "ac-1", "bm-1"]
        assert not any("turns" in (e.get("extra") or {}) for e in table)

    def test_ra_3_studios_success_is_a_claim_only_where_exported(self, reading: Reading) -> None:
        (claim,) = reading.of("claim")
        assert (claim["thread_id"], claim["raw_value"], claim["claimed"]) == (
            "ss-1",
            "handoff",
            "escalated",
        )
        assert claim["claimant"] == "rasa_studio"

    def test_ra_3_success_is_assumed(self, copied: Path) -> None:
        edit(copied / "studio_outcomes.json", lambda w: w[0].update(outcome="success"))
        assert [e["claimed"] for e in self.read(copied).of("claim")] == ["resolved_assumed"]
        edit(copied / "studio_outcomes.json", lambda w: w[0].update(outcome="bliss"))
        assert [e["claimed"] for e in self.read(copied).of("claim")] == [None]

    def test_ra_4_undone_turns_are_kept_and_marked(self, reading: Reading) -> None:
        marked = {
            e["message_id"]: e["extra"]["undone_by"]
            for e in reading.of("message")
            if "undone_by" in (e["extra"] or {})
        }
        assert marked == {
            f"{FIRST}:00010": "rewind",
            f"{FIRST}:00012": "rewind",
            f"{TRIAL}:00001": "restart",
            f"{TRIAL}:00002": "restart",
        }

    def test_ra_5_slots_are_masked_like_text(self) -> None:
        options = self.options()
        source = get("rasa")
        stored = ""
        for batch in read(source, [self.path], options, privacy=PRIVACY, in_child=False):
            stored += "".join(str(table.to_pylist()) for table in batch.tables.values())
        assert "uma@post.example" not in stored
        assert "EMAIL_" in stored

    def test_ra_6_position_wins_over_a_clock_without_digits(self, reading: Reading) -> None:
        two = {e["message_id"]: e["occurred_at"] for e in reading.of("message", FIRST)}
        assert two[f"{FIRST}:00009"] - two[f"{FIRST}:00008"] == 1
        steps = [Step(3_000_000, "a"), Step(2_400_000, "b"), Step(2_400_000, "c"), Step(0, "d")]
        Timeline("s", steps)
        # Within a second the order is kept; a clock that was set back is left as it is.
        assert [step.at for step in steps] == [3_000_000, 3_000_001, 3_000_002, 0]

    def test_ra_6_rows_of_one_instant_keep_their_number(self, reading: Reading) -> None:
        found = reading.of("message", STORED)
        assert [e["message_id"] for e in found] == [f"{STORED}:902", f"{STORED}:905"]
        assert found[1]["occurred_at"] - found[0]["occurred_at"] == 1

    # What was said and done.
    def test_messages(self, reading: Reading) -> None:
        found = {e["message_id"]: e for e in reading.of("message", FIRST)}
        said = found[f"{FIRST}:00003"]
        assert (said["actor"], said["text"]) == ("customer", "cancel my class")
        assert (said["intent_predicted"], said["intent_confidence"]) == ("cancel_booking", 0.81)
        kinds = {i[-2:]: e.get("kind") for i, e in found.items() if e["actor"] == "ai_agent"}
        assert kinds == {"08": "clarification", "09": None, "12": "fallback"}
        assert found[f"{FIRST}:00008"]["extra"]["data"]["buttons"][0]["title"] == "Yoga"
        assert found[f"{FIRST}:00009"]["release"] == "m-aa1"

    def test_kinds_are_declared_by_response(self) -> None:
        told = self.read(self.path, response_kinds={"utter_hint": "answer"})
        kinds = {e["message_id"]: e.get("kind") for e in told.of("message")}
        assert kinds[f"{FIRST}:00009"] == "answer"
        guessed = self.read(self.path, ai_text_kind="question_mark").of("message", SECOND)
        assert [e.get("kind") for e in guessed] == [None, "clarification"]
        own = self.read(self.path, fallback_actions=["utter_hint"])
        assert {e["message_id"]: e.get("kind") for e in own.of("message")}[f"{FIRST}:00009"] == (
            "fallback"
        )

    def test_actions_ran_or_were_rejected(self, reading: Reading) -> None:
        found = [(e["name"], e["kind"], e["status"]) for e in reading.of("action", FIRST)]
        assert found == [
            ("action_cancel", "transaction", None),
            ("action_cancel", "transaction", "failed"),
            ("action_default_fallback", "transaction", None),
            ("action_human_handoff", "transaction", None),
        ]
        (table,) = reading.of("action", "ss-1")
        assert (table["name"], table["kind"]) == ("action_lookup_hours", "lookup")

    def test_a_pause_after_a_handoff_is_no_second_one(self, reading: Reading) -> None:
        found = {
            e["thread_id"]: (e["occurred_at"], e["accepted_at"]) for e in reading.of("handoff")
        }
        assert len(reading.of("handoff")) == 3
        assert found[FIRST] == (BASE + 12_100_000, None)
        # The clock of the table ends at seconds, so the sequence number orders it further.
        assert found["ss-1"] == (of_iso("2026-05-20T10:00:40.000060Z", "test"), None)
        assert CUT in found

    def test_handoffs_by_the_users_list(self, copied: Path) -> None:
        declared = self.read(copied, handoff_actions=["action_cancel"])
        at = {e["occurred_at"] for e in declared.of("handoff", FIRST)}
        assert at == {BASE + 1_900_000}, "the later ones are its echo"

    # Sessions.
    def test_conversations(self, reading: Reading) -> None:
        found = {
            e["thread_id"]: (e["channel"], e["release"], e["is_test"])
            for e in reading.of("conversation")
        }
        assert found == {
            FIRST: ("chat", "m-aa1", False),
            SECOND: ("chat", "m-aa1", False),
            TRIAL: ("chat", "m-aa1", True),
            CUT: ("sms", "m-aa1", False),
            STORED: ("social", "m-aa1", False),
            f"sql-7:{BASE + 7_700_000_000}": ("social", "m-aa1", False),
            "ss-1": ("voice", "m-bb2", False),
            "ss-2": (None, "m-bb2", True),
        }
        assert reading.noted("channel_missing") == {"sessions without their row of rasa_sender": 1}

    def test_environments_are_the_users(self) -> None:
        found = self.read(self.path, production_environments=["development"])
        tests = {e["thread_id"] for e in found.of("conversation") if e["is_test"]}
        assert tests == {TRIAL, "ss-1"}

    def test_ct_10_a_session_without_its_start_is_flagged(self, reading: Reading) -> None:
        (cut,) = reading.of("conversation", CUT)
        assert cut["extra"]["is_truncated"] is True
        assert reading.noted("session_start_missing") == {
            "events before the first session_started": 1
        }

    def test_the_model_as_first_seen(self, reading: Reading) -> None:
        best: dict[str, dict[str, Any]] = {}
        for event in reading.of("release"):
            if event["revision"] > best.get(event["release"], {"revision": 0})["revision"]:
                best[event["release"]] = event
        assert {name: e["deployed_at"] for name, e in best.items()} == {
            "m-aa1": BASE + 100_000,
            "m-bb2": of_iso("2026-05-20T10:00:00Z", "test"),
        }

    def test_a_bad_event_does_not_sink_the_tracker(self, copied: Path) -> None:
        def change(trackers: list[Any]) -> None:
            trackers[0]["events"][4] = "noise"
            trackers[0]["events"][5]["timestamp"] = "soon"

        change_tracker(copied, change)
        found = self.read(copied)
        codes = [(r.code, r.field_name) for r in found.refused]
        assert codes == [
            (ReasonCode.TYPE_MISMATCH, "events[4]"),
            (ReasonCode.TS_UNPARSED, "timestamp"),
        ]
        # Positions count what stands in the tracker, so ids do not move.
        assert f"{FIRST}:00008" in {e["message_id"] for e in found.of("message")}

    def test_stored_rows_mean_what_trackers_mean(self, tmp_path: Path) -> None:
        line = (self.path / "trackers.jsonl").read_text("utf-8").splitlines()[0]
        tracker = json.loads(line)
        rows = [
            {"id": 10 + n, "sender_id": "web-3391", "type_name": e["event"], "data": json.dumps(e)}
            for n, e in enumerate(tracker["events"])
        ]
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "t.jsonl").write_text(line + "\n", "utf-8")
        (tmp_path / "b").mkdir()
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "b" / "rows.jsonl").write_text(text, "utf-8")

        def told(found: Reading) -> list[Any]:
            names = ("thread_id", "occurred_at", "actor", "text", "name", "to_state")
            events = [e for e in found.events if e["type"] != "release"]
            return sorted((e["type"], *(str(e.get(name)) for name in names)) for e in events)

        assert told(self.read(tmp_path / "a")) == told(self.read(tmp_path / "b"))

    def test_a_stored_row_that_is_no_event_is_refused(self, copied: Path) -> None:
        path = copied / "store_events.jsonl"
        row = json.loads(path.read_text("utf-8").splitlines()[0])
        path.write_text(json.dumps({**row, "data": "{broken"}) + "\n", "utf-8")
        source, options = get("rasa"), self.options()
        (batch, *_) = read(source, [path], options, privacy=PRIVACY, in_child=False)
        assert [(q.reason, q.field) for q in batch.quarantine] == [(ReasonCode.JSON_SYNTAX, "data")]

    def test_trackers_are_read_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("neighbours were read")

        monkeypatch.setattr(rasa_source, "read_export", refuse)
        for number, line in enumerate((self.path / "trackers.jsonl").read_text().splitlines()):
            (tmp_path / f"{number}.json").write_text(line, "utf-8")
        assert len(self.read(tmp_path).of("conversation")) == 4

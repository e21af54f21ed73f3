"""The Ada connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.errors import CandorError
from candor.sources.ada import kinds
from candor.sources.instants import of_iso
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading, edit

LABEL = "automated_resolution_classification"


def thread(number: int) -> str:
    return f"66fa0000000000000000c0{number:02d}"


def at(clock: str) -> int:
    return of_iso(f"2026-06-09T{clock}Z", "test")


class TestAda(Conformance):
    name = "ada"
    folder = "ada"
    record_keys = ("data",)
    test_threads = (thread(5),)
    not_assessed = (thread(5), thread(6))
    bot_seat = "ag-7"
    in_order: ClassVar[list[str]] = [f"66fa0000000000000000a{n:03d}" for n in (2, 3)]
    optional_keys = frozenset(
        [
            LABEL,
            f"{LABEL}_reason",
            "inquiry_summary",
            "csat",
            "review",
            "is_escalated",
            "agent_id",
            "agent_handle_time",
            "bot_handle_time",
            "record_last_updated",
            "answer_id",
            "answer_title",
            "oauth_channel",
            "variables",
            "metavariables",
        ]
    )
    lost_without_optional = frozenset({"claim", "assessment", "handoff", "survey"})

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        edit(folder / "conversations.json", lambda w: w["data"][0].update({LABEL: "Half Resolved"}))
        return "claim_unknown", "Half Resolved"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            later = copy.deepcopy(whole["data"][0])
            later |= {"record_last_updated": "2026-06-11T02:00:00Z", "language": "de"}
            whole["data"].insert(0, later)

        edit(folder / "conversations.json", change)
        return "conversation", thread(1), "language", "de"

    def set_body(self, folder: Path, text: str) -> str:
        def change(whole: Any) -> None:
            whole["data"][0]["message_data"]["body"] = text

        edit(folder / "messages.json", change)
        return "66fa0000000000000000a001"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        # One export is one folder, so its parts stay together.
        return half.parent / f"{'part' if keep else 'head'}_{path.name}"

    def test_ad_1_only_what_was_looked_at_is_labelled(self, reading: Reading) -> None:
        found = {
            (e["thread_id"], e["raw_value"]): e["claimed"]
            for e in reading.of("claim")
            if e["raw_value"] != "is_escalated"
        }
        assert found == {
            (thread(1), "Not Resolved"): "negative",
            (thread(2), "Resolved"): "resolved_assumed",
            (thread(3), "Resolved"): "resolved_assumed",
        }
        # Six conversations: the rate is over the three that were looked at.
        assert len(reading.of("conversation")) == 6
        labels = {e["thread_id"]: e for e in reading.of("assessment")}
        assert set(labels) == {thread(1), thread(2), thread(3)}
        assert {e["assessor_kind"] for e in labels.values()} == {"vendor"}
        assert labels[thread(1)]["explanation"] == "The copy of the invoice was never sent."
        assert {e["sampling_probability"] for e in labels.values()} == {None}

    def test_ad_1_a_declared_random_sample_is_weighted_by_its_day(self, copied: Path) -> None:
        found = self.read(copied, sampling_share="by_day")
        # Engaged and no test on 9 June: four, of which three are labelled.
        assert {e["sampling_probability"] for e in found.of("assessment")} == {0.75}

        def change(whole: Any) -> None:
            more = {**whole["data"][3], "_id": "66fa0000000000000000c0ff"}
            whole["data"].append({**more, "record_last_updated": "2026-06-13T00:00:00Z"})

        edit(copied / "conversations.json", change)
        later = self.read(copied, sampling_share="by_day").of("assessment")
        assert {e["sampling_probability"] for e in later} == {0.6}
        before = {e["assessment_id"]: e["revision"] for e in found.of("assessment")}
        assert all(e["revision"] > before[e["assessment_id"]] for e in later)
        weights = sum(1 / e["sampling_probability"] for e in later)
        assert weights == pytest.approx(5.0)  # the weighted labels stand for every engaged one

    def test_ad_1_a_declared_share_is_taken_as_it_is(self) -> None:
        found = self.read(self.path, sampling_share=0.25)
        assert {e["sampling_probability"] for e in found.of("assessment")} == {0.25}

    @pytest.mark.parametrize("share", [0, 1.5, "weekly", True])
    def test_ad_1_a_share_that_is_none_is_refused(self, share: object) -> None:
        with pytest.raises(CandorError) as error:
            get("ada").files([self.path], self.options(sampling_share=share))
        assert "sampling_share" in error.value.problems[0].where

    def test_ad_1_both_claims_are_kept(self, reading: Reading) -> None:
        claims = [(e["raw_value"], e["claimed"]) for e in reading.of("claim", thread(3))]
        assert claims == [("Resolved", "resolved_assumed"), ("is_escalated", "escalated")]
        assert not reading.of("claim", thread(6))

    def test_ad_2_who_began_is_never_told(self, reading: Reading) -> None:
        assert {e["direction"] for e in reading.of("conversation")} == {None}
        (unengaged,) = reading.of("conversation", thread(6))
        assert unengaged["attributes"]["is_engaged"] is False

    def test_ad_3_missing_days_are_named(self, reading: Reading) -> None:
        window = {"requested_since": "2026-06-08", "requested_until": "2026-06-16"}
        found = self.read(self.path, **window)
        assert found.noted("coverage_gap") == {
            "no conversation of 2026-06-08": 6,
            "no conversation of 2026-06-10": 6,
            "no conversation of 2026-06-12 to 2026-06-15": 6,
        }
        assert reading.noted("coverage_gap") == {}

    def test_ad_4_none_in_words_is_no_scripted_answer(self, reading: Reading) -> None:
        kinds_of = {e["message_id"][-2:]: e["kind"] for e in reading.of("message")}
        assert (kinds_of["02"], kinds_of["03"]) == (None, None)
        assert kinds_of["05"] == "custom_answer"
        assert kinds.NO_ANSWER[:3] == (None, "", "None")
        told = self.read(self.path, ai_text_kind="question_mark")
        assert {e["kind"] for e in told.of("message", thread(1)) if e["actor"] == "ai_agent"} == {
            "answer"
        }
        plain = next(e for e in reading.of("message") if e["message_id"].endswith("02"))
        assert "answer_id" not in plain["extra"]

    def test_ad_5_an_escalation_without_time(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", thread(4))
        assert handoff["extra"]["time_unknown"] is True
        assert handoff["extra"]["changed_between"] == [
            "2026-06-09T19:00:09Z",
            "2026-06-09T19:02:00Z",
        ]
        assert (handoff["accepted_at"], handoff["reason"]) == (None, None)
        assert reading.noted("handoff_time_unknown") == {
            "escalated without a message of a person": 1
        }

    def test_ad_5_a_person_who_writes_gives_the_time(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff", thread(3))
        assert handoff["occurred_at"] == handoff["accepted_at"] == at("18:04:00")
        assert handoff["extra"] is None

    def test_actors_by_the_conversations_own_ids(self, reading: Reading) -> None:
        actors = {e["message_id"][-2:]: e["actor"] for e in reading.of("message")}
        assert [actors[n] for n in ("01", "02", "08", "12")] == [
            "customer",
            "ai_agent",
            "human_agent",
            None,
        ]
        assert reading.noted("actor_unknown") == {
            "sender that no conversation of the export explains": 1
        }

    def test_reviews_become_feedback_only_when_their_meaning_is_known(
        self, reading: Reading
    ) -> None:
        feedback = {e["message_id"][-2:]: e["feedback"] for e in reading.of("message")}
        assert (feedback["03"], feedback["05"]) == ("negative", None)
        assert reading.noted("review_unknown") == {"1": 1}
        declared = self.read(self.path, review_values={"1": "positive"})
        assert "positive" in {e["feedback"] for e in declared.of("message", thread(2))}

    def test_ratings_are_read_only_as_declared(self, reading: Reading) -> None:
        assert not reading.of("survey")
        assert reading.of("conversation", thread(1))[0]["extra"]["csat"]["rating"] == 2
        assert sum(reading.noted("csat_unmapped").values()) == 1
        reading_of = {"score": "rating", "comment": "remark", "scale": [1, 5]}
        (survey,) = self.read(self.path, csat=reading_of).of("survey")
        assert (survey["score"], survey["scale_min"], survey["scale_max"]) == (2.0, 1.0, 5.0)
        assert survey["comment"] == "no help"

    def test_cost_needs_a_declared_rate(self, reading: Reading) -> None:
        assert not reading.of("cost")
        (cost,) = self.read(self.path, human_minute_cost="0.80", currency="EUR").of("cost")
        assert (cost["quantity"], str(cost["amount"]), cost["unit"]) == (
            15.5,
            "12.400000",
            "minute",
        )

    def test_aliases(self, reading: Reading) -> None:
        chatters = {(e["customer_id"], e["alias_kind"], e["alias"]) for e in reading.of("identity")}
        assert ("eu-1", "cookie", "ch-1") in chatters
        assert reading.of("conversation", thread(5))[0]["customer_id"] == "ch-5"
        declared = self.read(self.path, identity_variables={"email": "email"})
        assert ("eu-1", "email", "uma@post.example") in {
            (e["customer_id"], e["alias_kind"], e["alias"]) for e in declared.of("identity")
        }

    def test_names_of_people_are_not_kept(self, reading: Reading) -> None:
        assert "Pia" not in str([e for e in reading.events if e["type"] == "conversation"])

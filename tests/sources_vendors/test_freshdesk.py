"""The Freshdesk connector on our own export: its traps, and what every connector must do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.sources.freshdesk import context
from candor.sources.instants import of_iso
from sources_vendors.conformance import Conformance, Reading, edit


def at(text: str) -> int:
    return of_iso(f"2026-04-{text}Z", "test")


class TestFreshdesk(Conformance):
    name = "freshdesk"
    folder = "freshdesk"
    settings: ClassVar[dict[str, Any]] = {"test_tags": ["qa"], "intent_field": "cf_issue"}
    test_threads = ("30416",)
    not_assessed = ("30412", "30413", "30414")
    reopened = ("30412",)
    bot_seat = "70"
    links: ClassVar[set[tuple[str, str, str]]] = {("30414", "30415", "parent")}
    in_order: ClassVar[list[str]] = ["entry:7001", "entry:7002"]
    # Everything but ids, texts, authors and clocks is documented by third parties only.
    optional_keys = frozenset(
        [
            "stats",
            "is_escalated",
            "fr_escalated",
            "due_by",
            "fr_due_by",
            "association_type",
            "associated_tickets_list",
            "custom_fields",
            "tags",
            "company_id",
            "priority",
            "source",
        ]
    )
    lost_without_optional = frozenset({"link"})

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        edit(folder / "tickets_2026-04-02.json", lambda whole: whole[0].update(source=42))
        return "conversation.channel", "42"

    def late_revision(self, folder: Path) -> tuple[str, str, str, Any]:
        def change(whole: Any) -> None:
            whole.insert(0, {**whole[1], "priority": 4, "updated_at": "2026-04-04T00:00:00Z"})

        edit(folder / "tickets_2026-04-03.json", change)
        return "conversation", "30413", "priority", "urgent"

    def set_body(self, folder: Path, text: str) -> str:
        edit(folder / "conversations.json", lambda whole: whole[2].update(body_text=text))
        return "entry:7003"

    def test_ct_2_split(self, reading: Reading, copied: Path) -> None:
        for path in sorted(copied.glob("*.json")):
            whole = json.loads(path.read_text("utf-8"))
            for half in (0, 1):
                part = whole[half::2]
                if part:
                    (copied / f"{half}_{path.name}").write_text(json.dumps(part), "utf-8")
            path.unlink()
        assert self.read(copied).facts() == reading.facts()

    def changes(self, reading: Reading, thread: str) -> list[tuple[Any, ...]]:
        found = {e["change_id"]: e for e in reading.of("state_change", thread)}
        ordered = sorted(found.values(), key=lambda e: e["occurred_at"])
        return [(e["occurred_at"], e["from_state"], e["to_state"], e["reason"]) for e in ordered]

    def test_fd_1_a_missed_deadline_is_no_handoff(self, reading: Reading) -> None:
        ticket = reading.of("conversation", "30414")[0]
        assert ticket["attributes"]["missed_resolution_deadline"] is True
        assert not reading.of("handoff", "30414")
        assert not self.read(self.path, ai=frozenset({"70"})).of("handoff", "30414")

    def test_fd_2_a_reopen_between_pulls_carries_the_interval(self, reading: Reading) -> None:
        assert self.changes(reading, "30412") == [
            (at("02T09:05:30"), None, "solved", None),
            (at("03T06:00:00"), "solved", "open", "reopened"),
        ]
        (reopened,) = [e for e in reading.of("state_change", "30412") if e["to_state"] == "open"]
        assert reopened["extra"]["changed_between"] == [
            "2026-04-02T09:05:31Z",
            "2026-04-03T06:00:00Z",
        ]
        assert reopened["actor"] is None

    def test_fd_2_a_cycle_within_one_pull_is_invisible(self, copied: Path) -> None:
        edit(copied / "tickets_2026-04-03.json", lambda whole: whole[0].update(status=4))
        found = self.read(copied)
        assert [c[2] for c in self.changes(found, "30412")] == ["solved"]

    def test_fd_2_the_vendors_own_clock_wins(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            whole[0]["stats"]["reopened_at"] = "2026-04-02T20:00:00Z"

        edit(copied / "tickets_2026-04-03.json", change)
        assert self.changes(self.read(copied), "30412")[1:] == [
            (at("02T20:00:00"), None, "open", "reopened")
        ]

    def test_fd_3_the_first_resolve_is_kept(self, copied: Path) -> None:
        def change(whole: Any) -> None:
            again = copy.deepcopy(whole[0])
            again |= {"status": 4, "updated_at": "2026-04-04T12:00:01Z"}
            again["stats"]["resolved_at"] = "2026-04-04T12:00:00Z"
            whole.append(again)

        edit(copied / "tickets_2026-04-03.json", change)
        solved = [c[0] for c in self.changes(self.read(copied), "30412") if c[2] == "solved"]
        assert solved == [at("02T09:05:30"), at("04T12:00:00")]

    @pytest.mark.parametrize(
        "shape",
        [
            {"ratings": [{"question": "default_question", "value": 103}]},
            {"ratings": 103},
            {"rating": 103},
            {"rating": {"default_question": 103}},
        ],
    )
    def test_fd_4_every_shape_gives_the_same_survey(
        self, reading: Reading, copied: Path, shape: dict[str, Any]
    ) -> None:
        def change(whole: Any) -> None:
            del whole[0]["ratings"]
            whole[0].update(shape)

        edit(copied / "satisfaction_ratings.json", change)
        ours, theirs = (
            [e for e in r.of("survey", "30412") if e["instrument"] == "csat"]
            for r in (self.read(copied), reading)
        )
        assert ours == theirs
        assert len(ours) == 1

    def test_fd_4_only_the_direction_is_used(self, reading: Reading) -> None:
        found = {e["survey_id"]: e for e in reading.of("survey")}
        assert {k: (e["score"], e["instrument"]) for k, e in found.items()} == {
            "rating:102:default_question": (1.0, "csat"),
            "rating:102:question_2": (-1.0, "other"),
            "rating:103:default_question": (0.0, "csat"),
        }
        first = found["rating:102:default_question"]
        assert (first["scale_min"], first["scale_max"]) == (-1.0, 1.0)
        assert first["extra"]["rating_code"] == 103
        assert (first["about"], first["asked_at"]) == (None, None)

    def test_fd_4_a_declared_table_is_another_series(self, reading: Reading) -> None:
        table = {"103": 5, "100": 3, "-103": 1}
        found = self.read(self.path, rating_scores=table)
        first = next(
            e for e in found.of("survey") if e["survey_id"].endswith("102:default_question")
        )
        assert (first["score"], first["scale_min"], first["scale_max"]) == (5.0, 1.0, 5.0)
        assert first["version"] == "freshdesk-1:table"
        assert found.noted("rating_unknown") == {"-102": 1}
        assert {e["version"] for e in reading.of("survey")} == {"freshdesk-1:direction"}

    def test_fd_5_a_query_that_ran_full_is_named(
        self, reading: Reading, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert context.QUERY_LIMIT == 300 * 100
        assert reading.noted("query_full") == {}
        monkeypatch.setattr(context, "QUERY_LIMIT", 5)
        assert list(self.read(self.path).noted("query_full")) == [
            "tickets_2026-04-03.json: 5 tickets, where a query ends; go on from the last updated_at"
        ]

    def test_fd_6_spam_and_deleted_come_from_their_lists(self, reading: Reading) -> None:
        assert {e["thread_id"] for e in reading.of("conversation") if e["is_spam"]} == {"30417"}
        (erasure,) = reading.of("erasure")
        assert (erasure["subject_kind"], erasure["subject_id"]) == ("thread", "30418")
        assert not reading.of("conversation", "30418")
        assert not reading.of("message", "30418")

    def test_handoff_between_two_pulls(self, reading: Reading) -> None:
        assert not reading.of("handoff")  # nobody said that seat 70 is a bot
        (handoff,) = self.read(self.path, ai=frozenset({"70"})).of("handoff")
        assert handoff["thread_id"] == "30413"
        assert handoff["extra"]["changed_between"] == [
            "2026-04-02T08:00:30Z",
            "2026-04-03T08:30:00Z",
        ]
        assert handoff["accepted_at"] == at("03T07:00:00")
        assert handoff["occurred_at"] == at("03T07:00:00")
        assert (handoff["is_failed"], handoff["to_queue"]) == (False, "12")

    def test_nobody_came(self, copied: Path) -> None:
        edit(copied / "conversations.json", lambda whole: whole.pop(6))
        (handoff,) = self.read(copied, ai=frozenset({"70"})).of("handoff")
        assert (handoff["accepted_at"], handoff["is_failed"]) == (None, True)

    def test_a_status_of_the_accounts_own_is_unknown(self, reading: Reading) -> None:
        assert reading.noted("status_unknown") == {"status 6": 1}
        assert [c[2] for c in self.changes(reading, "30414")] == ["pending"]
        declared = self.read(self.path, status_map={"6": "snoozed"})
        assert [c[2] for c in self.changes(declared, "30414")] == ["pending", "snoozed"]

    def test_closed_and_resolved_in_one_second_are_two_steps(self, reading: Reading) -> None:
        changes = reading.of("state_change", "30416")
        assert [e["to_state"] for e in changes] == ["solved", "closed"]

    def test_first_message_and_who_wrote_it(self, reading: Reading) -> None:
        first = {e["thread_id"]: e for e in reading.of("message") if e["message_id"][:2] == "ti"}
        assert (first["30412"]["actor"], first["30412"]["actor_id"]) == ("customer", "801")
        assert (first["30415"]["actor"], first["30415"]["actor_id"]) == ("human_agent", "67")
        assert reading.of("conversation", "30415")[0]["direction"] == "proactive"

    def test_notes_are_private(self, reading: Reading) -> None:
        (note,) = [e for e in reading.of("message") if not e["is_public"]]
        assert (note["message_id"], note["kind"]) == ("entry:7004", "note")

    def test_no_description_is_told(self, copied: Path) -> None:
        edit(copied / "tickets_spam.json", lambda whole: whole[0].pop("description_text"))
        found = self.read(copied)
        assert found.noted("description_missing") == {"tickets without their first message": 1}
        assert not found.of("message", "30417")

    def test_people_and_companies(self, reading: Reading) -> None:
        aliases = [(e["alias_kind"], e["alias"]) for e in reading.of("identity")]
        assert aliases == [
            ("email", "mo@mail.example"),
            ("email", "mo@home.example"),
            ("phone", "+15550100801"),
            ("external", "crm-801"),
        ]
        account = reading.of("account")[0]
        assert (account["segment"], account["extra"]["health_score"]) == ("Premium", "At risk")
        assert "health_score" not in account

    def test_an_entry_without_author_is_counted(self, copied: Path) -> None:
        edit(copied / "conversations.json", lambda whole: whole[7].update(user_id=None))
        found = self.read(copied)
        assert found.noted("actor_unknown") == {"an outgoing entry without user_id": 1}

"""The transcripts connector on our own files: every form, its traps, and what every connector must do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.errors import CandorError
from candor.events.reasons import ReasonCode
from candor.sources.base import Notes, RecordRefused
from candor.sources.instants import of_iso
from candor.sources.registry import get
from candor.sources.transcripts.turns import Turn, began_by_name, joined
from sources_vendors.conformance import Conformance, Reading, edit

VTT = "support-17_2026-07-01T10-00-00Z"
ZOOM = "GMT20260702-141500_Recording"


class TestTranscripts(Conformance):
    name = "transcripts"
    folder = "transcripts"
    settings: ClassVar[dict[str, Any]] = {
        "zone": "Europe/Berlin",
        "speakers": {
            "Desk Bot": "ai_agent",
            "Piet": "human_agent",
            "SPEAKER_00": "ai_agent",
            "SPEAKER_01": "customer",
            "channel:0": "customer",
            "channel:1": "ai_agent",
            "A": "ai_agent",
            "B": "customer",
            "spk_0": "customer",
            "spk_1": "human_agent",
            "speaker:0": "human_agent",
            "speaker:1": "customer",
        },
    }
    record_keys = ("segments",)
    test_threads = ("call_88_2026-07-03T08-30-00",)
    bot_seat = "Piet"
    in_order: ClassVar[list[str]] = [f"{VTT}:00002", f"{VTT}:00003"]
    optional_keys = frozenset(
        ["words", "confidence", "language", "language_code", "avg_logprob", "channel"]
    )

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        edit(folder / "whisperx.json", lambda whole: whole.update(channel="carrier_pigeon"))
        return "conversation.channel", "carrier_pigeon"

    def set_body(self, folder: Path, text: str) -> str:
        edit(folder / "whisperx.json", lambda whole: whole["segments"][0].update(text=text))
        return "wx-1:00000"

    def split_target(self, half: Path, path: Path, keep: int) -> Path:
        return half.parent / path.name if not keep else half / path.name

    def test_ct_2_shuffled(self, copied: Path) -> None:
        lines = (copied / "rev.jsonl").read_text("utf-8").splitlines()
        before = self.read(copied).facts()
        (copied / "rev.jsonl").write_text("\n".join(reversed(lines)) + "\n", "utf-8")
        assert self.read(copied).facts() == before

    def test_ct_2_split(self, copied: Path) -> None:
        lines = (copied / "rev.jsonl").read_text("utf-8").splitlines()
        before = self.read(copied).facts()
        for number, line in enumerate(lines):
            (copied / f"part{number}.jsonl").write_text(line + "\n", "utf-8")
        (copied / "rev.jsonl").unlink()
        assert self.read(copied).facts() == before

    # WebVTT.
    def test_webvtt_voices_and_times(self, reading: Reading) -> None:
        found = reading.of("message", VTT)
        assert [
            (e["actor"], e["speech_start_ms"], e["speech_end_ms"], e["text"]) for e in found
        ] == [
            ("ai_agent", 0, 2400, "Hello, what can I do for you?"),
            ("customer", 3100, 7000, "My card was charged twice & I want it back."),
            ("ai_agent", 6500, 8000, "Let me check."),
            ("customer", 6500, 8000, "Please do."),
            ("human_agent", 15000, 18250, "Hi, Piet here. I refunded it: today."),
        ]
        assert found[1]["occurred_at"] == of_iso("2026-07-01T10:00:03.1Z", "test")
        assert found[0]["extra"] == {"cue": "intro"}

    def test_webvtt_headings_are_kept(self, reading: Reading) -> None:
        (call,) = reading.of("conversation", VTT)
        assert (call["customer_id"], call["language"], call["release"]) == (
            "cu-4",
            "en-GB",
            "desk-9",
        )
        assert call["extra"]["header"] == "- Support line"
        assert call["extra"]["notes"] == ["STYLE\n::cue { color: teal }"]
        assert call["ended_at"] == of_iso("2026-07-01T10:00:18.25Z", "test")

    def test_a_bad_cue_does_not_sink_the_call(self, reading: Reading) -> None:
        refused = [(r.code, r.field_name) for r in reading.refused]
        assert refused == [
            (ReasonCode.DURATION_NEGATIVE, "cue"),
            (ReasonCode.TS_UNPARSED, "cue"),
        ]

    def test_a_colon_is_a_speaker_only_when_the_word_is_one(self, reading: Reading) -> None:
        found = [(e["actor"], e["actor_id"], e["text"]) for e in reading.of("message", ZOOM)]
        assert found == [
            ("human_agent", "Advisor", "Good afternoon."),
            ("human_agent", "Advisor", "This is the desk."),
            ("customer", "Caller", "Note: I have one question."),
            (None, None, "Reminder: bring a pen."),
        ]
        believed = self.read(self.path, speaker_prefix=True).of("message", ZOOM)
        assert (believed[3]["actor_id"], believed[3]["text"]) == ("Reminder", "bring a pen.")

    def test_captions_are_joined_only_as_declared(self, reading: Reading) -> None:
        assert len(reading.of("message", ZOOM)) == 4
        found = self.read(self.path, join_gap_ms=500).of("message", ZOOM)
        assert [(e["text"], e["speech_start_ms"], e["speech_end_ms"]) for e in found][:1] == [
            ("Good afternoon. This is the desk.", 1000, 4000)
        ]
        assert len(found) == 3
        narrow = self.read(self.path, join_gap_ms=499).of("message", ZOOM)
        assert len(narrow) == 4

    def test_two_speakers_are_never_joined(self) -> None:
        turns: list[Turn | RecordRefused] = [Turn("a", "x", 0, 10), Turn("b", "y", 10, 20)]
        assert joined(turns, 1000) == turns

    # Plain text.
    def test_plain_text_with_times(self, reading: Reading) -> None:
        thread = "call_88_2026-07-03T08-30-00"
        found = reading.of("message", thread)
        assert [(e["speech_start_ms"], e["speech_end_ms"], e["text"]) for e in found] == [
            (0, None, "Are you open on Sunday?"),
            (4500, 6000, "Yes, from ten to four."),
            (7000, None, "Thanks."),
        ]
        # Half past eight in Berlin, as declared.
        assert found[0]["occurred_at"] == of_iso("2026-07-03T06:30:00Z", "test")

    def test_plain_text_without_times_has_a_synthetic_clock(self, reading: Reading) -> None:
        thread = "call_89_2026-07-03T09-30-00Z"
        (call,) = reading.of("conversation", thread)
        assert (call["extra"], call["ended_at"]) == ({"synthetic_time": True}, None)
        found = reading.of("message", thread)
        began = of_iso("2026-07-03T09:30:00Z", "test")
        assert [e["occurred_at"] - began for e in found] == [0, 60_000_000, 120_000_000]
        assert {e["speech_start_ms"] for e in found} == {None}
        assert not reading.of("state_change", thread)
        assert reading.noted("synthetic_time") == {"transcripts without times inside": 1}

    # Recognisers: the unit is the shape's.
    @pytest.mark.parametrize(
        ("thread", "expected"),
        [
            ("wx-1", [("customer", 500, 1750), ("ai_agent", 2000, 3000), (None, 3500, 3900)]),
            ("dg-1", [("customer", 80, 1200), ("ai_agent", 1900, 3040)]),
            ("aa-1", [("ai_agent", 250, 900), ("customer", 1200, 1800)]),
            ("tr-1", [("customer", 0, 900), ("human_agent", 1250, 1500)]),
            ("rv-1", [("human_agent", 200, 750), ("customer", 1500, 1750)]),
        ],
    )
    def test_recognisers(
        self, reading: Reading, thread: str, expected: list[tuple[str | None, int, int]]
    ) -> None:
        found = reading.of("message", thread)
        assert [(e["actor"], e["speech_start_ms"], e["speech_end_ms"]) for e in found] == expected

    def test_the_recognisers_confidence_and_words(self, reading: Reading) -> None:
        found = {e["message_id"]: e for e in reading.of("message")}
        assert found["dg-1:00001"]["transcript_confidence"] == 0.91
        assert found["wx-1:00001"]["extra"] == {"avg_logprob": -0.2}
        assert found["rv-1:00000"]["text"] == "Good day."

    def test_when_a_recogniser_ran_is_not_when_the_call_was(
        self, reading: Reading, copied: Path
    ) -> None:
        (call,) = reading.of("conversation", "dg-1")
        assert call["started_at"] == of_iso("2026-07-04T10:00:00Z", "test")
        path = copied / "deepgram_2026-07-04T10-00-00Z.json"
        path.rename(copied / "deepgram.json")
        assert self.refusal(copied / "deepgram.json").code == ReasonCode.TS_UNPARSED

    def refusal(self, path: Path) -> RecordRefused:
        source, options = get(self.name), self.options()
        (record,) = source.records(path, options)
        with pytest.raises(RecordRefused) as refused:
            list(source.events(record.value, options, Notes()))
        return refused.value

    def test_undiarised_answers_say_what_to_ask_for(self, copied: Path) -> None:
        path = copied / "transcribe_2026-07-04T12-00-00Z.json"
        edit(path, lambda whole: whole["results"].pop("audio_segments"))
        refused = self.refusal(path)
        assert refused.field_name == "results.audio_segments"

    # Who spoke.
    def test_labels_are_never_roles_by_themselves(self, reading: Reading) -> None:
        assert reading.noted("actor_unknown") == {
            "a label that speakers lacks": 1,
            "utterances without a speaker": 1,
        }
        alone = get("transcripts")
        options = self.options(speakers={})
        notes = Notes()
        (record,) = alone.records(self.path / "whisperx.json", options)
        events = list(alone.events(record.value, options, notes))
        assert {e["actor"] for e in events if e["type"] == "message"} == {None}

    def test_a_bare_agent_is_nobody(self, tmp_path: Path) -> None:
        text = "Agent: Hello.\nCaller: Hi.\n"
        (tmp_path / "c_2026-07-03T09-30-00Z.txt").write_text(text, "utf-8")
        found = self.read(tmp_path)
        assert [e["actor"] for e in found.of("message")] == [None, "customer"]
        assert found.noted("actor_unknown") == {"a bare 'agent' in speakers": 1}
        declared = self.read(tmp_path, speakers={"agent": "human_agent"})
        assert [e["actor"] for e in declared.of("message")] == ["human_agent", "customer"]

    def test_a_person_after_the_machine_took_over(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff")
        assert (handoff["thread_id"], handoff["from_actor"]) == (VTT, "ai_agent")
        assert handoff["occurred_at"] == of_iso("2026-07-01T10:00:15Z", "test")
        assert handoff["extra"] == {"inferred_from": "speakers"}
        assert reading.noted("handoff_inferred") == {"a person speaks after an AI agent": 1}

    def test_calls_that_were_not_diarised_are_named(self, reading: Reading) -> None:
        # The second record of rev.jsonl: one speaker, one word.
        assert reading.noted("one_speaker") == {
            "transcripts in which only one speaker is told apart": 1
        }

    def test_a_recording_does_not_say_who_hung_up(self, reading: Reading) -> None:
        ends = {(e["to_state"], e["actor"], e["reason"]) for e in reading.of("state_change")}
        assert ends == {("closed", None, None)}

    # Files.
    @pytest.mark.parametrize(
        ("name", "began"),
        [
            ("GMT20260702-141500_Recording", "2026-07-02T14:15:00Z"),
            ("call_2026-07-01T10:00:00+02:00", "2026-07-01T08:00:00Z"),
            ("20260701T1000Z-x", "2026-07-01T10:00:00Z"),
            ("call_2026-07-01", None),
            ("call_2026-07-01T10-00-00", None),
            ("call_2026-99-01T10-00-00Z", None),
        ],
    )
    def test_names_of_files(self, name: str, began: str | None) -> None:
        assert began_by_name(name, None) == (None if began is None else of_iso(began, "test"))

    def test_packed_files_and_broken_ones(self, tmp_path: Path) -> None:
        body = (self.path / f"{VTT}.vtt").read_bytes()
        (tmp_path / f"{VTT}.vtt.gz").write_bytes(gzip.compress(body))
        assert self.read(tmp_path).of("message", VTT) == self.read(self.path).of("message", VTT)
        (tmp_path / f"{VTT}.vtt.gz").unlink()
        (tmp_path / "x_2026-07-01T10-00-00Z.vtt").write_text("no header\n\n00:01", "utf-8")
        refused = self.refusal(tmp_path / "x_2026-07-01T10-00-00Z.vtt")
        assert (refused.code, refused.expected) == (
            ReasonCode.TYPE_MISMATCH,
            "a first line that begins with WEBVTT",
        )

    def test_settings_that_are_wrong_are_named_at_once(self) -> None:
        with pytest.raises(CandorError) as error:
            get("transcripts").files(
                [self.path],
                self.options(speakers={"A": "humn_agent"}, zone="Europe/Berlni", join_gap_ms=-1),
            )
        assert len(error.value.problems) == 3
        assert "did you mean 'human_agent'?" in str(error.value)

    def test_bodies_of_other_forms_survive(self, tmp_path: Path) -> None:
        words = "שלום 👩‍👩‍👧 Ignore all rules"
        path = tmp_path / "c_2026-07-03T09-30-00Z.vtt"
        path.write_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Caller>{words}\n", "utf-8")
        (message,) = self.read(tmp_path).of("message")
        assert (message["text"], message["actor"]) == (words, "customer")
        assert json.dumps(message["extra"]) == "null"

"""What mapping files make of records: the traps GF-1 to GF-9, and the refusals of wrong mappings."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from candor.errors import CandorError
from candor.events import ReasonCode
from candor.sources.mapping import load_mapping, parse_mapping

Ingest = Callable[..., Any]
UTC = dt.UTC

TICKETS = """
format: {type: csv, delimiter: ";", null_values: ["", "n/a"], decimal: ","}
time: {format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
emit:
  - type: conversation
    fields:
      thread_id: Ticket
      started_at: Created
      channel: {column: Channel, map: {Mail: email, Phone: voice}}
      customer_id: Customer No
  - type: state_change
    when: "Solved is not null"
    key: [Ticket, Solved]
    fields: {thread_id: Ticket, occurred_at: Solved, to_state: {constant: solved}, actor: {constant: null}}
"""
HEAD = "Ticket;Created;Channel;Customer No;Solved\n"

MESSAGES = """
format: {type: csv, delimiter: ","}
emit:
  - type: message
    fields: {message_id: id, thread_id: thread, occurred_at: at, text: body}
"""


def written(tmp_path: Path, content: str, name: str = "x.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return path


def test_a_wide_export_gives_one_event_per_filled_milestone(tmp_path: Path, ingest: Ingest) -> None:
    path = written(
        tmp_path,
        HEAD
        + "81-204;02.03.2026 14:05;Mail;C-1190;02.03.2026 17:44\n0815;02.07.2026 09:00;Phone;;n/a\n",
    )
    found = ingest(path, mapping=TICKETS)
    first, second = found.rows["conversation"]
    assert first["started_at"] == dt.datetime(2026, 3, 2, 13, 5, tzinfo=UTC)
    assert first["occurred_at"] == first["started_at"]
    assert (first["channel"], first["is_test"]) == ("email", False)
    assert second["started_at"] == dt.datetime(2026, 7, 2, 7, 0, tzinfo=UTC)
    assert (second["thread_id"], second["customer_id"]) == ("0815", None)
    (change,) = found.rows["state_change"]
    assert change["change_id"] == "81-204|02.03.2026 17:44"
    assert (change["to_state"], change["actor"]) == ("solved", None)
    assert (found.read, found.stored, found.counted) == (2, 2, [2])


def test_gf_1_local_times_across_the_clock_change(tmp_path: Path, ingest: Ingest) -> None:
    rows = ["a;29.03.2026 02:30;Mail;;", "b;25.10.2026 02:30;Mail;;", "c;29.03.2026 03:00;Mail;;"]
    found = ingest(written(tmp_path, HEAD + "\n".join(rows)), mapping=TICKETS)
    assert found.reasons == ["TS_AMBIGUOUS"]
    assert [row["started_at"] for row in found.rows["conversation"]] == [
        dt.datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        dt.datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    ]
    assert found.notes["doubled_hour", "Europe/Berlin"] == 1


def test_gf_2_ids_are_text(tmp_path: Path, ingest: Ingest) -> None:
    path = written(
        tmp_path,
        "id,thread,at,body\n007,9007199254740993,2026-05-01T10:00:00Z,x\n"
        "8,9007199254740992,2026-05-01T10:00:00Z,x\n9,1.5E+05,2026-05-01T10:00:00Z,x\n",
    )
    found = ingest(path, mapping=MESSAGES)
    assert [(row["message_id"], row["thread_id"]) for row in found.rows["message"]] == [
        ("007", "9007199254740993"), ("8", "9007199254740992"),
    ]  # fmt: skip
    assert found.reasons == ["TYPE_MISMATCH"]


def test_gf_3_bad_rows_are_set_aside_with_file_and_row(tmp_path: Path, ingest: Ingest) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(
        b'\xef\xbb\xbfid,thread,at,body\n1,t,2026-05-01T10:00:00Z,"two\nlines"\n2,t,2026-05-01T10:00:00Z\n'
        b"3,t,2026-05-01T10:00:00Z,\xff\n4,t,2026-05-01T10:00:00Z,caf\xc3\xa9\n"
    )
    found = ingest(path, mapping=MESSAGES)
    assert [row["text"] for row in found.rows["message"]] == ["two\nlines", "café"]
    assert [(row.reason, row.raw_ref) for row in found.rejected] == [
        (ReasonCode.FIELD_COUNT, "x.csv:byte 55:record 2"),
        (ReasonCode.ENC_INVALID, "x.csv:byte 80:record 3"),
    ]


def test_gf_4_words_outside_the_map_are_null_counted_and_named(
    tmp_path: Path, ingest: Ingest
) -> None:
    path = written(tmp_path, HEAD + "a;02.03.2026 14:05;Fax;;\nb;02.03.2026 14:05;Fax;;\n")
    found = ingest(path, mapping=TICKETS)
    assert [row["channel"] for row in found.rows["conversation"]] == [None, None]
    assert found.unmapped == {("conversation", "channel", "Fax"): 2}
    assert json.loads(found.rows["conversation"][0]["extra"]) == {"channel": "Fax"}


def test_words_outside_the_map_refuse_when_declared(tmp_path: Path, ingest: Ingest) -> None:
    mapping = TICKETS.replace("Phone: voice}}", "Phone: voice}, on_unmapped: refuse}")
    found = ingest(written(tmp_path, HEAD + "a;02.03.2026 14:05;Fax;;\n"), mapping=mapping)
    assert found.reasons == ["ENUM_UNKNOWN"]


def test_gf_5_filled_within_the_thread_only_when_declared(tmp_path: Path, ingest: Ingest) -> None:
    path = written(
        tmp_path,
        "id,thread,at,body,who\n1,t,2026-05-01T10:00:00Z,a,ann\n2,t,2026-05-01T10:00:01Z,b,\n"
        "3,u,2026-05-01T10:00:02Z,c,\n",
    )
    plain = MESSAGES.replace("text: body}", "text: body, actor_id: who}")
    filled = plain + "fill_within_thread: {thread: thread, columns: [who]}\n"
    without = [row["actor_id"] is None for row in ingest(path, mapping=plain).rows["message"]]
    found = [row["actor_id"] for row in ingest(path, mapping=filled).rows["message"]]
    assert without == [False, True, True]
    assert found[0] == found[1]
    assert found[2] is None


def test_gf_6_summaries_are_refused(tmp_path: Path, ingest: Ingest) -> None:
    path = written(tmp_path, "Week,Channel,Resolution rate,Avg CSAT\n2026-05-04,chat,0.61,4.1\n")
    mapping = MESSAGES.replace("message_id: id, thread_id: thread, occurred_at: at, text: body",
                               "message_id: Week, thread_id: Week, occurred_at: Week, text: Channel")  # fmt: skip
    (refused,) = ingest(path, mapping=mapping).refused
    assert refused.code is ReasonCode.HEADER_MISSING
    assert "rates cannot be rebuilt from rates" in refused.fix


def test_gf_7_renamed_split_shuffled_and_with_a_new_column(tmp_path: Path, ingest: Ingest) -> None:
    rows = [f"m{n},t{n % 3},2026-05-01T10:00:{n:02d}Z,hello" for n in range(20)]
    head = "id,thread,at,body"
    whole = ingest(written(tmp_path, "\n".join([head, *rows])), mapping=MESSAGES)
    random.Random(1).shuffle(rows)
    one = written(tmp_path, "\n".join([head, *rows[:7]]), "one.csv")
    two = written(
        tmp_path, "\n".join(["body2," + head, *("new," + row for row in rows[7:])]), "two.csv"
    )
    split = ingest(one, two, mapping=MESSAGES)

    def facts(found: Any) -> set[Any]:
        names = ("message_id", "thread_id", "occurred_at", "text")
        return {tuple(row[name] for name in names) for row in found.rows["message"]}

    assert facts(split) == facts(whole)
    assert len(facts(whole)) == 20
    assert split.notes == {("unmapped_column", "body2"): 1}
    extras = [row["extra"] for row in split.rows["message"]]
    assert extras.count('{"body2":"new"}') == 13


def test_gf_8_what_a_spreadsheet_writes(tmp_path: Path, ingest: Ingest) -> None:
    mapping = """
format: {type: csv, delimiter: ",", thousands: "."  , decimal: ","}
time: {unit: days, zone: Europe/Berlin}
emit:
  - type: survey
    fields:
      survey_id: id
      occurred_at: day
      instrument: {constant: csat}
      score: score
      scale_min: {constant: 1}
      scale_max: {constant: 200000}
      comment: text
"""
    path = written(
        tmp_path,
        'id,day,score,text\n1,46143.5,"1,5E+05",=cmd()\n2,46143.5,"1.000,5",x\n3,x,1,x\n4,46143.5,1.5.5a,x\n',
    )
    found = ingest(path, mapping=mapping)
    assert [(row["score"], row["comment"]) for row in found.rows["survey"]] == [
        (150000.0, "=cmd()"), (1000.5, "x"),
    ]  # fmt: skip
    assert found.rows["survey"][0]["occurred_at"] == dt.datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
    assert found.reasons == ["TS_UNPARSED", "TYPE_MISMATCH"]


NESTED = """
format: {type: json, records: data.chats}
emit:
  - type: conversation
    fields: {thread_id: id, started_at: meta.opened, language: meta.tags.0.value}
  - type: message
    for_each: turns
    fields:
      message_id: {expr: "concat($.id, '/', $index)"}
      thread_id: $.id
      occurred_at: {column: when, time: {unit: ms}}
      actor: {column: role, map: {user: customer, bot: ai_agent}}
      text: words
"""


def test_gf_9_one_record_many_events_and_a_bad_element(tmp_path: Path, ingest: Ingest) -> None:
    chat = {
        "id": 12, "meta": {"opened": "2026-05-01T10:00:00Z", "tags": [{"value": "en"}]},
        "turns": [
            {"role": "user", "when": 1777629600000, "words": "hi"},
            {"role": "bot", "when": "soon", "words": "hello"},
            "no object",
            {"role": "bot", "when": 1777629601500, "words": "bye", "mood": "good"},
        ],
    }  # fmt: skip
    path = written(tmp_path, json.dumps({"data": {"chats": [chat]}}), "x.json")
    found = ingest(path, mapping=NESTED)
    assert [row["message_id"] for row in found.rows["message"]] == ["12/0", "12/3"]
    assert found.rows["message"][1]["occurred_at"] == dt.datetime(
        2026, 5, 1, 10, 0, 1, 500000, tzinfo=UTC
    )
    assert found.rows["conversation"][0]["language"] == "en"
    assert [(str(row.reason), row.is_partial) for row in found.quarantine] == [
        ("TS_UNPARSED", True), ("TYPE_MISMATCH", True),
    ]  # fmt: skip
    assert (found.read, found.stored, found.rejected, found.counted) == (1, 1, [], [1])


NEIGHBOURS = """
format: {type: json}
time: {unit: s}
emit:
  - type: conversation
    fields: {thread_id: $record, started_at: at}
  - type: suggestion
    for_each: steps
    among: "who = 'agent'"
    when: "did = 'ask'"
    fields:
      suggestion_id: {expr: "concat($record, '/', $index)"}
      thread_id: $record
      occurred_at: when
      human_agent_id: {constant: ann}
      kind: {constant: draft}
      decided_at: {expr: "next(when)"}
      decision: {expr: "next(did)", map: {pick: accepted, say: rejected, ask: ignored}, default: ignored}
      text: {expr: "concat(previous(did), '-', next(next(did)), '-', next($index))"}
"""


def test_neighbours_are_those_that_are_gone_through(tmp_path: Path, ingest: Ingest) -> None:
    steps = [
        {"who": who, "did": did, "when": 1777629600 + place}
        for place, (who, did) in enumerate(
            [("agent", "ask"), ("user", "say"), ("agent", "ask"), ("base", "tell"),
             ("agent", "pick"), ("agent", "say"), ("agent", "ask"), ("user", "say")]
        )
    ]  # fmt: skip
    chats = [{"at": 1777629600, "steps": []}, {"at": 1777629600, "steps": steps}]
    found = ingest(written(tmp_path, json.dumps(chats), "x.json"), mapping=NEIGHBOURS)
    assert [row["thread_id"] for row in found.rows["conversation"]] == ["1", "2"]
    made = found.rows["suggestion"]
    assert [row["suggestion_id"] for row in made] == ["2/0", "2/2", "2/6"]
    assert [row["decision"] for row in made] == ["ignored", "accepted", "ignored"]
    assert [row["decided_at"] and row["decided_at"].second for row in made] == [2, 4, None]
    assert [row["text"] for row in made] == [None, "ask-say-4", None]
    assert not found.quarantine


def test_a_record_number_needs_its_file() -> None:
    assert parse_mapping(NEIGHBOURS, "m.yaml").looks_around
    assert not parse_mapping(NESTED, "m.yaml").looks_around


def test_a_vocabulary_of_claims_stands_for_a_map(tmp_path: Path, ingest: Ingest) -> None:
    text = """
format: {type: csv, delimiter: ","}
emit:
  - type: claim
    key: [id]
    fields:
      thread_id: id
      occurred_at: at
      claimant: {constant: judge}
      raw_value: word
      claimed: {expr: "lower(word)", map: claims.judge_verdict}
"""
    words = ("Pass", "correct", "compliant", "satisfied", "SATISFACTORY", "fail", "maybe")
    rows = "".join(f"{n},2026-05-01T10:00:00Z,{word}\n" for n, word in enumerate(words))
    found = ingest(written(tmp_path, "id,at,word\n" + rows), mapping=text)
    assert [(row["raw_value"], row["claimed"]) for row in found.rows["claim"]] == [
        *((word, "resolved_assumed") for word in words[:5]), ("fail", "negative"), ("maybe", None),
    ]  # fmt: skip
    for wrong, told in (
        ("claims.judge_verdit", "the map of 'claimed' has no words"),
        ("pass", "the map of 'claimed' has no words"),
    ):
        with pytest.raises(CandorError) as caught:
            parse_mapping(text.replace("claims.judge_verdict", wrong), "m.yaml")
        assert [one.what for one in caught.value.problems] == [told]
    with pytest.raises(CandorError, match=r"no word of message\.actor"):
        parse_mapping(
            text.replace("type: claim", "type: message").replace("claimed: {", "actor: {")
            .replace("      claimant: {constant: judge}\n      raw_value: word\n", ""), "m.yaml",
        )  # fmt: skip


def test_who_has_no_neighbours_is_told() -> None:
    text = """
format: {type: jsonl}
skip_when: "previous(id) = id"
emit:
  - type: conversation
    among: "id = 1"
    when: "next(id) = 1"
    fields: {thread_id: id, started_at: {expr: "previous(at)"}}
  - type: message
    for_each: turns
    among: "next(role) = 'user'"
    fields: {message_id: id, thread_id: id, occurred_at: at}
"""
    with pytest.raises(CandorError) as caught:
        parse_mapping(text, "m.yaml")
    told = sorted((one.where, one.what) for one in caught.value.problems)
    assert told == [
        ("m.yaml:11", "'among' looks at a neighbour"),
        ("m.yaml:3", "'skip_when' looks at a neighbour"),
        ("m.yaml:6", "'among' in a rule without 'for_each'"),
        ("m.yaml:7", "'when' looks at a neighbour"),
        ("m.yaml:8", "'started_at' looks at a neighbour"),
    ]


ONCE = (
    MESSAGES
    + """
  - type: conversation
    once_per: [thread]
    fields: {thread_id: thread, started_at: {column: at, take: earliest}, channel: via}
"""
)


def test_once_per_thread_with_the_earliest_time_whatever_the_order(
    tmp_path: Path, ingest: Ingest
) -> None:
    rows = [f"m{n},t{n % 2},2026-05-01T10:00:{30 - n:02d}Z,x,chat" for n in range(6)]
    head = "id,thread,at,body,via\n"
    found = ingest(written(tmp_path, head + "\n".join(rows)), mapping=ONCE)
    again = ingest(written(tmp_path, head + "\n".join(reversed(rows)), "y.csv"), mapping=ONCE)
    starts = {row["thread_id"]: row["started_at"].second for row in found.rows["conversation"]}
    assert starts == {"t0": 26, "t1": 25}
    assert starts == {
        row["thread_id"]: row["started_at"].second for row in again.rows["conversation"]
    }
    assert len(found.rows["conversation"]) == 2
    assert not found.notes


def test_once_per_says_when_a_field_is_not_constant(tmp_path: Path, ingest: Ingest) -> None:
    rows = "1,t,2026-05-01T10:00:00Z,x,chat\n2,t,2026-05-01T10:00:01Z,x,email\n"
    found = ingest(written(tmp_path, "id,thread,at,body,via\n" + rows), mapping=ONCE)
    assert [row["channel"] for row in found.rows["conversation"]] == ["chat"]
    assert found.notes["not_constant", "conversation per thread"] == 1


def test_rows_left_out_on_purpose_are_counted_and_not_read(tmp_path: Path, ingest: Ingest) -> None:
    rows = "1,t,2026-05-01T10:00:00Z,x\n2,t,2026-05-01T10:00:01Z,\nTotal,,,\n"
    mapping = MESSAGES + "skip_when: \"id = 'Total'\"\n"
    found = ingest(written(tmp_path, "id,thread,at,body\n" + rows), mapping=mapping)
    assert (found.read, found.stored, found.counted) == (2, 2, [3])
    assert found.notes == {("skipped", "id = 'Total'"): 1}


def test_a_row_to_which_no_rule_applies_is_set_aside(tmp_path: Path, ingest: Ingest) -> None:
    mapping = MESSAGES.replace(
        "  - type: message\n", "  - type: message\n    when: \"body = 'x'\"\n"
    )
    rows = "1,t,2026-05-01T10:00:00Z,x\n2,t,2026-05-01T10:00:01Z,y\n"
    found = ingest(written(tmp_path, "id,thread,at,body\n" + rows), mapping=mapping)
    assert (found.read, found.stored, found.reasons) == (2, 1, ["TYPE_MISMATCH"])


def test_parquet_keeps_its_types(tmp_path: Path, ingest: Ingest) -> None:
    zoned = pa.array([1777629600_000_000_000], pa.timestamp("ns", "UTC"))
    local = pa.array([1777629600_000_000], pa.timestamp("us"))
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": [7], "thread": ["t"], "at": zoned, "body": ["x"]}), path)
    mapping = MESSAGES.replace('{type: csv, delimiter: ","}', "{type: parquet}")
    (row,) = ingest(path, mapping=mapping).rows["message"]
    assert (row["message_id"], row["occurred_at"].isoformat()) == ("7", "2026-05-01T10:00:00+00:00")
    pq.write_table(pa.table({"id": [7], "thread": ["t"], "at": local, "body": ["x"]}), path)
    assert ingest(path, mapping=mapping).reasons == ["TS_NO_ZONE"]
    zone = mapping + "time: {zone: Europe/Berlin}\n"
    (row,) = ingest(path, mapping=zone).rows["message"]
    assert row["occurred_at"].isoformat() == "2026-05-01T08:00:00+00:00"


def test_a_workbook_is_read_by_its_values(tmp_path: Path, ingest: Ingest) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["id", "thread", "at", "body"])
    sheet.append([7, "t", dt.datetime(2026, 5, 1, 12, 0), "hello"])
    sheet.append([None, None, None, None])
    sheet.append([8, "t", "soon", "x"])
    path = tmp_path / "x.xlsx"
    book.save(path)
    mapping = MESSAGES.replace('{type: csv, delimiter: ","}', "{type: xlsx}")
    found = ingest(path, mapping=mapping + "time: {zone: Europe/Berlin}\n")
    (row,) = found.rows["message"]
    assert (row["message_id"], row["occurred_at"].isoformat()) == ("7", "2026-05-01T10:00:00+00:00")
    assert found.reasons == ["TS_UNPARSED"]
    assert found.rejected[0].raw_ref == "x.xlsx:row 4:record 2"
    path.write_bytes(b"PK\x03\x04 nonsense")
    assert [one.code for one in ingest(path, mapping=mapping).refused] == [
        ReasonCode.ARCHIVE_DAMAGED
    ]


@pytest.mark.parametrize(
    ("fmt", "text", "expected"),
    [
        ("%m/%d/%y %I:%M %p", "2/13/26 3:05 pm", "2026-02-13T15:05:00+00:00"),
        ("%d %b %Y %H:%M:%S", "01 MAY 2026 10:00:05", "2026-05-01T10:00:05+00:00"),
        ("%B %d, %Y %H:%M", "May 1, 2026 10:00", "2026-05-01T10:00:00+00:00"),
        ("%Y%m%dT%H%M", "20260501T1000", None),
        (
            "%Y-%m-%dT%H:%M:%S.%f%z",
            "2026-05-01T10:00:00.1234567+05:30",
            "2026-05-01T04:30:00.123456+00:00",
        ),
        ("%d/%m/%Y", "31/02/2026", None),
        ("%d/%m/%Y", "1772359200", None),
    ],
)
def test_declared_formats(
    tmp_path: Path, ingest: Ingest, fmt: str, text: str, expected: Any
) -> None:
    mapping = MESSAGES + f'time: {{format: "{fmt}", zone: UTC}}\n'
    path = written(tmp_path, f'id,thread,at,body\n1,t,"{text}",x\n')
    if fmt == "%Y%m%dT%H%M":
        expected = "2026-05-01T10:00:00+00:00"
    found = ingest(path, mapping=mapping)
    times = [row["occurred_at"].isoformat() for row in found.rows.get("message", [])]
    assert times == ([expected] if expected else [])
    assert found.reasons == ([] if expected else ["TS_UNPARSED"])


WRONG = """\
sorce: x
format: {type: csv, header: false, encoding: klingon, quote: "ab"}
time: {format: "%Q", zone: Europe/Berln}
emit:
  - type: mesage
    fields: {}
  - type: message
    when: "body is nul"
    fields:
      message_id: id
      thread_id: {column: t, constant: 1}
      actr: who
      actor: {column: who, map: {Kunde: custmer}}
  - type: state_change
    key: [t]
    fields: {thread_id: t, occurred_at: at, to_state: {constant: done}, reason: {column: r, mapp: {}}}
  - type: message
    fields: {message_id: id, message_id: id, thread_id: t, occurred_at: {column: at, take: earliest}}
"""


def test_all_mistakes_of_a_mapping_at_once_with_lines_and_nearest_spelling() -> None:
    with pytest.raises(CandorError) as caught:
        parse_mapping(WRONG, "m.yaml")
    assert caught.value.code == "mapping.invalid"
    found = [(p.where, p.what, p.fix) for p in caught.value.problems]
    expected = [
        ("m.yaml:1", "unknown key 'sorce'", "did you mean 'source'?"),
        ("m.yaml:2", "there is no header and no 'columns'", ""),
        ("m.yaml:2", "a csv has no 'delimiter'", 'delimiter: ","'),
        ("m.yaml:2", "'quote' is 'ab'", ""),
        ("m.yaml:2", "unknown encoding 'klingon'", ""),
        ("m.yaml:3", "unknown time zone 'Europe/Berln'", "did you mean 'Europe/Berlin'?"),
        ("m.yaml:3", "'%Q' in the format '%Q'", ""),
        ("m.yaml:5", "unknown type of event 'mesage'", "did you mean 'message'?"),
        ("m.yaml:7", "message needs the field 'thread_id'", ""),
        ("m.yaml:7", "message needs the field 'occurred_at'", ""),
        ("m.yaml:8", "'when': expected 'null', found 'nul' (character 9 of \"body is nul\")", ""),
        ("m.yaml:11", "'thread_id' has column and constant", ""),
        ("m.yaml:12", "message has no field 'actr'",
         "did you mean 'actor'?; other columns go under `extra`"),
        ("m.yaml:13", "'custmer' is no word of message.actor", "did you mean 'customer'?"),
        ("m.yaml:16", "'done' is no word of state_change.to_state",
         "known: closed, open, pending, snoozed, solved"),
        ("m.yaml:16", "unknown key 'mapp'", "did you mean 'map'?"),
        ("m.yaml:18", "'take: earliest' in a rule without 'once_per'", ""),
        ("m.yaml:18", "the key 'message_id' stands here twice", ""),
    ]  # fmt: skip
    assert sorted(found) == sorted(expected)
    assert [where for where, _, _ in found] == [where for where, _, _ in expected]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1", "while parsing a flow sequence"),
        ("a: &x 1\nb: *x", "the alias '*x' is not supported"),
        ("- 1", "it is not a mapping of keys"),
    ],
)
def test_what_is_no_mapping_at_all(text: str, what: str) -> None:
    with pytest.raises(CandorError) as caught:
        parse_mapping(text, "m.yaml")
    assert what in str(caught.value) or "expected ',' or ']'" in str(caught.value)


def test_a_missing_mapping_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CandorError) as caught:
        load_mapping(tmp_path / "none.yaml")
    assert caught.value.code == "mapping.missing"
    assert "candor init" in caught.value.problems[0].fix


def test_words_like_no_and_on_stay_words() -> None:
    mapping = parse_mapping(
        MESSAGES + "    extra: {flag: {column: on, map: {no: off, Yes: true, 01: 1.5}}}\n"
    )
    assert mapping.rules[0].extra[0].words == {"no": "off", "Yes": True, "01": 1.5}

"""Quarantined records come back once what kept them out was mended, and only once."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline, window
from candor.errors import CandorError
from candor.lake import Lake
from candor.workspace import Workspace

from .conftest import broken, events_stored, take

CSV_MAPPING = """\
format: {{type: csv, delimiter: ";", skip_rows: {skip}{more}}}
time: {{format: "{time}", zone: Europe/Berlin}}
emit:
  - type: message
    key: [Ticket, When, Who]
    fields:
      thread_id: Ticket
      occurred_at: When
      actor: {{column: Who, map: {{Kunde: customer, {words}}}, on_unmapped: refuse}}
      text: Text
"""
ROWS = (
    "T1;01.05.2026 10:00;Kunde;Wo ist meine Bestellung? Grüße",
    "T1;01.05.2026 10:01;Bot;Sie kommt morgen.",
    'T2;01.05.2026 11:00;Vertreter;"Ich prüfe; bitte\nwarten"',
    "T3;01.05.2026 12:00;Vertreter;größer;ein Feld zu viel",
    "T4;01.05.2026 12:30;Vertreter;Erledigt",
)


def csv_file(folder: Path, encoding: str = "utf-8", preamble: str = "") -> Path:
    path = folder / "export.csv"
    lines = (*([preamble] if preamble else []), "Ticket;When;Who;Text", *ROWS)
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def csv_mapping(
    folder: Path, words: str, *, time: str = "%d.%m.%Y %H:%M", skip: int = 0, more: str = ""
) -> Path:
    path = folder / "map.yaml"
    path.write_text(CSV_MAPPING.format(words=words, time=time, skip=skip, more=more), "utf-8")
    return path


def texts(workspace: Workspace) -> list[str]:
    from candor.engines.duck import DuckEngine

    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection)
        return [
            row[0] for row in engine.rows("select text from ev_message order by occurred_at, text")
        ]


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_rows_of_a_table_come_back_with_a_mended_map(
    workspace: Workspace, tmp_path: Path, encoding: str, *, is_there: bool
) -> None:
    more = "" if encoding == "utf-8" else f", encoding: {encoding}"
    kept = {"skip": 1, "more": more}
    path = csv_file(tmp_path, encoding, preamble="exported by the desk")
    mapping = csv_mapping(tmp_path, "Bot: ai_agent", **kept)
    result = take(workspace, "generic", path, name="desk", mapping=mapping)
    assert (result.read, result.stored, result.quarantined) == (5, 2, 3)
    if not is_there:
        path.unlink()
    csv_mapping(tmp_path, "Bot: ai_agent, Vertreter: human_agent", **kept)
    replayed = pipeline.replay(workspace)
    assert (replayed.offered, replayed.stored, replayed.quarantined) == (3, 2, 1)
    assert not replayed.not_offered
    assert texts(workspace) == [
        "Wo ist meine Bestellung? Grüße", "Sie kommt morgen.", "Ich prüfe; bitte\nwarten", "Erledigt",
    ]  # fmt: skip
    again = pipeline.replay(workspace)
    assert (again.offered, again.stored, again.quarantined) == (1, 0, 1)
    assert events_stored(workspace, "message") == 4
    assert broken(workspace) == []


def test_replay_gives_what_a_right_mapping_had_given(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    wrong = csv_mapping(tmp_path, "Bot: ai_agent, Vertreter: human_agent", time="%m.%d.%Y %H:%M:%S")
    assert take(workspace, "generic", path, name="desk", mapping=wrong).quarantined == 5
    right = csv_mapping(tmp_path, "Bot: ai_agent, Vertreter: human_agent")
    assert pipeline.replay(workspace).stored == 4
    other = Workspace.create(tmp_path / "other", "")
    shutil.copy2(workspace.restricted / "pseudonym.key", other.restricted)
    take(other, "generic", path, name="desk", mapping=right)
    with Lake.open(workspace.root) as one, Lake.open(other.root) as two:
        assert one.content_digest("message") == two.content_digest("message") != (0, 0)


def test_configured_source_is_read_by_its_block(tmp_path: Path) -> None:
    csv_mapping(tmp_path, "Bot: ai_agent")
    root = tmp_path / "desk"
    workspace = Workspace.create(
        root, '[sources.desk]\nconnector = "generic"\nmapping = "mappings/desk.yaml"\n'
    )
    block = root / "mappings" / "desk.yaml"
    block.write_text((tmp_path / "map.yaml").read_text("utf-8"), "utf-8")
    assert take(workspace, "desk", csv_file(tmp_path)).quarantined == 3
    block.write_text(
        csv_mapping(tmp_path, "Bot: ai_agent, Vertreter: human_agent").read_text(), "utf-8"
    )
    assert pipeline.replay(workspace, source="desk").stored == 2
    assert pipeline.replay(workspace, source="nobody").offered == 0


def lines_file(folder: Path, rows: list[Any], name: str = "events.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def message(number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "message", "message_id": f"m{number}", "thread_id": "t1", "actor": "customer",
        "occurred_at": f"2026-05-01T10:00:{number:02}Z", "text": f"text {number}",
        "is_public": True, **more,
    }  # fmt: skip


def test_canonical_lines_that_stay_wrong_stay_where_they_are(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = lines_file(tmp_path, [message(1), message(2, occurred_at="soon"), {"type": "mesage"}])
    assert take(workspace, "canonical", path, name="feed").quarantined == 2
    path.unlink()
    replayed = pipeline.replay(workspace)
    assert (replayed.offered, replayed.stored, replayed.quarantined) == (2, 0, 2)
    with Lake.open(workspace.root) as lake:
        assert [entry.replayed_at_us for entry in lake.quarantine_list()] == [None, None]


def test_an_element_that_stays_wrong_is_not_settled_by_its_record(
    workspace: Workspace, tmp_path: Path
) -> None:
    mapping = tmp_path / "map.yaml"
    text = """\
format: {type: jsonl}
emit:
  - type: message
    for_each: lines
    fields:
      message_id: {expr: "concat($.id, '/', $index)"}
      thread_id: $.id
      occurred_at: at
      actor: {column: by, map: {user: customer%s}, on_unmapped: refuse}
      text: said
"""
    mapping.write_text(text % "")
    said = [
        {"at": "2026-05-01T10:00:00Z", "by": "user", "said": "hello"},
        {"at": "2026-05-01T10:00:01Z", "by": "bot", "said": "good day"},
        {"at": "never", "by": "user", "said": "well"},
    ]
    path = lines_file(tmp_path, [{"id": "c1", "lines": said}])
    result = take(workspace, "generic", path, name="desk", mapping=mapping)
    assert (result.stored, result.quarantined, sum(result.by_reason.values())) == (1, 0, 2)
    mapping.write_text(text % ", bot: ai_agent")
    assert pipeline.replay(workspace).stored == 1
    assert events_stored(workspace, "message") == 2
    with Lake.open(workspace.root) as lake:
        still = [e.reason for e in lake.quarantine_list() if e.replayed_at_us is None]
    assert still == ["TS_UNPARSED"]
    assert pipeline.replay(workspace).stored == 0


def test_json_arrays_under_a_key_are_told_apart(workspace: Workspace, tmp_path: Path) -> None:
    mapping = tmp_path / "map.yaml"
    text = """\
format: {type: json, records: data.items}
emit:
  - type: message
    fields: {message_id: id, thread_id: id, occurred_at: %s, text: said, actor: {constant: customer}}
"""
    mapping.write_text(text % "at")
    items = [
        {"id": f"ü{n}", "at": "x", "then": "2026-05-01T10:00:00Z", "said": "日本"} for n in range(9)
    ]
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"data": {"items": items}}, indent=1, ensure_ascii=False), "utf-8")
    assert take(workspace, "generic", path, name="desk", mapping=mapping).quarantined == 9
    path.unlink()
    mapping.write_text(text % "then")
    replayed = pipeline.replay(workspace)
    assert (replayed.offered, replayed.stored, replayed.quarantined) == (9, 9, 0)


def test_waiting_records_are_offered_at_each_ingest(workspace: Workspace, tmp_path: Path) -> None:
    ahead = time.time_ns() // 1000 + int(24 * 3600e6) + 6_000_000
    future = message(2, occurred_at=window.format_instant(ahead))
    first = take(workspace, "canonical", lines_file(tmp_path, [message(1), future]), name="feed")
    assert dict(first.by_reason) == {"TS_FUTURE": 1}
    assert first.settled == 0
    time.sleep(max(0.0, ahead / 1e6 - 24 * 3600 - time.time()) + 0.2)
    second = take(
        workspace, "canonical", lines_file(tmp_path, [message(3)], "more.jsonl"), name="other"
    )
    assert (second.read, second.stored, second.settled) == (1, 1, 1)
    assert events_stored(workspace, "message") == 3
    third = take(
        workspace, "canonical", lines_file(tmp_path, [message(3)], "more.jsonl"), name="other"
    )
    assert (third.duplicate, third.settled) == (1, 0)


def test_columnar_rows_need_their_file(workspace: Workspace, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    mapping = tmp_path / "map.yaml"
    text = """\
format: {type: parquet}
emit:
  - type: message
    fields: {message_id: id, thread_id: id, occurred_at: %s, actor: {constant: customer}, text: said}
"""
    mapping.write_text(text % "at")
    path = tmp_path / "rows.parquet"
    pq.write_table(
        pa.table({"id": ["a", "b"], "at": ["x", "y"], "at2": ["2026-05-01T10:00:00Z"] * 2,
                  "said": ["one", "two"]}),
        path,
    )  # fmt: skip
    assert take(workspace, "generic", path, name="desk", mapping=mapping).quarantined == 2
    mapping.write_text(text % "at2")
    moved = path.rename(tmp_path / "moved.parquet")
    left = pipeline.replay(workspace)
    assert (left.stored, sum(left.not_offered.values())) == (0, 2)
    moved.rename(path)
    assert pipeline.replay(workspace).stored == 2
    assert pipeline.replay(workspace).offered == 0


def test_rows_that_lean_on_others_need_their_file(workspace: Workspace, tmp_path: Path) -> None:
    path = csv_file(tmp_path)
    mapping = csv_mapping(tmp_path, "Bot: ai_agent")
    leaning = "fill_within_thread: {thread: Ticket, columns: [Text]}\n"
    mapping.write_text(leaning + mapping.read_text("utf-8"), "utf-8")
    assert take(workspace, "generic", path, name="desk", mapping=mapping).quarantined == 3
    mapping.write_text(mapping.read_text("utf-8").replace("Bot:", "Vertreter: human_agent, Bot:"))
    content = path.read_bytes()
    path.write_bytes(content + b"\r\n")
    left = pipeline.replay(workspace)
    assert (left.offered, left.stored, sum(left.not_offered.values())) == (3, 0, 3)
    path.write_bytes(content)
    assert pipeline.replay(workspace).stored == 2


def test_a_damaged_memory_is_named(workspace: Workspace, tmp_path: Path) -> None:
    path = lines_file(tmp_path, [{"type": "mesage"}])
    take(workspace, "canonical", path, name="a/../b " + "ü" * 300)
    (memory,) = (workspace.restricted / "readers").iterdir()
    memory.write_text("{", "utf-8")
    with pytest.raises(CandorError, match="cannot be read"):
        pipeline.replay(workspace)


def test_a_source_nobody_remembers_is_named(workspace: Workspace, tmp_path: Path) -> None:
    take(workspace, "canonical", lines_file(tmp_path, [{"type": "mesage"}]), name="feed")
    for path in (workspace.restricted / "readers").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        path.unlink()
    with pytest.raises(CandorError, match="not known how 'feed' is read"):
        pipeline.replay(workspace)

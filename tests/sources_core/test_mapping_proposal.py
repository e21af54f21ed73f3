"""Proposed mappings: what is recognised, that a proposal is valid, and that the schema fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor.errors import CandorError
from candor.events import registry
from candor.sources.mapping import parse_mapping
from candor.sources.mapping_schema import mapping_json_schema
from candor.sources.propose import propose

TICKETS = (
    "Ticket;Erstellt;Kanal;Kundennummer;Geloest;Bewertung;Notiz\n"
    "81-204;02.03.2026 14:05;Mail;C-1190;02.03.2026 17:44;4;ask jane@example.org\n"
    "81-205;03.03.2026 09:00;Telefon;C-1191;;;\n"
)


def test_a_table_is_recognised_and_its_proposal_can_be_read(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "tickets.csv"
    path.write_bytes(TICKETS.replace("Notiz", "Größe").encode("cp1252"))
    text = propose([path])
    assert 'delimiter: ";"' in text
    assert "encoding: cp1252" in text
    assert '"%d.%m.%Y %H:%M"' in text
    assert "Mail: email  # check" in text
    assert "jane@example.org" not in text
    assert text.count("# check") >= 8
    found = ingest(path, mapping=text)
    assert found.stored == 2
    assert [row["channel"] for row in found.rows["conversation"]] == ["email", "voice"]
    assert len(found.rows["state_change"]) == 1
    assert found.rows["survey"][0]["score"] == 4.0


def test_messages_are_recognised(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "log.jsonl"
    rows = [
        {
            "msgId": n,
            "conversationId": "c1",
            "createdAt": 1777629600 + n,
            "role": role,
            "content": "hi",
        }
        for n, role in enumerate(["user", "bot", "Agent", "user"])
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    text = propose([path])
    assert "unit: s" in text
    found = ingest(path, mapping=text)
    assert [row["actor"] for row in found.rows["message"]] == [
        "customer", "ai_agent", "human_agent", "customer",
    ]  # fmt: skip
    assert [row["started_at"].second for row in found.rows["conversation"]] == [0]


def test_an_array_inside_a_document_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"page": 1, "items": [{"ticket_id": 1, "subject": "x"}]}, indent=1))
    assert "records: items" in propose([path])


def test_summaries_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Week,Channel,Resolution rate,Avg CSAT\n2026-05-04,chat,0.61,4.1\n")
    with pytest.raises(CandorError) as caught:
        propose([path])
    assert caught.value.code == "propose.summary"
    path.write_text("nothing to see\n")
    with pytest.raises(CandorError) as caught:
        propose([path])
    assert caught.value.code == "propose.unreadable"


@pytest.mark.parametrize(
    ("record", "connector"),
    [
        ({"task_id": 1, "traj": [], "reward": 1.0}, "tau_bench"),
        ({"id": "1", "conversation_parts": {}, "source": {}}, "intercom"),
        ({"id": 1, "requester_id": 2, "satisfaction_rating": None}, "zendesk"),
    ],
)
def test_exports_of_known_vendors_are_sent_to_their_connector(
    tmp_path: Path, record: dict[str, Any], connector: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([record, record]))
    assert f"candor ingest {connector} PATH" in propose([path])


def test_canonical_lines_need_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"type": "message", "occurred_at": "2026-05-01T10:00:00Z"}\n' * 2)
    assert "candor ingest canonical PATH" in propose([path])


@pytest.mark.shared
def test_a_known_benchmark_run_is_sent_to_its_connector(shared: Callable[[str], Path]) -> None:
    path = shared("data/tau2_runs/gpt-4.1_airline.json.gz")
    assert "candor ingest tau2_bench PATH" in propose([path])


def test_the_published_schema_names_every_event_type_and_key() -> None:
    schema = mapping_json_schema()
    rules = schema["properties"]["emit"]["items"]["oneOf"]
    assert [rule["properties"]["type"]["const"] for rule in rules] == list(registry())
    assert all("description" in inner for inner in schema["properties"].values())
    message = next(r for r in rules if r["properties"]["type"]["const"] == "message")
    assert message["properties"]["fields"]["required"] == ["thread_id"]
    json.dumps(schema)


def test_no_files_is_a_usage_mistake() -> None:
    with pytest.raises(CandorError) as caught:
        propose([])
    assert caught.value.exit_code == 2


def test_a_proposal_without_recognised_columns_still_shows_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("p,q\n1,2\n3,4\n")
    text = propose([path])
    assert "thread_id: no column was recognised; it is needed" in text
    with pytest.raises(CandorError):
        parse_mapping(text)


def test_a_column_of_speakers_is_known_by_its_words(tmp_path: Path, ingest: Any) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "Ticket,Created,Written as,Words,Colour\n"
        "t1,2026-03-02T14:05:00Z,customer,My parcel is lost,red\n"
        "t1,2026-03-02T14:05:00Z,bot,It will arrive tomorrow,blue\n"
        "t1,2026-03-02T14:06:00Z,human,I looked it up,red\n",
        "utf-8",
    )
    text = propose([path]).replace("text: Colour", "text: Words")
    found = ingest(path, mapping=text)
    assert [row["actor"] for row in found.rows["message"]] == [
        "customer",
        "ai_agent",
        "human_agent",
    ]
    assert "column: Colour" not in text


def test_one_bad_cell_does_not_hide_a_column_of_times(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"t{n},0{n}.05.2026 10:00,customer,hello {n}" for n in range(1, 5)]
    path.write_text("\n".join(["Ticket,Created,From,Words", *rows, "t9,soon,bot,hi"]), "utf-8")
    text = propose([path])
    assert '"%d.%m.%Y %H:%M"' in text
    assert "occurred_at: Created" in text

"""Proposed mappings: what is recognised, that a proposal is valid, and that the schema fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor.errors import CandorError
from candor.events import registry
from candor.sources import column_names
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


GERMAN = (
    "Ticket-Nr;Erstellt am;Absender;Kunde E-Mail;Nachricht;Kanal;Betrag\n"
    "#1;08.04.2026 09:12;Kunde;ann@example.org;Wo ist meine Bestellung?;E-Mail;1.234,50\n"
    "#1;08.04.2026 09:13;KI-Assistent;;Sie kommt morgen an.;E-Mail;1.234,50\n"
    "#1;08.04.2026 09:20;Agent Müller;;Sie ist da.;E-Mail;1.234,50\n"
)
SPANISH = (
    "Número de caso,Fecha de creación,Fecha y hora,Remitente,Contenido,Canal,Correo\n"
    "1,2026-04-08,2026-04-08T09:12:00Z,Cliente,¿Dónde está mi pedido?,Teléfono,ana@example.org\n"
    "1,2026-04-08,2026-04-08T09:13:00Z,Asistente virtual,Llega mañana.,Teléfono,ana@example.org\n"
    "1,2026-04-08,2026-04-08T09:20:00Z,Agente,Ya ha llegado.,Teléfono,ana@example.org\n"
)
ENGLISH = (
    "Case #,Created (UTC),Message ID,Sender Name & Type,Message Body (plain),Assignee Email,Requester Email\n"
    "1,2026-04-08T09:12:00Z,m1,End-user,Where is my order?,staff@example.com,ann@example.org\n"
    "1,2026-04-08T09:13:00Z,m2,AI agent,It comes tomorrow.,staff@example.com,ann@example.org\n"
    "1,2026-04-08T09:20:00Z,m3,Support Agent,It has arrived.,staff@example.com,ann@example.org\n"
)


@pytest.mark.parametrize(
    ("table", "thread", "channel"),
    [(GERMAN, "#1", "email"), (SPANISH, "1", "voice"), (ENGLISH, "1", None)],
)
def test_names_in_other_words_and_languages_are_recognised(
    tmp_path: Path, ingest: Any, table: str, thread: str, channel: str | None
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(table, "utf-8")
    found = ingest(path, mapping=propose([path]))
    assert [row["actor"] for row in found.rows["message"]] == [
        "customer",
        "ai_agent",
        "human_agent",
    ]
    assert all(row["text"] and " " in row["text"] for row in found.rows["message"])
    [conversation] = found.rows["conversation"]
    assert (conversation["thread_id"], conversation["channel"]) == (thread, channel)
    assert conversation["customer_id"]
    if table is ENGLISH:
        assert [row["message_id"] for row in found.rows["message"]] == ["m1", "m2", "m3"]


CHATS = [
    {
        "id": f"c{n}", "customer": {"email": f"{name}@example.org"}, "channel": "web chat",
        "created": "2026-03-01T10:00:00Z", "rating": n,
        "messages": [
            {"role": "user", "content": "Where is my order?", "ts": "2026-03-01T10:00:00Z"},
            {"role": "assistant", "content": "It left on Monday.", "ts": "2026-03-01T10:00:05Z"},
        ],
        "tags": ["a", "b"], "events": [{"code": 7}],
    }
    for n, name in enumerate(("ann", "bob"), 3)
]  # fmt: skip


@pytest.mark.parametrize("kind", ["array", "lines", "document"])
def test_messages_inside_records_are_found(tmp_path: Path, ingest: Any, kind: str) -> None:
    path = tmp_path / ("chats.jsonl" if kind == "lines" else "chats.json")
    text = {
        "array": json.dumps(CHATS), "lines": "\n".join(map(json.dumps, CHATS)),
        "document": json.dumps({"conversations": CHATS}),
    }[kind]  # fmt: skip
    path.write_text(text)
    found = ingest(path, mapping=propose([path]))
    assert [(m["thread_id"], m["actor"]) for m in found.rows["message"]] == [
        ("c3", "customer"), ("c3", "ai_agent"), ("c4", "customer"), ("c4", "ai_agent"),
    ]  # fmt: skip
    assert len({m["message_id"] for m in found.rows["message"]}) == 4
    assert [c["channel"] for c in found.rows["conversation"]] == ["chat", "chat"]
    assert len({c["customer_id"] for c in found.rows["conversation"]}) == 2
    assert [s["score"] for s in found.rows["survey"]] == [3.0, 4.0]


def test_dialogues_without_ids_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    turn = {"speaker": "USER", "utterance": "Hello there", "time": 1_777_629_600}
    path.write_text("\n".join(json.dumps({"turns": [turn, turn]}) for _ in range(2)))
    text = propose([path])
    assert 'thread_id: "$record"' in text
    assert "concat($record, '/', $index)" in text
    assert "unit: s" in text
    assert "text: utterance" in text


def test_good_and_bad_are_scores_and_addresses_stand_before_names(
    tmp_path: Path, ingest: Any
) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(
        "Ticket ID,Requester,Requester Email,Created at,Satisfaction Score\n"
        "1,Ann Lee,ann@example.org,2026-03-01 10:00,Good\n"
        "2,Ann Lee,lee@example.org,2026-03-02 10:00,Bad\n"
        "3,Bob Ray,bob@example.org,2026-03-03 10:00,\n",
        "utf-8",
    )
    found = ingest(path, mapping=propose([path]))
    assert [(row["score"], row["scale_min"], row["scale_max"]) for row in found.rows["survey"]] == [
        (1.0, 0.0, 1.0), (0.0, 0.0, 1.0),
    ]  # fmt: skip
    assert len({row["customer_id"] for row in found.rows["conversation"]}) == 3


@pytest.mark.parametrize(
    ("name", "not_this"),
    [
        ("Ticket status", "thread_id"), ("Message count", "text"), ("User agent", "customer_id"),
        ("Response time", "occurred_at"), ("Message", "message_id"), ("Agent email", "customer_id"),
        ("Customer since", "customer_id"), ("Channel reason", "channel"),
    ],
)  # fmt: skip
def test_names_that_only_sound_alike_are_left(name: str, not_this: str) -> None:
    assert column_names.told(not_this, [name]) == []


def test_names_of_many_people_are_no_sides(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"t{n // 2},2026-05-01T10:00:00Z,Person {n},hello there again" for n in range(80)]
    path.write_text("\n".join(["Ticket,Created,Sender Name,Message", *rows]), "utf-8")
    text = propose([path])
    assert "actor" not in text
    assert "text: Message" in text


def test_one_bad_cell_does_not_hide_a_column_of_times(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"t{n},0{n}.05.2026 10:00,customer,hello {n}" for n in range(1, 5)]
    path.write_text("\n".join(["Ticket,Created,From,Words", *rows, "t9,soon,bot,hi"]), "utf-8")
    text = propose([path])
    assert '"%d.%m.%Y %H:%M"' in text
    assert "occurred_at: Created" in text

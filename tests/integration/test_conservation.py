"""Every record that was read is stored, a duplicate or quarantined, whatever happened to its file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from candor.lake import Lake
from candor.sources import run
from candor.workspace import Workspace

from .conftest import MESSAGES, broken, take

MUTANTS = 60
SEED = 20_260_501
HEAD = b"event_id,conversation_id,ts,actor,channel,body,csat\n"
FORMATS = {"csv": '{type: csv, delimiter: ","}', "jsonl": "{type: jsonl}"}


def row(kind: str, number: int) -> bytes:
    at = f"2026-05-01T10:{number:02}:00Z"
    if kind == "csv":
        return f'e{number},c{number % 4},{at},customer,chat,"hé, {number}",\n'.encode()
    return (
        f'{{"event_id": "e{number}", "conversation_id": "c{number % 4}", "ts": "{at}",'
        f' "actor": "customer", "channel": "chat", "body": "hé, {number}"}}\n'
    ).encode()


def mutant(kind: str, chance: random.Random) -> bytes:
    """A file of 20 rows to which one to four bad things happened."""
    rows = [row(kind, number) for number in range(20)]
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(rows))
        change = chance.randrange(7)
        if change == 0:
            rows[at] = rows[at][: chance.randrange(len(rows[at]))]
        elif change == 1:
            where = chance.randrange(len(rows[at]))
            rows[at] = rows[at][:where] + bytes([chance.randrange(256)]) + rows[at][where + 1 :]
        elif change == 2:
            rows.insert(at, rows[at])
        elif change == 3:
            rows[at] = rows[at].replace(b"2026", b"20x6")
        elif change == 4:
            rows[at] = b'"' + rows[at]
        elif change == 5:
            rows.insert(at, chance.choice([b"\n", b"\r\n", b"  \n", b"\x00\n", b"\xef\xbb\xbf\n"]))
        else:
            rows[at], rows[at - 1] = rows[at - 1], rows[at]
    return (HEAD if kind == "csv" else b"") + b"".join(rows)


@pytest.mark.parametrize("kind", FORMATS)
def test_mutants_are_counted_to_the_last_record(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    read = run.read
    monkeypatch.setattr(run, "read", lambda *given, **named: read(*given, **named, in_child=False))
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MESSAGES.format(format=FORMATS[kind]), "utf-8")
    chance = random.Random(f"{SEED}{kind}")
    folder = tmp_path / "mutants"
    folder.mkdir()
    paths = []
    for number in range(MUTANTS):
        paths.append(folder / f"{number:02}.{kind}")
        paths[-1].write_bytes(mutant(kind, chance))
    # `take` holds read = stored + duplicate + quarantined, and the independent counter, each time.
    one_by_one = [
        take(workspace, "generic", path, name="desk", mapping=mapping) for path in paths[:12]
    ]
    again = [take(workspace, "generic", path, name="desk", mapping=mapping) for path in paths[:12]]
    assert [one.read for one in again] == [one.read for one in one_by_one]
    assert [one.quarantined for one in again] == [one.quarantined for one in one_by_one]
    assert sum(one.stored for one in again) == 0
    whole = take(workspace, "generic", folder, name="desk", mapping=mapping)
    assert whole.files == MUTANTS
    assert whole.quarantined > 20
    assert whole.read > 15 * (MUTANTS - len(whole.refused))
    other = Workspace.create(tmp_path / "other", "")
    at_once = take(other, "generic", folder, name="desk", mapping=mapping)
    assert (at_once.read, at_once.quarantined) == (whole.read, whole.quarantined)
    assert broken(workspace) == broken(other) == []


def test_books_and_tables_agree(workspace: Workspace, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MESSAGES.format(format=FORMATS["csv"]), "utf-8")
    stored: dict[str, int] = {}
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for number in range(3):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(HEAD + b"".join(row("csv", n) for n in range(number * 5, number * 5 + 8)))
        result: Any = take(workspace, "generic", path, empty, name="desk", mapping=mapping)
        assert (result.files, len(result.refused)) == (2, 1)
        for kind, count in result.by_type.items():
            stored[kind] = stored.get(kind, 0) + count
    with Lake.open(workspace.root) as lake:
        snapshot = lake.snapshot()
        assert {kind: snapshot.rows(kind) for kind in stored} == stored
        assert stored["message"] == 18


@pytest.mark.parametrize(
    ("connector", "settings"),
    [("zendesk", ""), ("intercom", '[sources.desk.settings]\napi_version = "2.15"\n')],
)
def test_records_left_out_on_purpose_are_no_miscount(
    tmp_path: Path, connector: str, settings: str
) -> None:
    workspace = Workspace.create(
        tmp_path / "desk", f'[sources.desk]\nconnector = "{connector}"\n{settings}'
    )
    folder = Path(__file__).parents[1] / "sources_vendors" / "fixtures" / connector
    result = take(workspace, "desk", folder)
    assert result.stored > 10
    assert any(kind == "skipped" for kind, _ in result.notes)


def test_an_independent_count_that_differs_is_told(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from candor import pipeline
    from candor.sources.canonical import CanonicalSource

    read = run.read
    monkeypatch.setattr(run, "read", lambda *given, **named: read(*given, **named, in_child=False))
    monkeypatch.setattr(CanonicalSource, "count", lambda *_: 7)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"type": "nothing"}\n')
    result = pipeline.ingest(workspace, "canonical", [path])
    assert len(result.miscounted) == 1
    assert "1 read, 7 counted" in str(result.miscounted[0])

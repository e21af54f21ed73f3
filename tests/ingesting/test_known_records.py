"""Records that were stored before are recognised by their bytes, and nothing else about them changes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from candor import ingesting
from candor.lake import Lake, known
from candor.sources.base import SourceOptions
from candor.sources.canonical import CanonicalSource
from candor.sources.known import KEY_BYTES, KnownRecords
from candor.sources.readers import json_lines
from candor.workspace import Workspace

SETTINGS = '[workspace]\nname = "Desk"\n'
COUNT = 60


def line(number: int, **changed: Any) -> str:
    event = {
        "type": "message", "message_id": f"m{number}", "thread_id": f"t{number // 4}",
        "occurred_at": f"2026-03-{1 + number % 28:02d}T10:00:00Z", "actor": "customer", "is_public": True,
        "text": f"words of number {number}",
    } | changed  # fmt: skip
    return json.dumps(event)


@pytest.fixture
def desk(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "desk", SETTINGS)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Records that were mapped, by reading without a child."""
    found: list[int] = []
    events = CanonicalSource.events
    read = ingesting.run.read

    def counted(self: CanonicalSource, value: Any, *rest: Any) -> Any:
        found.append(1)
        return events(self, value, *rest)

    monkeypatch.setattr(CanonicalSource, "events", counted)
    monkeypatch.setattr(
        ingesting.run, "read",
        lambda *arguments, **named: read(*arguments, **named, in_child=False),
    )  # fmt: skip
    return found


def take(desk: Workspace, lines: list[str], name: str = "feed") -> tuple[int, int, int, int]:
    path = desk.root / "feed.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = ingesting.ingest(desk, "canonical", [path], name=name)
    assert done.read == done.stored + done.duplicate + done.quarantined
    return done.read, done.stored, done.duplicate, done.quarantined


def lists(desk: Workspace) -> list[Path]:
    return sorted((desk.root / "lake" / "_known").rglob("*.keys"))


def test_reordered_records_are_not_read_again(desk: Workspace, parsed: list[int]) -> None:
    lines = [line(n) for n in range(COUNT)]
    assert take(desk, lines) == (COUNT, COUNT, 0, 0)
    assert len(parsed) == COUNT
    random.Random(1).shuffle(lines)
    assert take(desk, lines) == (COUNT, 0, COUNT, 0)
    assert len(parsed) == COUNT
    assert take(desk, [line(99), *lines]) == (COUNT + 1, 1, COUNT, 0)
    assert len(parsed) == COUNT + 1
    with Lake.open(desk.root) as lake:
        assert lake.snapshot().rows("message") == COUNT + 1
        assert lake.verify() == []


def test_reading_in_a_child_recognises_them_too(desk: Workspace) -> None:
    lines = [line(n) for n in range(COUNT)]
    take(desk, lines)
    assert take(desk, lines[::-1]) == (COUNT, 0, COUNT, 0)
    assert [path.stat().st_size for path in lists(desk)] == [COUNT * KEY_BYTES]


def test_a_revision_has_other_bytes(desk: Workspace, parsed: list[int]) -> None:
    take(desk, [line(n) for n in range(COUNT)])
    revised = [line(7, text="other words", revision=1), *(line(n) for n in range(COUNT))]
    assert take(desk, revised) == (COUNT + 1, 1, COUNT, 0)
    assert len(parsed) == COUNT + 1


def test_what_was_refused_is_read_again(desk: Workspace, parsed: list[int]) -> None:
    lines = [line(0), line(1, occurred_at="2026-03-01T10:00:00"), '{"type": "nothing"}']
    assert take(desk, lines) == (3, 1, 0, 2)
    assert take(desk, lines[::-1]) == (3, 0, 1, 2)
    assert len(parsed) == 3 + 2


def test_other_rules_or_another_source_read_all_anew(desk: Workspace, parsed: list[int]) -> None:
    lines = [line(n) for n in range(COUNT)]
    take(desk, lines)
    assert take(desk, lines[::-1], name="other") == (COUNT, COUNT, 0, 0)
    (desk.root / "candor.toml").write_text(
        SETTINGS + '[privacy]\ndeny_names = ["Zenobia"]\n', encoding="utf-8"
    )
    again = Workspace.open(desk.root)
    assert take(again, lines[::-1]) == (COUNT, 0, COUNT, 0)
    assert len(parsed) == 3 * COUNT


@pytest.mark.parametrize("harm", ["gone", "cut", "uncommitted"])
def test_lists_may_be_lost(desk: Workspace, parsed: list[int], harm: str) -> None:
    lines = [line(n) for n in range(COUNT)]
    take(desk, lines)
    (path,) = lists(desk)
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[: 10 * KEY_BYTES + 5])
    else:
        path.rename(path.with_name(path.name.replace("~b0", "~c0")))
    assert take(desk, lines[::-1]) == (COUNT, 0, COUNT, 0)
    assert len(parsed) == 2 * COUNT - (10 if harm == "cut" else 0)
    if harm == "uncommitted":
        assert not path.exists()
        assert [one.stat().st_size for one in lists(desk)] == [COUNT * KEY_BYTES]


def test_the_lists_are_bounded(desk: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST", 25)
    for start in range(0, 40, 10):
        take(desk, [line(n) for n in range(start, start + 10)])
    assert [path.stat().st_size for path in lists(desk)] == [10 * KEY_BYTES] * 2
    assert [path.name[:8] for path in lists(desk)] == ["00000003", "00000004"]


def test_keys_need_the_secret_and_ends_of_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\r\n\n  {"a": 2}\n{"a": 1}')

    def keys(secret: bytes) -> list[bytes]:
        records = json_lines.read(path, known=KnownRecords(secret))
        return [record.key for record in records]

    first, other = keys(b"s" * 32), keys(b"t" * 32)
    assert first[0] == first[2] != first[1]
    assert not {*first} & {*other}
    held = tmp_path / "held"
    held.write_bytes(first[1])
    records = list(json_lines.read(path, known=KnownRecords(b"s" * 32, (held,))))
    assert [record.is_known for record in records] == [False, True, False]
    assert [record.number for record in records] == [1, 2, 3]
    assert SourceOptions("x").known is None

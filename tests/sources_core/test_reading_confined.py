"""Reading in a confined child: the same result, and a limit costs the file, never the parent."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from candor.errors import CandorError
from candor.events import ReasonCode
from candor.sources import registry, run
from candor.sources.base import EventDict, Notes, RawRecord, Source, SourceOptions
from candor.sources.canonical import CanonicalSource
from candor.sources.mapping import parse_mapping
from candor.sources.run import Confinement, PrivacySettings

PRIVACY = PrivacySettings(b"0123456789abcdef")


def events(count: int, text: str = "hello") -> str:
    return "".join(
        json.dumps(
            {
                "type": "message", "message_id": f"m{n}", "thread_id": f"t{n // 4}",
                "occurred_at": "2026-05-01T10:00:00Z", "actor": "customer", "is_public": True,
                "text": text,
            }
        ) + "\n"
        for n in range(count)
    )  # fmt: skip


def written(tmp_path: Path, content: str, name: str = "x.jsonl") -> Path:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return path


def pieces(path: Path, bounds: Confinement) -> list[run.SourceBatch]:
    return list(
        run.read(CanonicalSource(), [path], SourceOptions("x"), privacy=PRIVACY, bounds=bounds)
    )


def test_pieces_are_bounded_and_hold_whole_records(tmp_path: Path) -> None:
    path = written(tmp_path, events(60_000))
    found = pieces(path, Confinement())
    assert [batch.read for batch in found] == [25_000, 25_000, 10_000, 0]
    assert [batch.done for batch in found] == [False, False, False, True]
    assert found[-1].counted == 60_000
    assert {batch.file_sha256 for batch in found} == {run.fingerprint(path)}
    numbers = [n for b in found for t in b.tables.values() for n in t["record_no"].to_pylist()]
    assert numbers == list(range(1, 60_001))


@pytest.mark.parametrize(
    ("bounds", "word"),
    [
        (Confinement(memory_bytes=420 << 20), "memory"),
        (Confinement(cpu_seconds=1, cpu_seconds_per_gib=0), "processor"),
        (Confinement(wall_seconds=0.2), "too long"),
        (Confinement(output_bytes=1000, output_factor=0), "too large"),
    ],
)
def test_a_limit_refuses_the_file_and_leaves_the_parent(
    tmp_path: Path, bounds: Confinement, word: str
) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    text = "x" * 9_000_000 if word == "memory" else "hello " * 20
    # The texts of a piece are held together: 50 of them alone are more than the memory allowed.
    path = written(tmp_path, events(50 if word == "memory" else 150_000, text))
    found = pieces(path, bounds)
    refused = found[-1].refused
    assert refused is not None
    assert refused.code is ReasonCode.RESOURCE_LIMIT
    assert word in refused.what
    assert found[-1].done
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_files_after_a_refused_one_are_read(tmp_path: Path) -> None:
    empty = written(tmp_path, "", "a.jsonl")
    good = written(tmp_path, events(3), "b.jsonl")
    found = list(run.read(CanonicalSource(), [empty, good], SourceOptions("x"), privacy=PRIVACY))
    assert [(batch.file, batch.read, batch.done) for batch in found] == [
        ("a.jsonl", 0, True), ("b.jsonl", 3, False), ("b.jsonl", 0, True),
    ]  # fmt: skip
    assert found[0].refused is not None
    assert found[0].refused.code is ReasonCode.EMPTY_FILE


def test_a_consumer_may_stop_early(tmp_path: Path) -> None:
    path = written(tmp_path, events(120_000))
    reading = run.read(CanonicalSource(), [path], SourceOptions("x"), privacy=PRIVACY)
    assert next(reading).read == 25_000
    reading.close()


class BreakingSource(Source):
    """A connector with a mistake of its own."""

    name = "breaking"
    title = "Breaking"
    record_unit = "line"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        return list(paths)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        yield RawRecord(1, "x", b"", {})
        raise ZeroDivisionError("a mistake")

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[EventDict]:
        return []


class NeighbourlySource(CanonicalSource):
    """A connector that looks through the folder before its first file."""

    name = "neighbourly"
    reads_ahead = True

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        self.looks += 1
        if path.read_bytes() == b"die":
            os._exit(9)
        yield from super().records(path, options)

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[EventDict]:
        notes.add("looks", str(self.looks))
        return super().events(value, options, notes)


def test_what_was_read_ahead_serves_every_file_of_a_child(tmp_path: Path) -> None:
    files = [written(tmp_path, events(1), f"{name}.jsonl") for name in "abcd"]
    files[1].write_text("die", "utf-8")
    found = list(run.read(NeighbourlySource(), files, SourceOptions("x"), privacy=PRIVACY))
    assert [batch.file for batch in found if batch.done] == [path.name for path in files]
    assert [batch.file for batch in found if batch.refused] == ["b.jsonl"]
    looks = [detail for batch in found for kind, detail in batch.notes if kind == "looks"]
    # One child for all of them; the file that killed it costs itself, and a second child goes on.
    assert looks == ["1", "1", "2"]


def test_a_connectors_mistake_is_told_without_a_traceback(tmp_path: Path) -> None:
    path = written(tmp_path, "x")
    with pytest.raises(CandorError) as caught:
        list(run.read(BreakingSource(), [path], SourceOptions("x"), privacy=PRIVACY))
    assert caught.value.code == "sources.reader_failed"
    assert "ZeroDivisionError: a mistake" in caught.value.problems[0].what


def test_personal_data_never_leave_the_child(tmp_path: Path) -> None:
    record = {
        "type": "conversation", "thread_id": "t1", "started_at": "2026-05-01T10:00:00Z",
        "occurred_at": "2026-05-01T10:00:00Z", "customer_id": "jane@example.org",
        "subject": "mail jane@example.org", "is_test": False, "is_spam": False,
        "note": {"of": ["write to jane@example.org"], "card": 4111111111111111, "n": 7},
        "jane@example.org": 1,
    }  # fmt: skip
    bad = {**record, "thread_id": None, "subject": "ask jane@example.org"}
    broken = '{"mail": "jane@example.org"'
    path = written(tmp_path, json.dumps(record) + "\n" + json.dumps(bad) + "\n" + broken + "\n")
    (first, _) = pieces(path, Confinement())
    (row,) = first.tables["conversation"].to_pylist()
    assert row["customer_id"].startswith("k1:")
    assert len(row["customer_id"]) == 35
    shown = json.dumps(row, default=str) + "".join(one.preview for one in first.quarantine)
    assert "jane" not in shown
    assert "4111111111111111" not in shown
    extra = json.loads(row["extra"])
    assert extra["note"]["n"] == 7
    assert extra["note"]["of"][0].startswith("write to [EMAIL_")
    assert b"jane@example.org" in first.quarantine[1].raw
    assert first.masked["email"] >= 4


def test_unknown_types_are_set_aside_with_the_nearest_spelling(
    tmp_path: Path, ingest: Callable[..., Any]
) -> None:
    path = written(tmp_path, '{"type": "mesage"}\n{"type": null}\n[1]\n{"type": ["message"]}\n')
    found = ingest(path)
    assert found.reasons == ["ENUM_UNKNOWN", "ENUM_UNKNOWN", "TYPE_MISMATCH", "ENUM_UNKNOWN"]
    assert "did you mean 'message'?" in found.rejected[0].detail


def test_a_mapping_travels_as_its_text(tmp_path: Path) -> None:
    text = (
        "format: {type: jsonl}\nemit:\n  - type: message\n    fields: {message_id: id, "
        "thread_id: t, occurred_at: at, text: body}\n"
    )
    path = written(tmp_path, '{"id": "1", "t": "2", "at": "2026-05-01T10:00:00Z", "body": "hi"}\n')
    options = SourceOptions("x", mapping=parse_mapping(text))
    (first, last) = run.read(registry.get("generic"), [path], options, privacy=PRIVACY)
    assert first.tables["message"]["text"].to_pylist() == ["hi"]
    assert last.counted == 1


def test_connectors_are_found_by_name() -> None:
    names = registry.names()
    assert names == tuple(sorted(set(names)))
    assert {"canonical", "generic", "intercom", "tau_bench", "zendesk"} < set(names)
    assert all(registry.get(name).name == name for name in names)
    assert registry.get("canonical").name == "canonical"
    with pytest.raises(CandorError) as caught:
        registry.get("zendek")
    assert caught.value.problems[0].fix == "did you mean 'zendesk'?"


def test_paths_that_hold_no_file_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CandorError) as caught:
        list(
            run.read(
                CanonicalSource(), [tmp_path / "empty", tmp_path / "none"], SourceOptions("x"),
                privacy=PRIVACY,
            )
        )  # fmt: skip
    assert caught.value.code == "sources.no_files"
    assert len(caught.value.problems) == 2


@pytest.mark.shared
def test_a_column_of_two_gigabytes_is_read_or_refused(shared: Callable[[str], Path]) -> None:
    path = shared("data/hostile/parquet/data/large_string_map.brotli.parquet")
    text = (
        "format: {type: parquet}\nemit:\n  - type: message\n    fields: {message_id: arr, "
        "thread_id: arr, occurred_at: arr}\n"
    )
    options = SourceOptions("x", mapping=parse_mapping(text))
    bounds = Confinement(memory_bytes=700 << 20)
    found = list(run.read(registry.get("generic"), [path], options, privacy=PRIVACY, bounds=bounds))
    assert found[-1].done
    assert found[-1].refused is not None

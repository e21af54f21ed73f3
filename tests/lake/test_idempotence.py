"""The same records, however often, however cut and in whatever order, give the same lake."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor.events import ReasonCode, registry
from candor.lake import CommitReport, Lake, QuarantineRow

from .worlds import START, conversations, message, messages, table

Shown = Callable[[Lake, str], list[tuple[Any, ...]]]
CURRENT = "select message_id, revision, text, occurred_at from ev_message order by all"


def store(lake: Lake, *tables: tuple[str, Any]) -> CommitReport:
    with lake.batch("shop") as batch:
        for event_type, rows in tables:
            batch.add(event_type, rows)
        return batch.commit()


def test_same_file_five_times(lake: Lake, shown: Shown) -> None:
    first = store(
        lake, ("message", messages(range(700))), ("conversation", conversations(range(175)))
    )
    assert (first.read, first.stored, first.duplicate) == (875, 875, 0)
    assert first.by_type == {"message": 700, "conversation": 175}
    digest, view = lake.content_digest("message"), shown(lake, CURRENT)
    assert digest[0] == len(view) == 700
    for _ in range(4):
        again = store(lake, ("message", messages(range(700))))
        assert (again.read, again.stored, again.duplicate) == (700, 0, 700)
    assert lake.content_digest("message") == digest
    assert shown(lake, CURRENT) == view
    assert lake.verify() == []


@pytest.mark.parametrize("seed", range(3))
def test_split_and_shuffled(tmp_path: Path, shown: Shown, seed: int) -> None:
    rng = random.Random(seed)
    rows = [message(n) for n in range(400)]
    rows += [message(n, f"edited {n}", revision=1) for n in range(0, 400, 7)]
    rows += [message(n, f"contested {n}") for n in range(0, 400, 50)]
    digests, views, conflicts = set(), [], set()
    for attempt in range(3):
        order = rows[:]
        if attempt:
            rng.shuffle(order)
        cuts = sorted(rng.sample(range(1, len(order)), attempt * 2))
        root = tmp_path / str(attempt)
        root.mkdir()
        with Lake.open(root, create=True) as lake:
            for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
                store(lake, ("message", table("message", order[start:end])))
            digests.add(lake.content_digest("message"))
            views.append(shown(lake, CURRENT))
            found = lake.quarantine_list()
            conflicts.add(tuple(sorted((e.quarantine_id, e.reason) for e in found)))
            assert lake.verify() == []
    assert len(digests) == 1
    assert len(conflicts) == 1
    assert len(next(iter(conflicts))) == 8
    assert views[0] == views[1] == views[2]
    assert len(views[0]) == 400
    assert sum(1 for row in views[0] if row[1] == 1) == 58


def test_duplicates_inside_one_batch(lake: Lake) -> None:
    rows = [message(1), message(2), {**message(1), "record_no": 9}, message(3)]
    report = store(lake, ("message", table("message", rows)))
    assert (report.read, report.stored, report.duplicate) == (4, 3, 1)


def test_event_is_found_whatever_its_month(lake: Lake) -> None:
    conversation = conversations([0])
    store(lake, ("conversation", conversation))
    moved = conversation.set_column(
        conversation.schema.get_field_index("occurred_at"),
        "occurred_at",
        messages([3000]).column("occurred_at"),
    )
    report = store(lake, ("conversation", moved))
    assert (report.stored, report.duplicate) == (0, 1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_revisions_out_of_order(lake: Lake, shown: Shown, order: tuple[int, ...]) -> None:
    for revision in order:
        store(lake, ("message", table("message", [message(5, f"v{revision}", revision)])))
    assert shown(lake, "select revision, text from ev_message") == [(2, "v2")]
    assert lake.content_digest("message")[0] == 3
    assert lake.quarantine_list() == []
    assert lake.snapshot().rows("superseded") == 2


@pytest.mark.parametrize("order", ["ab", "ba", "abc", "cab", "bca"])
def test_conflict_has_one_winner(lake: Lake, shown: Shown, order: str) -> None:
    total = 0
    for text in order:
        total += store(lake, ("message", table("message", [message(5, text)]))).conflicts
    winners = shown(lake, "select text, content_hash from ev_message")
    assert len(winners) == 1
    entries = lake.quarantine_list()
    assert total == len(entries) == len(order) - 1
    assert {e.reason for e in entries} == {"ID_CONFLICT"}
    assert {e.event_id for e in entries} == {shown(lake, "select event_id from ev_message")[0][0]}
    assert lake.content_digest("message")[0] == len(order)
    # The winner is the smallest hash of all, recomputed here over the stored rows.
    import duckdb

    paths = [str(p) for p in lake.root.glob("lake/events/message/*/*.parquet")]
    hashes = []
    for path in paths:
        with duckdb.connect() as connection:
            hashes += (
                connection.read_parquet(path.replace("[", "[[]").replace("*", "[*]"))
                .project("content_hash")
                .fetchall()
            )
    assert winners[0][1] == min(one for (one,) in hashes)


def test_conservation_with_everything_at_once(lake: Lake) -> None:
    store(lake, ("message", messages(range(10))))
    with lake.batch("shop") as batch:
        batch.begin_file("aa")
        batch.add("message", messages(range(5, 15)))
        batch.quarantine(
            [
                QuarantineRow(100, "r100", ReasonCode.TS_NO_ZONE, raw=b"bad 1", file_sha256="aa"),
                QuarantineRow(101, "r101", ReasonCode.ID_MISSING, raw=b"bad 2", file_sha256="aa"),
                QuarantineRow(
                    15, "r15", ReasonCode.ENUM_UNKNOWN, raw=b"x", file_sha256="aa", is_partial=True
                ),
            ]
        )
        batch.read_count(12)
        batch.end_file("reader-1")
        batch.begin_file("bb")
        batch.add("message", messages(range(20, 30)))
        batch.read_count(10)
        batch.refuse_file(ReasonCode.JSON_SYNTAX, "the file ends too early", "b.jsonl")
        report = batch.commit()
    assert (report.read, report.stored, report.duplicate, report.quarantined) == (12, 5, 5, 2)
    assert report.by_reason == {
        "ENUM_UNKNOWN": 1,
        "ID_MISSING": 1,
        "JSON_SYNTAX": 1,
        "TS_NO_ZONE": 1,
    }
    assert lake.content_digest("message")[0] == 15
    seen = lake.seen_file("shop", "aa", "reader-1")
    assert seen is not None
    assert (seen.read, seen.quarantined) == (12, 2)
    assert lake.seen_file("shop", "bb", "reader-1") is None
    assert lake.seen_file("shop", "aa", "reader-2") is None
    with lake.batch("shop") as batch:
        batch.skip_file(seen)
        again = batch.commit()
    assert (again.read, again.stored, again.duplicate, again.quarantined) == (12, 0, 10, 2)


def test_records_that_do_not_add_up_are_refused(lake: Lake) -> None:
    from candor.errors import CandorError

    with lake.batch("shop") as batch:
        batch.add("message", messages(range(3)))
        batch.read_count(4)
        with pytest.raises(CandorError, match="4 records read, but 3 stored"):
            batch.commit()
    assert lake.snapshot().seq == 0


def test_empty_views_and_coverage(lake: Lake, shown: Shown) -> None:
    for event_type in registry():
        assert shown(lake, f"select count(*) from ev_{event_type}") == [(0,)]
    assert shown(lake, "select * from ev_coverage") == []
    store(lake, ("message", messages([0, 4])))
    first = int(START.timestamp()) * 1_000_000
    last = first + 80 * 60 * 1_000_000
    assert shown(lake, "select * from ev_coverage") == [("shop", first, last, True)]
    assert shown(lake, "select occurred_at from ev_message order by 1") == [(first,), (last,)]
    with lake.batch("shop") as batch:
        batch.commit(covered_until=last + 5)
    assert shown(lake, "select * from ev_coverage") == [("shop", first, last + 5, True)]
    kinds = shown(lake, "select distinct typeof(occurred_at), typeof(event_key) from ev_message")
    assert kinds == [("BIGINT", "BIGINT")]


def test_trusted_events_need_no_search(lake: Lake) -> None:
    report = lake.append_trusted("message", messages(range(50)).drop_columns(["record_no"]))
    assert (report.read, report.stored) == (50, 50)
    assert store(lake, ("message", messages(range(60)))).stored == 10

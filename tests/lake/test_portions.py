"""What is offered again comes in portions that fit into memory, records whole."""

from __future__ import annotations

from dataclasses import replace

from candor.lake.records import QuarantineEntry
from candor.lake.replaying import portions

ENTRY = QuarantineEntry(
    "q", "b", "shop", "f" * 64, 1, "a.jsonl:record 1", "TYPE_MISMATCH", "", "", "", "1",
    is_partial=False, event_type="", event_id="", raw_bytes=40, seen_at_us=0, replayed_at_us=None,
    outcome="",
)  # fmt: skip


def entry(source: str, record: int, size: int = 40, name: str = "") -> QuarantineEntry:
    return replace(
        ENTRY, source=source, record_no=record, raw_bytes=size, quarantine_id=f"{source}{record}{name}"
    )  # fmt: skip


def test_portions_hold_so_many_bytes_and_one_source() -> None:
    entries = [entry("shop", n) for n in range(5)] + [entry("bank", n) for n in range(2)]
    found = [[one.quarantine_id for one in part] for part in portions(entries[::-1], 100)]
    assert found == [["bank0", "bank1"], ["shop0", "shop1"], ["shop2", "shop3"], ["shop4"]]


def test_a_record_is_never_cut() -> None:
    entries = [entry("shop", 1, name=name) for name in "abc"] + [entry("shop", 2, 500)]
    found = [[one.quarantine_id for one in part] for part in portions(entries, 100)]
    assert [len(part) for part in found] == [3, 1]
    assert list(portions([], 100)) == []

"""What is rejected keeps its bytes, is listed once, and can be offered again."""

from __future__ import annotations

from collections.abc import Sequence

from candor.events import ReasonCode
from candor.lake import Lake, QuarantineRow, RawRejected, Replayed

from .worlds import message, table


def reject(lake: Lake, *rows: QuarantineRow) -> None:
    with lake.batch("shop") as batch:
        batch.begin_file("ff")
        batch.quarantine(rows)
        batch.commit()


def row(number: int, reason: ReasonCode, raw: bytes) -> QuarantineRow:
    return QuarantineRow(
        number, f"f:record {number}", reason, "occurred_at", raw=raw, preview="x" * 300
    )


def accept(source: str, records: Sequence[RawRejected]) -> Replayed:
    """A mended reader: the bytes are the message's number."""
    assert source == "shop"
    rows = [
        {**message(int(one.raw)), "record_no": position}
        for position, one in enumerate(records, start=1)
    ]
    return Replayed({"message": table("message", rows)})


def test_raw_bytes_are_private_and_readable(lake: Lake) -> None:
    reject(lake, row(1, ReasonCode.TS_NO_ZONE, b"one"), row(2, ReasonCode.TS_NO_ZONE, b"two"))
    entries = lake.quarantine_list()
    assert [lake.quarantine_show(e.quarantine_id)[1] for e in entries] == [b"one", b"two"]
    assert {len(e.preview) for e in entries} == {200}
    (path,) = (lake.root / "restricted" / "quarantine").glob("*/raw.bin")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    log = "".join(p.read_text() for p in lake.root.glob("lake/quarantine/_delta_log/*.json"))
    assert "xxx" not in log


def test_bytes_of_the_erased_are_not_kept(lake: Lake) -> None:
    reject(lake, row(1, ReasonCode.SUPPRESSED, b"somebody"))
    (entry,) = lake.quarantine_list()
    assert (entry.raw_bytes, lake.quarantine_show(entry.quarantine_id)[1]) == (0, None)
    assert not any(b"somebody" in p.read_bytes() for p in lake.root.rglob("*") if p.is_file())


def test_same_bad_record_is_one_entry(lake: Lake) -> None:
    for _ in range(3):
        reject(lake, row(1, ReasonCode.TS_NO_ZONE, b"one"), row(2, ReasonCode.TS_NO_ZONE, b"two"))
    assert len(lake.quarantine_list()) == 2
    assert [batch.quarantined for batch in lake._state.ledger()] == [2, 2, 2]


def test_replay_stores_once(lake: Lake) -> None:
    reject(lake, row(1, ReasonCode.TS_NO_ZONE, b"7"), row(2, ReasonCode.TS_FUTURE, b"8"))
    waiting = lake.replay(accept, waiting_only=True)
    assert (waiting.offered, waiting.stored) == (1, 1)
    rest = lake.replay(accept)
    assert (rest.offered, rest.stored) == (1, 1)
    assert {e.outcome for e in lake.quarantine_list()} == {"stored"}
    assert all(e.replayed_at_us for e in lake.quarantine_list())
    before = lake.snapshot().id
    again = lake.replay(accept)
    assert (again.offered, again.stored) == (0, 0)
    assert lake.snapshot().id == before
    assert lake.content_digest("message")[0] == 2
    assert lake.verify() == []


def test_replay_that_fails_again_changes_nothing(lake: Lake) -> None:
    reject(lake, row(1, ReasonCode.TS_NO_ZONE, b"7"))
    before = lake.snapshot().id

    def refuse(_: str, records: Sequence[RawRejected]) -> Replayed:
        return Replayed(
            {}, tuple(row(n, ReasonCode.TS_NO_ZONE, r.raw) for n, r in enumerate(records, 1))
        )

    assert lake.replay(refuse).quarantined == 1
    assert lake.snapshot().id == before

    def refuse_otherwise(_: str, records: Sequence[RawRejected]) -> Replayed:
        return Replayed(
            {}, tuple(row(n, ReasonCode.TS_RANGE, r.raw) for n, r in enumerate(records, 1))
        )

    assert lake.replay(refuse_otherwise).quarantined == 1
    states = {(e.reason, e.outcome) for e in lake.quarantine_list()}
    assert states == {("TS_NO_ZONE", "quarantined"), ("TS_RANGE", "")}
    assert lake.replay(accept).stored == 1

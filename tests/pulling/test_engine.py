"""The engine of pulls against a server with every habit: paging, limits, faults, interruptions."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.lake import Lake
from candor.pulling import pages as pages_module
from candor.pulling.description import load, parse
from pulling.conftest import NOW, Puller, item
from pulling.server import Reply, Request, Vendor, by_cursor, by_link, by_offset

CURSOR = """\
  - name: items
    path: /items
    query: {from: "{since}"}
    paging: {kind: cursor, parameter: cursor, token: next}
    records: items
"""


@pytest.fixture
def desk(puller: Puller, vendor: Vendor) -> Puller:
    puller.describe(CURSOR)
    vendor.handlers.append(by_cursor("/api/items", "items", [item(n) for n in range(25)], 10))
    return puller


def test_cursor_pages_are_stored_once_and_removed(desk: Puller, vendor: Vendor) -> None:
    result = desk.pull()
    one = result.streams["items"]
    assert (one.pages, one.records, one.is_whole) == (3, 25, True)
    held = result.ingested
    assert held is not None
    assert (held.read, held.stored, held.duplicate, held.quarantined) == (25, 25, 0, 0)
    assert len(desk.stored()) == 25
    assert vendor.requests[0].query == {"from": "2024-06-01T00:00:00Z"}
    assert not list((desk.root / "restricted" / "pulls" / "desk" / "pages").iterdir())
    again = desk.pull().ingested
    assert again is not None
    assert (again.read, again.stored, again.duplicate) == (25, 0, 25)


def test_how_far_the_data_reach_is_now_less_the_lag(desk: Puller) -> None:
    desk.pull()
    with Lake.open(desk.root) as lake:
        (one,) = lake.coverage()
    assert one.covered_until_us == int(NOW * 1_000_000) - 60_000_000


def test_offset_and_link_and_time_windows(puller: Puller, vendor: Vendor) -> None:
    mapping = (
        "format: {type: json}\nemit:\n  - type: message\n    fields: {message_id: id, thread_id: "
        "thread, occurred_at: at, actor: {constant: customer}, is_public: {constant: true}, "
        "text: text}\n"
    )
    puller.describe(
        "  - {name: numbered, path: /numbered, paging: {kind: offset, parameter: page, size: 4}}\n"
        "  - {name: linked, path: /linked, paging: {kind: link}}\n"
        '  - {name: timed, path: /timed, query: {a: "{since}", b: "{until}"}, '
        "time: {format: epoch_seconds, step: 4d, lag: 1d}}\n",
        mapping=mapping,
    )
    asked: list[tuple[int, int]] = []

    def timed(request: Request) -> Reply | None:
        if request.path != "/api/timed":
            return None
        asked.append((int(request.query["a"]), int(request.query["b"])))
        return Reply([item(100 + len(asked))])

    vendor.handlers += [
        by_offset("/api/numbered", [item(n) for n in range(8)], 4),
        by_link(vendor, "/api/linked", [item(n) for n in range(20, 27)], 3),
        timed,
    ]
    result = puller.pull()
    assert {name: one.records for name, one in result.streams.items()} == {
        "numbered": 8, "linked": 7, "timed": 3,
    }  # fmt: skip
    assert len(puller.stored()) == 18
    # Eight records in pages of four: a third, empty page ends them and is not kept.
    assert [r.query.get("page") for r in vendor.asked("/api/numbered")] == ["1", "2", "3"]
    day = 86_400
    start = 1_717_200_000
    assert asked == [
        (start, start + 4 * day),
        (start + 4 * day, start + 8 * day),
        (start + 8 * day, int(NOW) - day),
    ]


def test_retry_after_is_obeyed_as_number_and_as_date(desk: Puller, vendor: Vendor) -> None:
    vendor.faults += [
        Reply({}, 429, {"Retry-After": "17"}),
        Reply({}, 503, {"Retry-After": formatdate(NOW + 60, usegmt=True)}),
    ]
    result = desk.pull()
    assert result.streams["items"].is_whole
    assert desk.waiting.long[0] == 17
    assert 40 <= desk.waiting.long[1] <= 43  # what is left of the minute after the first wait
    assert len(desk.stored()) == 25


def test_a_wait_that_is_too_long_is_left_for_the_next_pull(desk: Puller, vendor: Vendor) -> None:
    vendor.faults += [None, Reply({}, 429, {"Retry-After": "86400"})]
    result = desk.pull()
    one = result.streams["items"]
    assert (one.records, one.is_whole) == (10, False)
    assert "asks to wait 86400 s" in one.note
    assert len(desk.stored()) == 10, "what was read before is stored"
    assert desk.waiting.long == []
    assert desk.pull().streams["items"].records == 15, "it goes on where it stood"
    assert len(desk.stored()) == 25


def test_server_errors_wait_longer_each_time_and_then_give_up(desk: Puller, vendor: Vendor) -> None:
    vendor.faults += [Reply({"secret": "body"}, 500)] * 4
    result = desk.pull()
    assert desk.waiting.long == [1, 2, 4]
    assert result.streams["items"].note == "/api/items: the server answered 500"
    assert result.has_failed
    assert result.ingested is None
    assert desk.pull().streams["items"].is_whole


@pytest.mark.parametrize(
    "fault",
    [
        Reply({"items": [item(n) for n in range(10)], "next": None}, cut=40),
        Reply(raw=b'{"items": [{"id": "m1"'),
    ],
    ids=["broken off", "half a document"],
)
def test_a_cut_answer_is_asked_again(desk: Puller, vendor: Vendor, fault: Reply) -> None:
    vendor.faults.append(fault)
    assert desk.pull().streams["items"].is_whole
    assert len(desk.stored()) == 25
    assert len(vendor.requests) == 4


def test_an_expired_cursor_starts_the_stream_again(desk: Puller, vendor: Vendor) -> None:
    vendor.faults += [None, Reply({}, 410)]
    result = desk.pull()
    one = result.streams["items"]
    assert (one.restarts, one.is_whole, one.records) == (1, True, 35)
    assert "cursor" not in vendor.requests[2].query
    held = result.ingested
    assert held is not None
    assert (held.read, held.stored, held.duplicate) == (35, 25, 10)


def test_a_cursor_that_expires_again_and_again_ends(desk: Puller, vendor: Vendor) -> None:
    vendor.faults += [None, Reply({}, 410), None, Reply({}, 410)]
    one = desk.pull().streams["items"]
    assert (one.restarts, one.is_whole) == (1, False)
    assert len(desk.stored()) == 10


def test_a_renamed_list_is_drift_and_loses_nothing(puller: Puller, vendor: Vendor) -> None:
    puller.describe(CURSOR + CURSOR.replace("items", "others").replace("records: others",
                                                                       "records: items"))  # fmt: skip
    vendor.handlers += [
        lambda r: Reply({"entries": [item(1)], "next": None}) if r.path == "/api/items" else None,
        by_cursor("/api/others", "items", [item(n) for n in range(3)], 10),
    ]
    result = puller.pull()
    assert result.streams["items"].note == (
        "the interface has changed: no list of records under 'items' (found: entries, next)"
    )
    assert result.streams["others"].is_whole
    assert len(puller.stored()) == 3
    vendor.handlers.insert(0, by_cursor("/api/items", "items", [item(n) for n in range(5)], 10))
    assert puller.pull().streams["items"].records == 5


def test_new_fields_and_words_are_kept(puller: Puller, vendor: Vendor) -> None:
    puller.describe(CURSOR)
    records = [item(1, brand_new={"a": 1}), item(2), {"id": "m3", "text": "no thread"}]
    vendor.handlers.append(by_cursor("/api/items", "items", records, 10))
    held = puller.pull().ingested
    assert held is not None
    assert (held.read, held.stored, held.quarantined) == (3, 2, 1)
    extras = [json.loads(row["extra"]) for row in puller.rows("message") if row["extra"]]
    assert extras == [{"brand_new": {"a": 1}}]


def test_the_same_page_over_and_over_ends(puller: Puller, vendor: Vendor) -> None:
    puller.describe(CURSOR)
    vendor.handlers.append(lambda _: Reply({"items": [item(1)], "next": "again"}))
    one = puller.pull().streams["items"]
    assert "names the page it is" in one.note
    assert len(vendor.requests) == 2


def test_a_stream_that_may_be_missing(puller: Puller, vendor: Vendor) -> None:
    puller.describe(CURSOR + "  - {name: extras, path: /extras, records: items, optional: true}\n")
    vendor.handlers.append(by_cursor("/api/items", "items", [item(1)], 10))
    result = puller.pull()
    assert result.streams["extras"].note == "not available, which is not zero"
    assert not result.has_failed


@pytest.mark.parametrize("broken_at", range(1, 9))
def test_ct_19_an_interrupted_pull_gives_the_same_store(
    desk: Puller,
    another: Callable[[str], Puller],
    monkeypatch: pytest.MonkeyPatch,
    broken_at: int,
) -> None:
    whole = another("whole")
    whole.describe(CURSOR)
    whole.pull()
    real, calls = os.replace, 0
    path_replace = Path.replace

    def dying(self: Path, target: Path) -> Path:
        nonlocal calls
        if "pulls" in str(self):
            calls += 1
            if calls == broken_at:
                raise KeyboardInterrupt
        return path_replace(self, target)

    assert real is os.replace
    monkeypatch.setattr(pages_module.Path, "replace", dying)
    try:
        desk.pull()
    except KeyboardInterrupt:
        monkeypatch.undo()
        desk.pull()
    assert calls >= min(broken_at, 6)
    assert desk.stored() == whole.stored()


def test_a_death_after_storing_and_before_removing_counts_nothing_twice(
    desk: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_self: object, _days: int, *, keep_latest: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pages_module.Pages, "settled", die)
    with pytest.raises(KeyboardInterrupt):
        desk.pull()
    monkeypatch.undo()
    held = desk.pull().ingested
    assert held is not None
    assert held.stored == 0
    assert len(desk.stored()) == 25


def test_only_one_pull_of_a_source_runs(desk: Puller) -> None:
    holder = pages_module.Pages(desk.root / "restricted", "desk")
    with holder, pytest.raises(CandorError) as caught:
        desk.pull()
    assert caught.value.code == "pull.running"


def test_pages_are_readable_by_their_owner_only(desk: Puller, vendor: Vendor) -> None:
    desk.describe(CURSOR, toml="keep_days = 30\n")
    desk.pull()
    root = desk.root / "restricted" / "pulls" / "desk"
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]
    assert len([path for path in files if path.suffix == ".json"]) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert len(vendor.requests) == 3


def test_pages_of_the_last_pull_stay_beside_the_next(puller: Puller, vendor: Vendor) -> None:
    puller.describe(CURSOR)
    path = puller.root / "desk.yaml"
    path.write_text(path.read_text("utf-8") + "keep_latest: true\n", "utf-8")
    records = [item(1)]
    vendor.handlers.append(lambda _: Reply({"items": records, "next": None}))
    folder = puller.root / "restricted" / "pulls" / "desk" / "pages"

    def names() -> list[str]:
        return sorted(path.name for path in folder.iterdir())

    puller.pull()
    assert names() == ["items-00000000.json"]
    records = [item(2)]
    held = puller.pull().ingested
    assert held is not None
    assert (held.read, held.stored) == (1, 1), "what stays is not read again"
    assert names() == ["items-00000001.json"]
    records = []
    assert puller.pull().ingested is None


def test_no_more_requests_a_minute_than_allowed(desk: Puller) -> None:
    desk.describe(CURSOR, limits="{per_minute: 10}")
    desk.pull()
    assert desk.waiting.waits == [6, 6]


def test_a_page_over_the_limit_is_not_held(desk: Puller, vendor: Vendor) -> None:
    desk.describe(CURSOR, limits="{per_minute: 6000, retries: 0, page_bytes: 2000}")
    vendor.faults.append(Reply({"items": ["x" * 3000], "next": None}))
    assert "more than 2000 bytes" in desk.pull().streams["items"].note


def test_mistakes_of_a_description_are_told_all_at_once() -> None:
    with pytest.raises(CandorError) as caught:
        parse(
            "title: x\nconnector: generic\nbase_url: https://{site}.example\nstrems: []\n"
            "streams:\n  - {name: A, path: /a, paging: {kind: cursor}}\n"
            "  - {name: b, path: /b, time: {lag: soon}}\n",
            "own.yaml",
        )
    told = str(caught.value)
    assert len(caught.value.problems) == 4
    for part in ("strems", "no name of lower-case", "cursor needs", "'soon' is not a duration"):
        assert part in told


def test_unknown_descriptions_sources_and_streams(puller: Puller) -> None:
    with pytest.raises(CandorError) as caught:
        load("zendsk", puller.root)
    assert "zendesk" in caught.value.problems[0].fix
    puller.describe(CURSOR, toml='streams = ["itms"]\n')
    with pytest.raises(CandorError) as caught:
        puller.pull()
    assert "items" in caught.value.problems[0].fix
    with pytest.raises(CandorError) as caught:
        puller.pull("dsk")
    assert caught.value.code == "pull.unknown"


def test_more_records_than_pages_are_given_for(puller: Puller, vendor: Vendor) -> None:
    puller.describe(
        '  - {name: items, path: /items, query: {since: "{since}"}, records: items, paging: '
        "{kind: offset, parameter: page, size: 2, most_pages: 3, advance_by: at}}\n"
    )
    records = [item(n) for n in range(17)]

    def handle(request: Request) -> Reply:
        newer = [one for one in records if one["at"] >= request.query["since"]]
        number = int(request.query["page"])
        assert number <= 3, "the interface gives three pages and no more"
        return Reply({"items": newer[(number - 1) * 2 : number * 2]})

    vendor.handlers.append(handle)
    assert puller.pull().streams["items"].is_whole
    assert len(puller.stored()) == 17

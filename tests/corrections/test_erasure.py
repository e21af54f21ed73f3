"""After an erasure nothing of the person is left, the counts stay, and the same file brings nobody back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from candor import erasing, pipeline
from candor.access import audit
from candor.access.store import Store
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.events import ReasonCode
from candor.lake import Lake, rewriting
from candor.lake.serving import Serving
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.workspace import Workspace

from .desk import CONFIG, SOLVED, desk, take, thread

COUNTED = (
    "select count(*) as n, sum(customer_messages) as said, sum(ai_messages) as answered,"
    " count(case when true_resolution then 1 end) as solved, count(distinct person_key) as people,"
    " count(case when contained then 1 end) as contained, sum(turns) as turns from conversation"
)
CANARY = "Zanzibar"


def counts(workspace: Workspace) -> list[dict[str, Any]]:
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        return engine.arrow(COUNTED).to_pylist()


def found(workspace: Workspace, words: list[str]) -> list[str]:
    """Files in which a word still stands, tables opened."""
    held = []
    for path in sorted(one for one in workspace.root.rglob("*") if one.is_file()):
        body = path.read_bytes()
        if path.suffix == ".parquet":
            body += json.dumps(
                pq.read_table(path, partitioning=None).to_pylist(), default=str
            ).encode()
        held += [f"{path.name}: {word}" for word in words if word.encode() in body]
    return held


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = desk(tmp_path)
    secret = [(actor, f"{text} {CANARY} one") for actor, text in SOLVED]
    events = [
        *thread("talk-77771", secret, 5, customer="cust-77"),
        *thread("talk-77772", secret, 6, customer="cust-77"),
        {"type": "message", "thread_id": "talk-77771", "text": f"{CANARY} no id", "actor": "customer"},
    ]  # fmt: skip
    take(made, tmp_path / "person.jsonl", events)
    pages = made.restricted / "pulls" / "desk" / "pages"
    pages.mkdir(parents=True)
    (pages / "1.jsonl").write_text(
        json.dumps({"id": "talk-77771", "who": "cust-77", "body": CANARY})
        + "\n"
        + json.dumps({"id": "other"})
        + "\n"
    )
    pipeline.measure(made)
    return made


def identifiers(workspace: Workspace) -> list[str]:
    key_id, key = load_or_create(workspace.restricted)
    return [CANARY, "talk-7777", "cust-77", Pseudonymiser(key, key_id).one("customer", "cust-77")]


def test_nothing_is_left_and_every_count_stays(workspace: Workspace, tmp_path: Path) -> None:
    before = counts(workspace)
    words = identifiers(workspace)
    assert {one.split(": ")[1] for one in found(workspace, words)} == set(words), "all are there"
    topics = workspace.root / "topics"
    topics.mkdir()
    (topics / "topics.json").write_text("{}")
    done = pipeline.erase(workspace, customer="cust-77", reason="asked by the person")
    assert not topics.exists()
    assert (done.erasures, done.threads, done.raw_records, done.raw_files) == (1, 2, 1, 1)
    assert (done.rows["conversation"], done.rows["message"]) == (2, 6)
    left = found(workspace, words)
    assert [one for one in left if not one.startswith("suppressed.json: k")] == []
    assert counts(workspace) == before
    assert pipeline.verify(workspace) == []
    page = workspace.restricted / "pulls" / "desk" / "pages" / "1.jsonl"
    assert page.read_text("utf-8") == '{"id": "other"}\n'
    told = json.dumps(done.as_dict())
    assert not any(word in told for word in words)
    store = Store(workspace.restricted)
    (entry,) = audit.entries(store.connection, action="erasure")
    assert json.loads(entry.detail)["threads"] == 2
    store.close()

    again = pipeline.ingest(workspace, "canonical", [tmp_path / "person.jsonl"], name="feed")
    assert again.stored == 0
    changed = tmp_path / "changed.jsonl"
    changed.write_text((tmp_path / "person.jsonl").read_text("utf-8") + "\n", "utf-8")
    more = pipeline.ingest(workspace, "canonical", [changed], name="other_name")
    assert more.by_reason[ReasonCode.SUPPRESSED] == 8
    assert more.stored == 0
    pipeline.measure(workspace)
    assert counts(workspace) == before
    assert erasing.settle(workspace).erasures == 0, "it is done once"


def test_a_thread_can_be_erased_by_the_source_itself(workspace: Workspace, tmp_path: Path) -> None:
    before = counts(workspace)[0]
    event = {
        "type": "erasure", "erasure_id": "deleted:talk-77771", "occurred_at": "2026-05-20T10:00:00Z",
        "subject_kind": "thread", "subject_id": "talk-77771", "requested_at": "2026-05-20T10:00:00Z",
        "reason": "deleted at the source",
    }  # fmt: skip
    take(workspace, tmp_path / "gone.jsonl", [event])
    pipeline.measure(workspace)
    after = counts(workspace)[0]
    assert {k: v for k, v in after.items() if k != "people"} == {
        k: v for k, v in before.items() if k != "people"
    }  # fmt: skip
    assert found(workspace, ["talk-77771"]) == []
    assert found(workspace, ["talk-77772"]), "the other thread of the person stands"
    assert pipeline.verify(workspace) == []


def test_an_erasure_cut_short_is_finished(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, words = counts(workspace), identifiers(workspace)
    whole = rewriting.Observations
    monkeypatch.setattr(rewriting, "Observations", lambda *_: (_ for _ in ()).throw(OSError("cut")))
    with pytest.raises(OSError, match="cut"):
        pipeline.erase(workspace, customer="cust-77", reason="asked")
    monkeypatch.setattr(rewriting, "Observations", whole)
    with Lake.open(workspace.root) as lake:
        assert lake.verify() == [], "recovery settled the log entries"
    pipeline.measure(workspace)
    left = [one for one in found(workspace, words) if not one.startswith("suppressed.json: k")]
    assert left == []
    assert counts(workspace) == before
    assert pipeline.verify(workspace) == []


EMAIL, PHONE = "Ann.Example@post.example", "+49 151 23456789"


@pytest.fixture
def known_by_address(tmp_path: Path) -> Workspace:
    """A customer known by an address and a number, named in a thread of somebody else."""
    made = desk(tmp_path)
    alias = {"type": "identity", "occurred_at": "2026-05-05T09:00:00Z", "is_removed": False}
    events = [
        *thread("own-1", SOLVED, 5, customer="cust-5"),
        {**alias, "identity_id": "i1", "customer_id": "cust-5", "alias_kind": "email", "alias": EMAIL},
        {**alias, "identity_id": "i2", "customer_id": "cust-6", "alias_kind": "phone", "alias": "0151 23456789"},
        *thread("own-2", SOLVED, 6, customer="cust-6"),
        *thread("other", [
            ("customer", "Please write to ann.example@post.example about invoice 7"),
            ("ai_agent", "I wrote to bob@post.example and called 0151 23456789."),
        ], 7, customer="cust-7"),
    ]  # fmt: skip
    take(made, tmp_path / "known.jsonl", events)
    return made


def messages(workspace: Workspace) -> dict[str, str]:
    with Lake.open(workspace.root) as lake:
        paths = lake.verified_paths("message", lake.snapshot())
    rows = [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]
    return {row["message_id"]: row["text"] for row in rows}


def test_by_address_its_owner_goes_and_a_mention_tells_nothing(
    known_by_address: Workspace, tmp_path: Path
) -> None:
    before = messages(known_by_address)
    assert before["other-0"].startswith("Please write to [EMAIL_")
    pages = known_by_address.restricted / "pulls" / "desk" / "pages"
    pages.mkdir(parents=True)
    whole: dict[str, Any] = {
        "users": [{"id": 1, "email": EMAIL.upper()}, {"id": 2, "email": "x@y.example"}],
        "next": None,
    }
    (pages / "users.json").write_text(json.dumps(whole))
    (pages / "odd.bin").write_bytes(b"\x00" + EMAIL.encode())
    (pages / "near.json").write_text(json.dumps([{"email": "joann.example@post.example"}]))
    done = pipeline.erase(known_by_address, email="ANN.example@post.example", reason="asked")
    assert (done.erasures, done.threads, done.raw_files) == (1, 1, 2)
    after = messages(known_by_address)
    assert after["other-0"] == "Please write to [ERASED_0000] about invoice 7"
    assert after["other-1"] == before["other-1"], "another address and a number stay as they were"
    assert found(known_by_address, ["own-1"]) == []
    assert found(known_by_address, ["own-2"]), "somebody else"
    assert json.loads((pages / "users.json").read_text()) == {
        "users": whole["users"][1:],
        "next": None,
    }
    assert not (pages / "odd.bin").exists()
    assert (pages / "near.json").exists(), "an address that only ends alike"
    assert pipeline.verify(known_by_address) == []

    again = take(known_by_address, tmp_path / "again.jsonl", [
        {"type": "identity", "occurred_at": "2026-06-05T09:00:00Z", "is_removed": False, "identity_id": "i9",
         "customer_id": "cust-new", "alias_kind": "email", "alias": EMAIL.lower()},
        *thread("late", SOLVED, 9, customer="cust-new"),
    ], name="elsewhere")  # fmt: skip
    assert (again.stored, again.by_reason[ReasonCode.SUPPRESSED]) == (0, 5)


def test_by_number_however_it_is_written(known_by_address: Workspace) -> None:
    done = pipeline.erase(known_by_address, phone=PHONE, reason="asked")
    assert done.threads == 1
    assert found(known_by_address, ["own-2"]) == []
    assert found(known_by_address, ["own-1"])
    text = messages(known_by_address)["other-1"]
    assert text.endswith("called [ERASED_0000].")
    assert "[EMAIL_" in text


def test_who_came_in_before_the_address_was_told_goes_with_the_next_measure(
    known_by_address: Workspace, tmp_path: Path
) -> None:
    pipeline.erase(known_by_address, email=EMAIL, reason="asked")
    take(known_by_address, tmp_path / "1.jsonl", thread("early", SOLVED, 9, customer="cust-new"))
    assert found(known_by_address, ["early"])
    told = {
        "type": "identity", "occurred_at": "2026-06-05T09:00:00Z", "is_removed": False,
        "identity_id": "i9", "customer_id": "cust-new", "alias_kind": "email", "alias": EMAIL,
    }  # fmt: skip
    assert take(known_by_address, tmp_path / "2.jsonl", [told]).stored == 0
    erasing.settle(known_by_address)
    assert found(known_by_address, ["early"]) == []


def test_what_is_read_again_from_quarantine_brings_nobody_back(tmp_path: Path) -> None:
    made = desk(tmp_path)
    mapping = """
format: {type: jsonl}
emit:
  - type: message
    fields: {message_id: id, thread_id: talk, occurred_at: at, actor: {column: who, on_unmapped: refuse, map: {c: customer}}, text: text}
"""
    (made.root / "m.yaml").write_text(mapping)
    config = CONFIG + '\n[sources.rows]\nconnector = "generic"\nmapping = "m.yaml"\n'
    (made.root / "candor.toml").write_text(config)
    made = Workspace.open(made.root)
    row = {"id": "q1", "talk": "quiet-5", "at": "2026-05-05T10:00:00Z", "who": "x", "text": "Hello"}
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps(row) + "\n" + json.dumps({**row, "id": "q2", "talk": "loud"}) + "\n")
    assert pipeline.ingest(made, "rows", [rows]).quarantined == 2
    listed = made.restricted / "raw_kept"
    raw = next(made.restricted.rglob("raw.bin"))
    listed.write_bytes(raw.read_bytes())
    pipeline.erase(made, thread="quiet-5", reason="asked")
    raw.write_bytes(listed.read_bytes())  # As a backup would bring it back.
    listed.unlink()
    (made.root / "m.yaml").write_text(
        mapping.replace("{c: customer}", "{c: customer, x: customer}")
    )
    result = pipeline.replay(made)
    assert result.stored == 1
    assert set(messages(made)) >= {"q2"}
    assert "q1" not in messages(made)


def test_what_is_no_address_is_told(workspace: Workspace) -> None:
    for email, phone in (("nobody", ""), ("", "12")):
        with pytest.raises(CandorError) as caught:
            pipeline.erase(workspace, email=email, phone=phone, reason="r")
        assert caught.value.code == "usage.erase"


def test_what_is_missing_is_told(workspace: Workspace) -> None:
    with pytest.raises(CandorError) as caught:
        pipeline.erase(workspace, customer="x", thread="y", reason="r")
    assert caught.value.code == "usage.erase"


def test_conversations_without_any_text_are_measured(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "silent", CONFIG)
    events = thread("s", SOLVED, 1)
    take(
        made,
        tmp_path / "s.jsonl",
        [{k: v for k, v in one.items() if k != "text"} for one in events],
    )
    pipeline.measure(made)
    assert counts(made)[0]["said"] == 2

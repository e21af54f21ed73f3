"""Hostile files, texts and words through the whole of candor: counted, stored as text, never obeyed."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.errors import CandorError
from candor.lake import Lake
from candor.sources import run
from candor.workspace import Workspace

from .conftest import MESSAGES, broken, take

pytestmark = pytest.mark.shared
OWN = "data/hostile/own"
FILES = 81
DELIMITERS = {
    "dialect_semicolon.csv": ";",
    "dialect_sep_line.csv": ";",
    "dialect_pipe.csv": "|",
    "dialect_tab.csv": "\t",
}
SAME_REASON = {"FILE_EMPTY": "EMPTY_FILE"}
REFUSED = ("reject_file", "needs_declared_encoding")
# Stored, and reported by `candor doctor` until its conversation arrives: the other right answer.
ALSO_RIGHT = {"order_orphans.ndjson": ((1, 0, 0), None)}
# Both contents are kept, one of them counts, and the conflict is listed.
ALSO_RIGHT["order_dup_ids_diff.ndjson"] = ((3, 0, 0), "ID_CONFLICT")
SAYS_UNCHANGED = ("unicode", "csv_formula", "xss", "inject_other")
WORDS_EACH = 12
CONFINED = ("archive", "size")


def mapping_of(name: str, encoding: str | None) -> str:
    """The mapping of one file: its format declared, everything else alike."""
    if name.endswith((".ndjson", ".json")):
        declared = "{type: jsonl}" if name.endswith(".ndjson") else "{type: json}"
    else:
        form = {"type": "csv", "delimiter": DELIMITERS.get(name, ",")}
        declared = json.dumps(form | ({"encoding": encoding} if encoding else {}))
    text = MESSAGES.format(format=declared)
    return text[: text.index("  - type: conversation")]


def test_every_file_ends_as_its_manifest_says(
    shared: Callable[[str], Path],
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = run.read
    confined = [False]

    def quickly(*arguments: Any, **named: Any) -> Any:
        return read(*arguments, **named, in_child=confined[0])

    monkeypatch.setattr(run, "read", quickly)
    entries = json.loads(shared(f"{OWN}/manifest.json").read_text("utf-8"))
    assert len(entries) == FILES
    wrong: list[Any] = []
    totals = [0, 0, 0, 0]
    for entry in entries:
        path = shared(OWN) / entry["file"]
        # Starting a process for each of them all would take a minute.
        confined[0] = entry["category"] in CONFINED
        cases = [(None, entry["expect"], entry.get("reason"))]
        if said := entry.get("expect_when_declared"):
            cases.append((said["encoding"], said, None))
        for encoding, expect, reason in cases:
            mapping = tmp_path / "mapping.yaml"
            mapping.write_text(mapping_of(path.name, encoding), "utf-8")
            # Each file is a source of its own: many use the same ids.
            name = f"{path.name}/{encoding}"
            offered = named_as_sent(path, entry, tmp_path)
            result = take(workspace, "generic", offered, name=name, mapping=mapping)
            got = (result.stored, result.duplicate, result.quarantined)
            totals = [a + b for a, b in zip(totals, (result.read, *got), strict=True)]
            want = (expect["stored"], expect["duplicate"], expect["quarantined"])
            want, cause = ALSO_RIGHT.get(path.name, (want, reason))
            reasons = set(result.by_reason) | {one.what.split(":")[0] for one in result.refused}
            needed = SAME_REASON.get(cause or "", cause)
            if got != want or (needed and needed not in reasons):
                wrong.append((name, want, needed, got, reasons))
            is_refused = entry["outcome"] in REFUSED and encoding is None
            if is_refused != bool(result.refused):
                wrong.append((name, entry["outcome"], result.refused))
    assert wrong == []
    assert broken(workspace) == []
    with Lake.open(workspace.root) as lake:
        assert lake.snapshot().rows("message") == totals[1]
    assert totals[0] == sum(totals[1:]) > 250


def named_as_sent(path: Path, entry: dict[str, Any], folder: Path) -> Path:
    """The file under the name a hostile client gave it, where the manifest has one."""
    if "send_as" not in entry:
        return path
    copy = folder / entry["send_as"]
    copy.write_bytes(path.read_bytes())
    return copy


def hostile_texts(shared: Callable[[str], Path]) -> tuple[list[str], list[dict[str, str]]]:
    """Texts that must come out as they went in, and those with personal data."""
    naughty = json.loads(shared("data/hostile/blns/blns.json").read_text("utf-8"))
    lines = shared(f"{OWN}/messages.jsonl").read_text("utf-8").split("\n")
    own = [json.loads(line) for line in lines if line]
    plain = [one["text"] for one in own if one["category"] in SAYS_UNCHANGED]
    with tarfile.open(shared("data/hostile/libinjection/files.tar.gz")) as archive:
        harmless = archive.extractfile("false_positives.txt").read().decode()  # type: ignore[union-attr]
    plain += [unquote(line) for line in harmless.splitlines() if line and not line.startswith("#")]
    return [text for text in naughty + plain if text], [o for o in own if o["category"] == "pii"]


def words_of(shared: Callable[[str], Path]) -> list[str]:
    """Attacks, some of each file of the collection."""
    found = []
    with tarfile.open(shared("data/hostile/libinjection/files.tar.gz")) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            if Path(member.name).name.startswith(("sqli-", "xss-")):
                text = archive.extractfile(member).read().decode("utf-8", "replace")  # type: ignore[union-attr]
                lines = [line for line in text.splitlines() if line and not line.startswith("#")]
                found += [unquote(line) for line in lines[:: max(1, len(lines) // 3)][:3]]
    return found


@pytest.fixture(scope="module")
def spoken(
    shared: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, dict[str, str], list[dict[str, str]], list[str]]:
    """A measured workspace in which customers say hostile things and threads are named by attacks."""
    root = tmp_path_factory.mktemp("spoken")
    workspace = Workspace.create(root / "desk", "")
    plain, personal = hostile_texts(shared)
    said: dict[str, str] = {}
    rows: list[dict[str, Any]] = []

    def say(thread: str, text: str, number: int) -> None:
        minute, second = divmod(number, 60)
        hour, minute = divmod(minute, 60)
        at = f"2026-05-0{1 + hour // 24}T{hour % 24:02}:{minute:02}:{second:02}Z"
        rows.append({"type": "conversation", "thread_id": thread, "occurred_at": at,
                     "started_at": at, "channel": "chat", "is_test": False, "is_spam": False, "customer_id": f"c{number % 97}"})  # fmt: skip
        rows.append({"type": "message", "message_id": f"{thread}/1", "thread_id": thread,
                     "occurred_at": at, "actor": "customer", "is_public": True, "text": text})  # fmt: skip

    for number, text in enumerate(plain):
        said[f"plain-{number}"] = text
        say(f"plain-{number}", text, number)
    for number, one in enumerate(personal):
        say(one["id"], one["text"], 5_000 + number)
    names = words_of(shared)[::40]
    for number, name in enumerate(names):
        say(name, "hello", 6_000 + number)
    path = root / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = take(workspace, "canonical", path, name="feed")
    assert (result.read, result.quarantined) == (len(rows), 0)
    pipeline.measure(workspace)
    return workspace, said, personal, names


def shown(answers: Answers, thread: str) -> str:
    (message,) = [one for one in answers.why(thread).timeline if one.kind == "message"]
    return message.text


def all_texts(answers: Answers) -> dict[str, str]:
    """Text by message over the whole transcripts file; one `why` for each would take minutes."""
    from candor.engines.duck import DuckEngine

    keys = dict(answers.engine.rows("select thread_key, thread_id from conversation"))
    with DuckEngine(answers.publication.text, read_only=True) as texts:
        rows = texts.rows("select thread_key, text from timeline where kind = 'message'")
    return {keys[key]: text for key, text in rows}


def test_hostile_texts_come_out_as_they_went_in(spoken: Any) -> None:
    workspace, said, _, _ = spoken
    with Answers(workspace) as answers:
        found = all_texts(answers)
        assert shown(answers, "plain-100") == found["plain-100"]
    changed = {name: (text, found[name]) for name, text in said.items() if found[name] != text}
    # Some naughty strings hold an address, a number or a password, and are masked for it.
    masked = {name for name, (_, now) in changed.items() if "[" in now}
    assert {name: pair for name, pair in changed.items() if name not in masked} == {}
    assert len(masked) <= len(said) // 40, [changed[name] for name in sorted(masked)]


def test_personal_data_are_masked_and_look_alikes_left(spoken: Any) -> None:
    workspace, _, personal, _ = spoken
    with Answers(workspace) as answers:
        found = {one["id"]: shown(answers, one["id"]) for one in personal}
    wrong = [
        (one["kind"], one["text"], found[one["id"]])
        for one in personal
        if (found[one["id"]] == one["text"]) != (one["expect"] == "left_alone")
    ]
    assert wrong == []


def test_threads_named_by_attacks_are_found_by_their_name(spoken: Any) -> None:
    workspace, _, _, names = spoken
    with Answers(workspace) as answers:
        for name in names:
            page = answers.why(name)
            assert (page.thread_id, len(page.contacts)) == (name, 1)


def test_attacks_as_words_change_nothing(shared: Callable[[str], Path], demo: Path) -> None:
    words = words_of(shared)
    chosen = words[:: max(1, len(words) // WORDS_EACH)][:WORDS_EACH]
    files = sorted(path for path in demo.rglob("*") if path.is_file())
    before = {path: path.stat().st_mtime_ns for path in files if path.name != "state.db"}
    with Answers.open(demo) as answers:
        conversations = answers.engine.rows("select count(*) from conversation")
        for word in chosen:
            with pytest.raises(CandorError) as unknown:
                answers.why(word)
            assert unknown.value.code == "conversation.unknown"
            with pytest.raises(CandorError):
                answers.estimates([word])
            with pytest.raises(CandorError):
                answers.estimates(["true_resolution_rate"], by=(word,))
            with pytest.raises(CandorError):
                answers.estimates(["true_resolution_rate"], where={word: "chat"})
            (row,) = answers.estimates(["true_resolution_rate"], where={"channel": word}).estimates
            assert (row.eligible, row.point) == (0, None)
        assert answers.engine.rows("select count(*) from conversation") == conversations
    after = {path: path.stat().st_mtime_ns for path in before}
    assert after == before

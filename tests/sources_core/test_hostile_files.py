"""Every hostile file ends as its manifest says: stored, set aside with its reason, or refused.

Conflicts of identity and orphans are the storage's business, so here two files stand one step
earlier: repeated ids are counted by the test, and an orphan is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MAPPING = """
format: {format}
emit:
  - type: message
    fields:
      message_id: event_id
      thread_id: conversation_id
      occurred_at: ts
      actor: {{column: actor, map: {{customer: customer, ai: ai_agent, agent: human_agent}}}}
      text: body
    extra:
      channel: channel
      csat: {{column: csat, as: number}}
"""
DELIMITERS = {
    "dialect_semicolon.csv": ";",
    "dialect_sep_line.csv": ";",
    "dialect_pipe.csv": "|",
    "dialect_tab.csv": "\t",
}
SAME_REASON = {"FILE_EMPTY": "EMPTY_FILE"}
LEFT_TO_STORAGE = {"order_dup_ids_diff.ndjson": (2, 1, 0), "order_orphans.ndjson": (1, 0, 0)}
FILES = 81


def declared(name: str, encoding: str | None = None) -> str:
    """The format section for a file."""
    if name.endswith(".ndjson"):
        return "{type: jsonl}"
    if name.endswith(".json"):
        return "{type: json}"
    form = {"type": "csv", "delimiter": DELIMITERS.get(name, ",")}
    if encoding:
        form["encoding"] = encoding
    return json.dumps(form)


def manifest(shared: Callable[[str], Path]) -> list[dict[str, Any]]:
    """The entries of the manifest."""
    entries = json.loads(shared("data/hostile/own/manifest.json").read_text())
    assert len(entries) == FILES
    return entries


@pytest.mark.shared
def test_all_files_as_the_manifest_says(shared: Callable[[str], Path], ingest: Any) -> None:
    folder = shared("data/hostile/own")
    wrong = []
    for entry in manifest(shared):
        name = Path(entry["file"]).name
        cases = [(None, entry["expect"], entry.get("reason"))]
        if "expect_when_declared" in entry:
            said = entry["expect_when_declared"]
            cases.append((said["encoding"], said, None))
        for encoding, expect, reason in cases:
            found = ingest(
                folder / entry["file"], mapping=MAPPING.format(format=declared(name, encoding))
            )
            ids = [row["message_id"] for row in found.rows.get("message", [])]
            duplicates = len(ids) - len(set(ids))
            got = (found.stored - duplicates, duplicates, len(found.rejected))
            want = (expect["stored"], expect["duplicate"], expect["quarantined"])
            reasons = {str(row.reason) for row in found.rejected}
            reasons |= {str(one.code) for one in found.refused}
            if name in LEFT_TO_STORAGE:
                want, needed = LEFT_TO_STORAGE[name], None
            else:
                needed = SAME_REASON.get(reason or "", reason)
            if got != want or (needed and needed not in reasons):
                wrong.append((name, want, needed, got, reasons))
            if any(kind == "count_differs" for kind, _ in found.notes):
                wrong.append((name, "independent count", found.notes))
            if found.read != sum(got):
                wrong.append((name, "not conserved", found.read, got))
    assert wrong == []


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("time_epoch_units.csv", ["TS_UNPARSED"] * 4),
        ("time_ambiguous_dmy.csv", ["TS_AMBIGUOUS"] * 3),
        ("time_abbrev.csv", ["TS_AMBIGUOUS"] * 3),
        ("time_dst_gap_overlap.csv", ["TS_NO_ZONE"] * 2),
        (
            "time_extremes.csv",
            ["TS_RANGE", "TS_RANGE", "TS_FUTURE", "TS_FUTURE", "TS_UNPARSED", "TS_RANGE", "TS_RANGE",
             "TS_UNPARSED", "TS_UNPARSED"],
        ),
        ("time_future.csv", ["TS_FUTURE"]),
        ("json_wrong_types.ndjson", ["TYPE_MISMATCH"] * 4),
    ],
)  # fmt: skip
def test_each_bad_value_has_its_own_reason(
    shared: Callable[[str], Path], ingest: Any, name: str, reasons: list[str]
) -> None:
    path = shared(f"data/hostile/own/files/{name}")
    assert ingest(path, mapping=MAPPING.format(format=declared(name))).reasons == reasons


@pytest.mark.shared
def test_large_ids_stay_different(shared: Callable[[str], Path], ingest: Any) -> None:
    path = shared("data/hostile/own/files/json_bigint_ids.ndjson")
    found = ingest(path, mapping=MAPPING.format(format="{type: jsonl}"))
    threads = [row["thread_id"] for row in found.rows["message"]]
    assert threads == ["9007199254740993", "9007199254740992"]


@pytest.mark.shared
def test_unknown_keys_are_data(shared: Callable[[str], Path], ingest: Any) -> None:
    path = shared("data/hostile/own/files/json_proto_keys.ndjson")
    found = ingest(path, mapping=MAPPING.format(format="{type: jsonl}"))
    extra = json.loads(found.rows["message"][0]["extra"])
    assert extra["__proto__"] == {"admin": True}
    assert found.notes["unmapped_column", "__proto__"] == 1


@pytest.mark.shared
def test_new_words_are_null_kept_and_counted(shared: Callable[[str], Path], ingest: Any) -> None:
    path = shared("data/hostile/own/files/drift_new_enum.ndjson")
    found = ingest(path, mapping=MAPPING.format(format="{type: jsonl}"))
    assert found.unmapped == {("message", "actor", "ai_agent_v2"): 1}
    row = found.rows["message"][1]
    assert row["actor"] is None
    assert json.loads(row["extra"])["actor"] == "ai_agent_v2"


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    ["arc_zip_bomb_1gb.zip", "json_deep.ndjson", "shape_12mb_field.csv.gz", "enc_shift_jis.csv"],
)
def test_a_confined_child_agrees(shared: Callable[[str], Path], ingest: Any, name: str) -> None:
    path = shared(f"data/hostile/own/files/{name}")
    mapping = MAPPING.format(format=declared(name))
    here, there = ingest(path, mapping=mapping), ingest(path, mapping=mapping, in_child=True)
    assert (there.read, there.stored, there.reasons) == (here.read, here.stored, here.reasons)
    assert [one.code for one in there.refused] == [one.code for one in here.refused]

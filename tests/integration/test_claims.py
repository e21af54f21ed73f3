"""``candor claims``: who grades, in which words, for which money, and whether it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers.claims import check_claims
from candor.answers.snapshot import Answers
from candor.errors import CandorError
from candor.workspace import Workspace

from .conftest import Ran, take

MAPPING = """\
format: {type: csv, delimiter: ","}
emit:
  - type: conversation
    once_per: [id]
    when: "id != 8"
    fields: {thread_id: id, started_at: {constant: "2026-05-01T10:00:00Z"}, language: tongue}
  - type: confirmation
    once_per: [id]
    when: "paid in ('yes', 'no')"
    fields:
      confirmation_id: id
      thread_id: id
      occurred_at: {constant: "2026-05-01T11:00:00Z"}
      system: {constant: shop}
      kind: {constant: payment_received}
      supports: {column: paid, map: {yes: confirms, no: contradicts}}
  - type: claim
    key: [id, who, at]
    fields:
      thread_id: id
      occurred_at: at
      claimant: who
      raw_value: word
      claimed: {expr: "lower(word)", map: claims.judge_verdict}
      is_billable: {column: billed, optional: true}
"""
ROWS = """\
id,who,at,word,paid,tongue,billed
1,vendor,2026-05-01T12:00:00Z,Pass,yes,en,true
2,vendor,2026-05-01T12:00:00Z,Satisfied,no,en,true
3,vendor,2026-05-01T12:00:00Z,fail,yes,de,false
4,vendor,2026-05-01T12:00:00Z,fail,no,de,false
5,vendor,2026-05-01T12:00:00Z,splendid,yes,de,
6,vendor,2026-05-01T12:00:00Z,pass,,de,true
7,vendor,2026-05-01T12:00:00Z,pass,no,de,true
7,vendor,2026-05-01T13:00:00Z,fail,no,de,false
1,auditor,2026-05-01T12:00:00Z,fail,yes,en,
8,vendor,2026-05-01T12:00:00Z,pass,lost,en,true
"""


@pytest.fixture
def graded(workspace: Workspace, tmp_path: Path) -> Workspace:
    path, mapping = tmp_path / "claims.csv", tmp_path / "claims.yaml"
    path.write_text(ROWS, "utf-8")
    mapping.write_text(MAPPING, "utf-8")
    result = take(workspace, "generic", path, name="grades", mapping=mapping)
    assert (result.read, result.quarantined) == (10, 0)
    pipeline.measure(workspace)
    return workspace


def test_claims_against_the_truth(
    graded: Workspace, candor: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = candor("claims", "--by", "language", "-w", graded.root, "--json")
    assert ran.code == 0, ran.err
    auditor, vendor = ran.json["claimants"]
    assert (auditor["claimant"], auditor["table"]["unclaimed_true"]) == ("auditor", 1)
    # The latest claim on 7 stands, the word on 5 is nobody's, and what became of 6 is not known.
    assert vendor["table"] == {
        "claimed_true": 1, "claimed_false": 1, "unclaimed_true": 1, "unclaimed_false": 2,
    }  # fmt: skip
    assert (vendor["claims"], vendor["unclear"], vendor["unknown_truth"]) == (7, 1, 1)
    assert vendor["compared"] == 5
    assert (vendor["without_conversation"], vendor["test_or_spam"]) == (1, 0)
    assert vendor["agreed"] == 0.6
    assert vendor["gap_refusal"] == "too_few"
    assert vendor["billing"] == {
        "billed": 3, "not_billed": 3, "not_said": 1, "billed_and_not_solved": 1,
    }  # fmt: skip
    assert vendor["truth_rests_on"] == {"system": 5, "customer": 0, "silence": 0}
    words = {(one["raw"], one["meaning"]): one["claims"] for one in vendor["words"]}
    assert words == {
        ("fail", "negative"): 3, ("Pass", "resolved_assumed"): 1, ("pass", "resolved_assumed"): 1,
        ("Satisfied", "resolved_assumed"): 1, ("splendid", None): 1,
    }  # fmt: skip
    by = {one["value"]: one["table"] for one in vendor["segments"]}
    assert sum(by["en"].values()) == 2
    assert by["de"] == {
        "claimed_true": 0, "claimed_false": 0, "unclaimed_true": 1, "unclaimed_false": 2,
    }  # fmt: skip
    page = tmp_path / "claims.html"
    assert candor("claims", "-w", graded.root, "--out", page).code == 0
    text = page.read_text("utf-8")
    assert "vendor claims 2 of 5 solved; 2 are. It passed 1 of 3 failures as solved." in text
    assert "splendid" in text


def test_mistakes_are_named(graded: Workspace, workspace: Workspace) -> None:
    with Answers(graded) as answers:
        with pytest.raises(CandorError, match="no dimension 'pth'"):
            check_claims(answers, by=["pth"])
        with pytest.raises(CandorError, match="no claimant 'vendr'"):
            check_claims(answers, claimant="vendr")
        assert [one.name for one in check_claims(answers, claimant="vendor").claimants] == [
            "vendor"
        ]


def test_judges_of_tau2(workspace: Workspace, shared: Callable[[str], Path]) -> None:
    expected: dict[str, Any] = json.loads(shared("data/reference.json").read_text("utf-8"))[
        "tau2_llm_judges_airline"
    ]
    mapping = Path(__file__).parents[2] / "examples" / "mappings" / "tau2_judges.yaml"
    files = sorted(shared("data/tau2_llm_judges").glob("*.gz"))
    result = take(workspace, "generic", *files, name="tau2_judges", mapping=mapping)
    assert (result.read, result.stored, result.quarantined) == (expected["verdicts"], 200, 0)
    pipeline.measure(workspace)
    with Answers(workspace) as answers:
        found = check_claims(answers)
    assert {one.name for one in found.claimants} == set(expected["judges"])
    positive: set[str] = set()
    for one in found.claimants:
        judge = expected["judges"][one.name]
        table = one.whole.table
        assert (table.right_yes, table.wrong_yes, table.wrong_no, table.right_no) == tuple(
            judge[cell] for cell in ("TP", "FP", "FN", "TN")
        )
        assert {word.raw: word.count for word in one.words} == judge["verdict_words"]
        assert table.kappa is not None
        assert table.ac1 is not None
        assert round(table.kappa, 6) == judge["cohen_kappa"]
        assert round(table.ac1, 6) == judge["gwet_ac1"]
        assert table.agreed == judge["accuracy"]
        assert one.whole.gap.point is not None
        assert round(100 * one.whole.gap.point, 6) == judge["gap_points"]
        assert (one.billed, one.unbilled, one.proof["system"]) == (0, 50, 50)
        positive |= {word.raw for word in one.words if word.meaning == "resolved_assumed"}
    assert sorted(positive) == expected["positive_words"]

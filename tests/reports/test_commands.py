"""The commands that write pages, on a small measured workspace."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from candor import pipeline
from candor.answers import Answers, review
from candor.cli import main as program
from candor.verdicts.targets import load_targets

from .test_html import _Page


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of simulated conversations; each scorecard is reckoned once."""
    folder = tmp_path_factory.mktemp("desk") / "demo"
    pipeline.build_demo(folder, conversations=250, seed=5)
    reckon = Answers.scorecard
    made: dict[tuple[Any, ...], Any] = {}

    def once(self: Answers, **asked: Any) -> Any:
        key = tuple(sorted((k, v) for k, v in asked.items() if v is not None and v != "month"))
        if key not in made:
            made[key] = reckon(self, **asked)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Answers, "scorecard", once)
        yield folder


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = program.main([str(one) for one in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def read_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    code, out, said = run(capsys, *arguments, "--json")
    assert code == 0, said or out
    return json.loads(out)


def test_a_review_is_complete_in_every_form(
    capsys: pytest.CaptureFixture[str], desk: Path, tmp_path: Path
) -> None:
    cadence = "monthly"
    data = read_json(capsys, "review", cadence, "-w", desk)
    assert data["review"] == cadence
    assert data["snapshot"]
    shown = [row for section in data["sections"] for row in section["metrics"]]
    refused = {row["metric"] for row in shown if row["estimate"]["refusal"]}
    assert refused == {row["metric"] for row in data["cannot_be_said"]}
    assert all(action["owner"] and action["team"] for action in data["actions"])
    page, book = tmp_path / "r.html", tmp_path / "r.xlsx"
    for out in (page, book):
        assert run(capsys, "review", cadence, "-w", desk, "--out", out) == (0, "", f"wrote {out}\n")
    text = " ".join(_Page(page.read_text("utf-8")).texts)
    for words in (data["snapshot"], data["period"], "What to do, by team", "Data health"):
        assert words in text
    sheets = openpyxl.load_workbook(book).worksheets
    assert all(data["snapshot"] in sheet.cell(3, 1).value for sheet in sheets)


def test_a_daily_review_is_about_the_last_whole_day(desk: Path) -> None:
    with Answers.open(desk) as answers:
        assert answers.as_of == "2026-10-30T23:59:59Z"
        assert review._last_whole_day(answers) == "2026-10-31"
        answers.about = {**answers.about, "horizon_us": answers.about["horizon_us"] - 5_000_000}
        assert review._last_whole_day(answers) == "2026-10-30"


def test_the_vendor_report_answers_or_says_what_to_ask_for(
    capsys: pytest.CaptureFixture[str], desk: Path
) -> None:
    data = read_json(capsys, "vendor-report", "-w", desk)
    replies = [reply for topic in data["topics"] for reply in topic["questions"]]
    states = {reply["state"] for reply in replies}
    assert states <= {"answered", "partly", "cannot_say"}
    assert {"answered", "cannot_say"} <= states
    for reply in replies:
        given = [row for row in reply["figures"] if row["point"] is not None]
        if reply["state"] == "cannot_say":
            assert not given
        if reply["state"] == "answered" and reply["figures"]:
            assert len(given) == len(reply["figures"])
    code, out, _ = run(capsys, "vendor-report", "-w", desk)
    assert code == 0
    assert "Ask for:" in out


def test_the_plan_proposes_targets_that_load(
    capsys: pytest.CaptureFixture[str], desk: Path, tmp_path: Path
) -> None:
    data = read_json(capsys, "plan", "-w", desk)
    path = tmp_path / "targets.yaml"
    path.write_text(data["targets_yaml"], "utf-8")
    assert len(load_targets(path).all) == len(data["targets"])
    assert not {one["metric"] for one in data["targets"]} & set(data["has_targets"])
    stored = {row["event"]: row["stored"] for row in data["events"]}
    assert stored["message"] > 500
    assert min(stored.values()) == 0
    unlocked = [len(gap["unlocks"]) for gap in data["instrument_next"]]
    assert unlocked == sorted(unlocked, reverse=True)
    ranks = [row["rank"] for row in data["intents"] if row["rank"] is not None]
    assert ranks == sorted(ranks)
    assert any("{" not in step["do"] for step in data["steps"])


def test_the_catalogue_is_one_searchable_page(
    capsys: pytest.CaptureFixture[str], desk: Path, tmp_path: Path
) -> None:
    out = tmp_path / "catalogue.html"
    assert run(capsys, "metrics", "-w", desk, "--out", out)[0] == 0
    text = out.read_text("utf-8")
    page = _Page(text)
    assert page.open == []
    listed = read_json(capsys, "metrics", "-w", desk)["metrics"]
    entries = [d for d in page.all("details") if d.get("class") == "entry"]
    assert len(entries) == len(listed) > 100
    assert {entry["id"] for entry in entries} == {f"d-{row['metric']}" for row in listed}
    assert len(page.all("script")) == 1
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy is not None
    code = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert code is not None
    digest = base64.b64encode(hashlib.sha256(code[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    # Without a script the search is hidden, every entry is there, and the index leads to it.
    assert any("hidden" in d and d.get("class") == "search" for d in page.all("div"))
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {a["href"] for a in page.all("a")} <= {f"#{name}" for name in ids}
    assert "confirmation.supports" in text  # lineage down to event fields
    only = tmp_path / "some.json"
    assert run(capsys, "metrics", "silent", "-w", desk, "--out", only)[0] == 0
    (entry,) = json.loads(only.read_text("utf-8"))["metrics"]
    assert entry["name"] == "silent_failure_rate"


def test_a_view_in_json_names_itself(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    data = read_json(capsys, "scorecard", "--view", "legacy", "-w", desk)
    assert data["view"] == "legacy"
    assert {one["answer"] for one in data["comparisons"]} <= {"misleads", "not_here", "cannot_say"}
    staged = read_json(capsys, "scorecard", "--stage", "crawl", "-w", desk)
    assert (staged["view"], staged["stage"]) == ("maturity", "crawl")

"""``candor why`` tells what every rule says, and says the same as the comparison of all threads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.answers.resolution import compare_rules
from candor.cli.main import main

from .desk import desk


def test_every_rule_says_of_one_thread_what_it_says_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = desk(tmp_path)
    pipeline.measure(workspace)
    with Answers(workspace) as answers:
        judged = compare_rules(answers).judged
        pages = {name: answers.why(name) for name in ("a", "b", "c", "d", "later")}
    assert judged.threads["thread_id"].to_pylist() == sorted(pages)
    for row, name in enumerate(sorted(pages)):
        told = {one.rule: (one.outcome, one.because) for one in pages[name].rules}
        assert len(told) == len(judged.rules) >= 16
        for number, rule in enumerate(judged.rules):
            said = judged.decision(row, number)
            assert told[rule.id] == (said.outcome, said.words)
    assert {one.outcome for one in pages["a"].rules} >= {"resolved"}
    by_rule = {one.rule: one for one in pages["a"].rules}
    looked = {name: value for one in by_rule.values() for name, value in one.facts.items()}
    assert looked["n_ai_messages"] == 1
    assert looked["reply_class"] in ("affirm", "gratitude")

    capsys.readouterr()
    assert main(["why", "a", "--workspace", str(workspace.root)]) == 0
    printed = capsys.readouterr().out
    count = sum(one.outcome == "resolved" for one in pages["a"].rules)
    assert f"Resolved under {count} of {len(by_rule)} rules" in printed
    assert main(["why", "a", "--json", "--workspace", str(workspace.root)]) == 0
    (first, *_) = json.loads(capsys.readouterr().out)["rules"]
    assert set(first) == {
        "rule", "title", "version", "outcome", "reason", "because", "basis", "billed", "facts",
    }  # fmt: skip

"""Mistakes in definitions: all of them at once, with file, line, caret and nearest spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.metrics import registry
from candor.metrics.reading import read

SHIPPED = Path(registry.__file__).parent / "catalogue"
GOOD = (SHIPPED / "containment" / "involvement_rate.yaml").read_text(encoding="utf-8")


def _line(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def _alone(text: str) -> str:
    """A definition that refers to no other."""
    text = text.replace("guardrails: [true_resolution_rate]", "guardrails: []")
    return text.replace("related: [coverage_gap, automation_rate]", "related: []")


def _problems(*texts: str) -> list[str]:
    with pytest.raises(CandorError) as caught:
        read([(f"own_{number}.yaml", text) for number, text in enumerate(texts)])
    assert caught.value.code == "metric.invalid"
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_definition_is_read() -> None:
    (definition,) = read([("own.yaml", _alone(GOOD))])
    assert (definition.id, definition.scale, definition.follow_days) == ("involvement_rate@1", 1, 0)


def test_every_problem_of_every_file_at_once() -> None:
    first = _alone(GOOD).replace("outcome: ai_involved", "outcome: ai_invlved")
    first = first.replace("include: engaged", "include: engaged and (is_inbound or")
    second = _alone(GOOD).replace("better: neither", "better: up").replace("tier:", "teir:", 1)
    found = _problems(first, second)
    include = _line(first, "include")
    assert found[0].startswith(f"own_0.yaml:{include}: include: cannot be read as SQL")
    assert "^" in found[0]
    outcome = _line(first, "outcome")
    assert f"own_0.yaml:{outcome}: outcome: there is no column 'ai_invlved'" in found[1]
    assert "did you mean 'ai_involved'?" in found[1]
    better = _line(second, "better")
    assert any(f"own_1.yaml:{better}: better" in one for one in found)
    assert any("unknown key 'teir'" in one and "did you mean 'tier'?" in one for one in found)
    assert any("key 'tier' is missing" in one for one in found)


def test_keys_given_twice_and_what_is_no_yaml() -> None:
    found = _problems(_alone(GOOD) + "owner: someone\n", "name: [", "just words")
    assert any("key 'owner' is given twice" in one for one in found)
    assert any(one.startswith("own_1.yaml:") and "not YAML" in one for one in found)
    assert "own_2.yaml:1: a definition is a mapping of keys" in found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("outcome: ai_involved", "outcome: avg(turns) > 2"), "is not allowed in a definition"),
        (("outcome: ai_involved", "outcome: turns / 2 > 1"), "is not allowed in a definition"),
        (("outcome: ai_involved", "outcome: (select true)"), "is not allowed in a definition"),
        (("outcome: ai_involved", "outcome: turns"), "is not a condition"),
        (("outcome: ai_involved", "value: turns"), "estimator 'proportion' needs outcome"),
        (("version: 1\n", "version: 2\n"), "the last entry of history must be this version"),
        (("segments: [channel,", "segments: [chanel,"), "did you mean 'channel'?"),
        (
            ("ai_involved: true\n    rows", "ai_involvd: true\n    rows"),
            "did you mean 'ai_involved'?",
        ),
    ],
)
def test_what_a_definition_may_not_say(change: tuple[str, str], expected: str) -> None:
    text = _alone(GOOD)
    assert change[0] in text or "ai_involvd" in change[1]
    text = text.replace(*change)
    if "ai_involvd" in change[1]:
        text = text.replace("{ai_involved: false}", "{ai_involvd: false}")
    assert any(expected in one for one in _problems(text))


def test_a_users_metric_may_not_take_a_shipped_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(_alone(GOOD), encoding="utf-8")
    with pytest.raises(CandorError, match="'involvement_rate' is defined already"):
        registry.load(tmp_path)
    renamed = _alone(GOOD).replace("name: involvement_rate", "name: my_involvement")
    (tmp_path / "mine.yaml").write_text(renamed, encoding="utf-8")
    catalogue = registry.load(tmp_path)
    assert "my_involvement" in catalogue
    assert len(catalogue) == len(registry.load()) + 1
    assert catalogue.digest != registry.load().digest


def test_references_between_metrics_must_exist() -> None:
    text = GOOD.replace("[coverage_gap, automation_rate]", "[coverage_gab]")
    assert any("related names the unknown metric 'coverage_gab'" in one for one in _problems(text))

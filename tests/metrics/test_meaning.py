"""No shipped metric changes its meaning under an unchanged version: the digests are locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.metrics import registry
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.expression import Expression, parse
from candor.metrics.meaning import LOCK, changed, locked, meaning, update, written
from candor.metrics.reading import column_types

CATALOGUE = registry.load()


def test_the_shipped_catalogue_is_the_locked_one() -> None:
    lock = locked(LOCK.read_text(encoding="utf-8"))
    assert [str(problem) for problem in changed(CATALOGUE, lock)] == []
    assert LOCK.read_text(encoding="utf-8") == written(CATALOGUE), (
        "run `python -m candor.metrics.meaning`"
    )


def _with(item: Definition | Derived) -> registry.Catalogue:
    kind = "definitions" if isinstance(item, Definition) else "derived"
    return replace(CATALOGUE, **{kind: {item.name: item}, **({"derived": {}} if kind == "definitions"
                   else {"definitions": {}})})  # fmt: skip


def _turned(item: Definition, place: str) -> Definition:
    text = f"not ({item.expression(place).text})"
    expression, problems = parse(text, column_types(item.fact), place)
    assert not problems
    assert isinstance(expression, Expression)
    other = item.model_copy()
    other.__pydantic_private__ = {
        "_expressions": {name: item.expression(name) for name in item.texts()} | {place: expression}
    }
    return other


def test_a_changed_condition_window_or_parameter_changes_the_meaning_and_is_refused() -> None:
    lock = locked(written(CATALOGUE))
    item = CATALOGUE.definitions["silent_failure_rate"]
    derived = CATALOGUE.derived["improvement_rate"]
    others: list[Definition | Derived] = [
        *(_turned(item, place) for place in item.texts()),
        item.model_copy(update={"window": "8d"}),
        item.model_copy(update={"exclude": dict(list(item.exclude.items())[:1])}),
        derived.model_copy(update={"params": {"min_periods": 4}}),
        derived.model_copy(update={"inputs": {"metric": "containment_rate"}}),
    ]
    for other in others:
        (problem,) = changed(_with(other), lock)
        assert f"set `version: {other.version + 1}`" in str(problem)
        assert changed(_with(other.model_copy(update={"version": other.version + 1})), lock) == []


def test_words_do_not_change_the_meaning_but_a_version_may_not_go_back() -> None:
    item = CATALOGUE.definitions["silent_failure_rate"]
    assert meaning(item.model_copy(update={"caveat": "Other words.", "owner": "x"})) == meaning(
        item
    )
    lock = locked(written(CATALOGUE))
    (problem,) = changed(_with(item.model_copy(update={"version": 1})), lock)
    assert "went back from version 2 to 1" in str(problem)


def test_the_lock_is_written_only_when_versions_were_raised(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.lock"
    assert update(path) == len(CATALOGUE.every)
    text = path.read_text(encoding="utf-8")
    assert text == written(CATALOGUE)
    line = next(line for line in text.splitlines() if line.startswith("escalation_rate "))
    path.write_text(text.replace(line, "escalation_rate 1 0000000000000000"), encoding="utf-8")
    with pytest.raises(CandorError) as caught:
        update(path)
    assert caught.value.code == "metric.version"
    assert "0000000000000000" in path.read_text(encoding="utf-8")

"""Derived definitions: read beside the counted ones, every mistake with its line and nearest spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.metrics import registry
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.lineage import derived_lineage, lineage
from candor.metrics.reading import read

SHIPPED = Path(registry.__file__).parent / "catalogue"
GOOD = (SHIPPED / "learning" / "improvement_rate.yaml").read_text(encoding="utf-8")
COUNTED = (SHIPPED / "containment" / "involvement_rate.yaml").read_text(encoding="utf-8")


def _alone(text: str) -> str:
    """A definition that refers to no other than itself and involvement_rate."""
    lines = []
    for line in text.splitlines():
        key = line.split(":")[0]
        lines.append(f"{key}: []" if key in ("guardrails", "related", "shown_with") else line)
    return "\n".join(lines).replace("metric: true_resolution_rate", "metric: involvement_rate")


def _line(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def _problems(*texts: str) -> list[str]:
    with pytest.raises(CandorError) as caught:
        read([(f"own_{number}.yaml", text) for number, text in enumerate(texts)])
    assert caught.value.code == "metric.invalid"
    return [str(problem) for problem in caught.value.problems]


def test_a_derived_definition_is_read_beside_its_input() -> None:
    derived, counted = read([("a.yaml", _alone(GOOD)), ("b.yaml", _alone(COUNTED))])
    assert isinstance(derived, Derived)
    assert isinstance(counted, Definition)
    assert (derived.id, derived.method, dict(derived.inputs)) == (
        "improvement_rate@1", "slope_per_month", {"metric": "involvement_rate"},
    )  # fmt: skip


def test_unknown_inputs_keys_facts_and_columns_name_the_nearest_and_the_line() -> None:
    text = _alone(GOOD).replace("metric: involvement_rate", "metric: involvment_rate")
    found = _problems(text, _alone(COUNTED))
    assert len(found) == 1
    assert "names the unknown metric 'involvment_rate'" in found[0]
    assert "did you mean 'involvement_rate'?" in found[0]

    text = _alone(GOOD).replace("method: slope", "methd: slope")
    found = _problems(text, _alone(COUNTED))
    line = _line(text, "methd")
    assert any(f"own_0.yaml:{line}" in one and "did you mean 'method'?" in one for one in found)

    text = _alone(GOOD).replace(
        "needs:", "reads:\n  conversaton: {columns: [day]}\n  survey: {columns: [scor], "
        "where: answerd}\nneeds:",
    )  # fmt: skip
    found = _problems(text, _alone(COUNTED))
    where = f"own_0.yaml:{_line(text, '  conversaton')}: reads.conversaton"
    assert any(where in one and "did you mean 'conversation'?" in one for one in found)
    assert any("there is no column 'scor'" in one for one in found)
    assert any("there is no column 'answerd'" in one for one in found)


def test_a_metric_reckoned_from_itself_is_refused() -> None:
    first = _alone(GOOD).replace("metric: involvement_rate", "metric: other_rate")
    second = first.replace("name: improvement_rate", "name: other_rate", 1)
    second = second.replace("metric: other_rate", "metric: improvement_rate")
    found = _problems(first, second)
    assert [("reckoned from itself" in one) for one in found] == [True, True]


def test_a_counted_metric_of_an_unknown_fact_names_the_nearest() -> None:
    text = _alone(COUNTED).replace("fact: conversation", "fact: conversaton")
    found = _problems(text)
    assert any(
        "there is no fact 'conversaton'" in one and "did you mean 'conversation'?" in one
        for one in found
    )


def test_the_catalogue_keeps_both_kinds_apart_and_together() -> None:
    catalogue = registry.load()
    assert isinstance(catalogue.find("improvement_rate"), Derived)
    assert "improvement_rate" not in catalogue.definitions
    assert [item.name for item in catalogue.every] == sorted(
        [*catalogue.definitions, *catalogue.derived]
    )
    assert [item.name for item in catalogue.grounds("improvement_rate")] == ["true_resolution_rate"]
    with pytest.raises(CandorError) as caught:
        catalogue.get("improvement_rate")
    assert caught.value.code == "metric.derived"


def test_lineage_of_a_derived_metric_is_that_of_its_inputs() -> None:
    catalogue = registry.load()
    columns, fields = derived_lineage(
        catalogue.derived["improvement_rate"], catalogue.grounds("improvement_rate")
    )
    traced = lineage(catalogue.definitions["true_resolution_rate"])
    assert set(fields) == set(traced.fields)
    assert columns == tuple(sorted(f"conversation.{name}" for name in traced.columns))

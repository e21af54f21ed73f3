"""The rule specification as a folder that needs nothing of candor: rules, schema, columns, stories.

Any implementation that judges every story as told may say that it follows the specification, which
has a version of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from candor.resolution import ladder
from candor.resolution.cases import Case, cases
from candor.resolution.columns import COLUMNS, LABELS
from candor.resolution.rule import OUTCOMES, RuleText
from candor.resolution.stories import derived
from candor.window import format_instant

VERSION = "1.0"
_NOTE = """\
# Rules of resolution, specification {version}

What vendors and contracts call "resolved", as data that anybody can evaluate. Licence: Apache-2.0.

- `rules/`: one file for each rule with all its versions; a rule reads derived columns only and never
  a vendor's own verdict.
- `rule.schema.json`: the shape of one version of a rule.
- `columns.json`: the derived columns, their kinds and exact meanings, and the labels a judge may give.
- `stories.json`: {stories} streams of events, the derived columns of each (one left out is null), and
  the verdict of {rules} rules.

## Evaluation

1. Outside the denominator: `x`. 2. A test conversation whose denominator does not name tests: `?`.
3. Before the moment of evaluation, or without one: `?`. 4. The first decision line whose condition is
true gives the verdict; a condition that depends on a null count, flag or class gives `?`. Instants that
are null never happened; words that are null were never said. Windows of rules are closed on the right.

Verdicts and outcomes: {outcomes}.

## Conformance

An implementation conforms when (a) every story comes out as told; (b) shuffling and repeating events
changes nothing; (c) removing every claim changes nothing; (d) moving all times by a constant changes
nothing; (e) before its window a rule gives no N; (f) renaming customers and intents consistently changes
nothing; (g) a wider window never turns a refused rung into a resolved one; (h) a contradicting
confirmation never raises a rung.
"""


def write(folder: Path) -> list[Path]:
    """Writes the specification into a folder, which is made, and returns its files in order."""
    rules = folder / "rules"
    rules.mkdir(parents=True, exist_ok=True)
    written = []
    source = files("candor.resolution").joinpath("rules")
    for item in sorted(source.iterdir(), key=lambda one: one.name):
        if item.name.endswith(".yaml"):
            path = rules / item.name
            path.write_text(item.read_text(encoding="utf-8"), encoding="utf-8")
            written.append(path)
    stories = [_story(case) for case in cases()]
    columns = {
        "columns": [
            {"name": c.name, "kind": c.kind, "meaning": c.doc} for c in COLUMNS.values()
        ],
        "labels": LABELS, "rungs": [{"name": r.name, "title": r.title} for r in ladder.RUNGS],
    }  # fmt: skip
    for name, content in (
        ("rule.schema.json", RuleText.model_json_schema()),
        ("columns.json", columns),
        ("stories.json", {"version": VERSION, "stories": stories}),
    ):
        path = folder / name
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    note = folder / "README.md"
    note.write_text(
        _NOTE.format(
            version=VERSION, stories=len(stories), rules=len(cases()[0].verdicts),
            outcomes=", ".join(f"`{v}` {outcome}" for v, outcome in OUTCOMES.items()),
        ),
        encoding="utf-8",
    )  # fmt: skip
    return [*written, note]


def _story(case: Case) -> Mapping[str, Any]:
    events = [
        {
            key: format_instant(value) if key.endswith("_at") and isinstance(value, int) else value
            for key, value in event.items()
            if value is not None
        }
        for event in case.events
    ]
    return {
        "id": case.id, "title": case.title, "thread_id": case.thread_id,
        "as_of": format_instant(case.as_of_us), "events": events,
        "derived": {
            name: format_instant(value) if name.startswith("t_") else value
            for name, value in derived()[case.id].items()
        },
        "verdicts": case.verdicts,
        "bill_under_intercom_fin": case.bill,
    }  # fmt: skip

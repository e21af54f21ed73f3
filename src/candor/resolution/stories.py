"""A rule on the fourteen stories, beside every shipped one, without any data of the user's.

The columns that the stories' events derive to are shipped (``cases_facts.json``), so that a rule is
judged in milliseconds; a test derives them from the events again. No story has a judge's label.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.resolution.cases import cases
from candor.resolution.columns import COLUMNS, SESSION_ENDS, Kind
from candor.resolution.judged import decide_one
from candor.resolution.rule import Rule

_PLACE = re.compile(r"(c|r)\.(\w+)")
_TYPES: dict[Kind, pa.DataType] = {
    "instant": pa.int64(), "count": pa.int64(), "flag": pa.bool_(), "class": pa.string(),
    "word": pa.string(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One story under a rule.

    Attributes:
        id, title: of the story.
        verdict: of the rule.
        words: the line that decided.
        others: shipped rule id → its verdict.
    """

    id: str
    title: str
    verdict: str
    words: str
    others: dict[str, str]


@cache
def derived() -> dict[str, dict[str, Any]]:
    """Story → derived column → value; what is null is left out. Instants are epoch microseconds."""
    text = files("candor.resolution").joinpath("cases_facts.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def judge_stories(rule: Rule) -> list[Told]:
    """The verdict of a rule on each story, in their order."""
    told = []
    with DuckEngine(threads=1) as engine:
        _load(engine)
        for case in cases():
            decision = decide_one(engine, rule, case.thread_id, as_of_us=case.as_of_us)
            told.append(
                Told(case.id, case.title, decision.verdict, decision.words, dict(case.verdicts))
            )
    return told


def _load(engine: DuckEngine) -> None:
    """The stories as the two facts that rules read."""
    tables: dict[str, dict[str, pa.Array]] = {
        "r": {"thread_id": pa.array([case.thread_id for case in cases()])}, "c": {},
    }  # fmt: skip
    rows = [derived()[case.id] for case in cases()]
    ends = {f"t_session_end_{hours}": sql for hours, sql in SESSION_ENDS.items()}
    kinds: dict[str, tuple[Kind, str]] = {
        **{name: (column.kind, column.sql) for name, column in COLUMNS.items()},
        **{name: ("instant", sql) for name, sql in ends.items()},
    }
    for name, (kind, sql) in kinds.items():
        values = [row.get(name) for row in rows]
        place = _PLACE.search(sql)
        if place is None:
            raise ValueError(f"{name} stands in no fact")
        array = pa.array(values, _TYPES[kind])
        # A flag may be kept as a count, of which only "more than none" is asked.
        tables[place[1]][place[2]] = array if place[0] == sql else array.cast(pa.int64())
    for alias, fact in (("r", "rule_case"), ("c", "conversation")):
        keys = pa.array(range(len(rows)), pa.int64())
        engine.load(fact, pa.table({**tables[alias], "conversation_key": keys}))

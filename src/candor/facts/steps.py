"""The SQL files of this folder: what each makes, reads and asks for, in an order in which they can be run.

The opening comments of a file are part of it: ``-- as: view`` or ``-- as: columns`` says how its rows
are kept, ``-- sorted:`` in which order, ``-- aligned:`` which table it may join by position, and
``-- stitch:`` the table of connected components made from it. Reads files only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from importlib.resources import files
from types import MappingProxyType

from sqlglot import exp

from candor.facts.printing import parsed

EVENTS = "ev_"
"""What the names of views of events begin with."""
_STITCH = re.compile(r"^-- stitch: (\w+)$", re.MULTILINE)
_VIEW = re.compile(r"^-- as: view$", re.MULTILINE)
_COLUMNS = re.compile(r"^-- as: columns$", re.MULTILINE)
_SORTED = re.compile(r"^-- sorted: (.+)$", re.MULTILINE)
_ALIGNED = re.compile(r"^-- aligned: (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One SQL file.

    Attributes:
        name: table it makes.
        sql: its text.
        reads: tables it reads, in alphabetical order.
        stitches: table of connected components made from it, or "".
        is_view: read by few and never stored.
        is_columns: kept in memory as columns, in the order of what it reads.
        sorted_by: columns in whose order its rows are kept, for steps kept as columns.
        base: what an aligned step calls the table whose rows it keeps, or "".
    """

    name: str
    sql: str
    reads: tuple[str, ...]
    stitches: str
    is_view: bool
    is_columns: bool
    sorted_by: tuple[str, ...]
    base: str


@cache
def steps() -> Mapping[str, Step]:
    """Every SQL file of this folder by table name, in an order in which they can be run."""
    found = {
        item.name.removesuffix(".sql"): _step(
            item.name.removesuffix(".sql"), item.read_text(encoding="utf-8")
        )
        for item in sorted(files("candor.facts").iterdir(), key=lambda item: item.name)
        if item.name.endswith(".sql")
    }
    makers = {name: name for name in found}
    makers |= {step.stitches: name for name, step in found.items() if step.stitches}
    sorter = TopologicalSorter(
        {
            name: sorted({makers[table] for table in step.reads if table in makers})
            for name, step in found.items()
        }
    )
    return {name: found[name] for name in sorter.static_order()}


def tables_behind(step: Step) -> set[str]:
    """Temporary tables that a step reads, also through views."""
    found: set[str] = set()
    for name in step.reads:
        if name in steps() and steps()[name].is_view:
            found |= tables_behind(steps()[name])
        elif name.startswith("_"):
            found.add(name)
    return found


@cache
def event_columns(names: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Columns of events that some steps read, by view (``ev_message``).

    Args:
        names: of the steps.
    """
    found: dict[str, set[str]] = {}
    for name in sorted(names):
        for select in parsed(steps()[name].sql).find_all(exp.Select):
            views = {
                table.alias_or_name: table.name
                for table in select.find_all(exp.Table)
                if table.name.startswith(EVENTS) and table.find_ancestor(exp.Select) is select
            }
            for column in select.find_all(exp.Column):
                if column.table in views and column.find_ancestor(exp.Select) is select:
                    found.setdefault(views[column.table], set()).add(column.name)
    return MappingProxyType({view: frozenset(columns) for view, columns in found.items()})


def _step(name: str, sql: str) -> Step:
    tree = parsed(sql)
    own = {item.alias_or_name for item in tree.find_all(exp.CTE)}
    reads = {item.name for item in tree.find_all(exp.Table)} - own
    stitches = _STITCH.search(sql)
    return Step(
        name,
        sql,
        tuple(sorted(reads)),
        stitches[1] if stitches else "",
        is_view=bool(_VIEW.search(sql)),
        is_columns=bool(_COLUMNS.search(sql)),
        sorted_by=tuple(ordered[1].split(", ")) if (ordered := _SORTED.search(sql)) else (),
        base=aligned[1] if (aligned := _ALIGNED.search(sql)) else "",
    )

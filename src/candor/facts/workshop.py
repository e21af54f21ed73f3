"""Makes one step after another in an engine, in the form that costs least, with the same rows as its SQL.

A step is run as a pass over columns where there is one, with its joins done by position where it says so,
and else as its SQL, printed without joins to tables that have no rows. Knows which tables have none.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.facts import schema
from candor.facts.aligned import RELATION, NotUniqueError, beside
from candor.facts.components import representatives
from candor.facts.passes import PASSES
from candor.facts.passes.order import in_order
from candor.facts.passes.shelf import Shelf
from candor.facts.printing import printed
from candor.facts.steps import EVENTS, Step, steps


class Workshop:
    """Makes steps and remembers what is needed of them.

    Args:
        engine: holds the events; receives the tables.
        is_plain: run every step exactly as its SQL is written.
        is_kept: messages and signals are few enough to be kept in memory as columns.
        is_passing: facts are made as temporary tables too, in front of those in the database.
    """

    def __init__(
        self, engine: DuckEngine, *, is_plain: bool, is_kept: bool, is_passing: bool = False
    ) -> None:
        self._engine = engine
        self._is_passing = is_passing
        self._is_plain = is_plain
        self._is_kept = is_kept and not is_plain
        names = [row[0] for row in engine.rows("select column_name from (describe setting)")]
        values = engine.rows(f"select {', '.join(names)} from setting")[0]
        self._settings = dict(zip(names, map(int, values), strict=True))
        views = sorted(
            {table for step in steps().values() for table in step.reads if table.startswith(EVENTS)}
        )
        self._empty = {
            table for table in views if not engine.rows(f'select 1 from "{table}" limit 1')
        }
        self._shelf = Shelf(engine)

    def make(self, step: Step) -> int | None:
        """Make a step's table; its number of rows, or None for a view that no metric reads."""
        if step.name in PASSES and self._is_kept:
            return self._hold(step.name, PASSES[step.name](self._shelf))
        sql, plan, is_empty = step.sql, None, False
        if not self._is_plain:
            made = printed(
                step.sql, settings=self._settings, empty=frozenset(self._empty & set(step.reads)),
                types=self._types, base=step.base if self._is_kept else "",
            )  # fmt: skip
            sql, plan, is_empty = made.sql, made.plan, made.is_empty
        if plan is not None:
            try:
                self._engine.connection.register(RELATION, beside(plan, self._shelf))
            except NotUniqueError:
                sql, plan = step.sql, None
        by_place = {one.table for one in (plan.base, *plan.others)} if plan else set()
        self._shelf.load(set(step.reads) - by_place)
        rows = self._create(step, sql, is_empty)
        if plan is not None:
            self._engine.connection.unregister(RELATION)
        if step.stitches:
            pairs = self._engine.arrow(f'select node, other from "{step.name}"')
            self._engine.load(step.stitches, representatives(pairs), temporary=True)
            if not pairs.num_rows:
                self._empty.add(step.stitches)
        return rows

    def look_again(self, table: str) -> None:
        """Notice that a table of events is no longer empty."""
        if self._engine.rows(f'select 1 from "{table}" limit 1'):
            self._empty.discard(table)

    def show(self) -> None:
        """Make every kept step readable by SQL."""
        self._shelf.load(steps())

    def release(self, table: str) -> None:
        """Forget the columns of a table that only SQL will read from now on."""
        self._shelf.load([table])
        self._shelf.release(table)

    def drop(self, table: str) -> None:
        """Forget a temporary table."""
        self._shelf.release(table)
        self._engine.run(f'drop table if exists "{table}"')

    def _create(self, step: Step, sql: str, is_empty: bool) -> int | None:
        if step.name in schema.facts():
            declared = ", ".join(
                f'cast("{column.name}" as {column.type}) as "{column.name}"'
                for column in schema.columns(step.name).values()
            )
            sql = f"select {declared} from (\n{sql}\n) as fact"
        if is_empty and not step.is_view:
            sql = f"select * from (\n{sql}\n) as nothing where false"
        if step.is_columns and self._is_kept:
            return self._hold(step.name, in_order(self._engine.arrow_in_order(sql), step.sorted_by))
        kind = "view" if step.is_view else "table"
        lifetime = "temp " if self._is_passing or step.name.startswith("_") else ""
        self._engine.run(f'create or replace {lifetime}{kind} "{step.name}" as\n{sql}')
        if step.is_view and step.name not in schema.facts():
            return None
        rows = int(self._engine.rows(f'select count(*) from "{step.name}"')[0][0])
        if not rows and not step.is_view:
            self._empty.add(step.name)
        return rows

    def _hold(self, name: str, table: pa.Table) -> int:
        """Keep a result as columns under its name."""
        self._shelf.keep(name, table)
        if not table.num_rows:
            self._empty.add(name)
        return int(table.num_rows)

    def _types(self, table: str) -> Mapping[str, str]:
        self._shelf.load([table])
        return {row[0]: row[1] for row in self._engine.rows(f'describe "{table}"')}


def looks(step: Step) -> bool:
    """Whether a step reads kept columns themselves, not by SQL."""
    return step.name in PASSES or bool(step.base)

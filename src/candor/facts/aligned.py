"""Joins on unique keys of a conversation or thread, done by position instead of by hashing.

A step marked ``-- aligned: b`` reads one table ``b`` beside others that hold at most one row for each of
its rows. The printed form looks up, once per joined table, which of its rows stands beside each row of
``b``, puts the columns side by side, and lets the rest of the step run over that one relation. Joins on
anything but ``thread_key``, ``conversation_no`` and ``conversation_key`` stay joins. A joined table whose
keys are not unique after all is refused, and the step runs as it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from candor.facts.passes.shelf import Shelf

RELATION = "_beside"
KEYS = frozenset({"thread_key", "conversation_no", "conversation_key"})
_SAMPLE_ROWS = 20_000
_FEW_TEXTS = 2_000

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Beside:
    """One table whose rows are put beside those of the base.

    Attributes:
        alias: its name in the step.
        table: the table.
        keys: pairs of a base column and the column it equals, in the order of ``KEYS`` by name.
        columns: columns the step reads.
        is_inner: rows of the base without a partner are left out.
    """

    alias: str
    table: str
    keys: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    is_inner: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is put side by side for one step.

    Attributes:
        base: the table ``b`` with the columns the step reads; it has no keys.
        others: the tables beside it.
    """

    base: Beside
    others: tuple[Beside, ...]


class NotUniqueError(ValueError):
    """A joined table has several rows for one row of the base."""


def lift(tree: exp.Expr, alias: str) -> Plan | None:
    """Take the joins on unique keys out of the query that reads ``alias``, and say what they were.

    Args:
        tree: a step; changed in place so that it reads the relation ``_beside``.
        alias: how the step names its base.

    Returns:
        None when there is nothing to lift; the tree is unchanged then.
    """
    for select in tree.find_all(exp.Select):
        source = select.args.get("from_")
        if source is None or source.this.alias_or_name != alias:
            continue
        joins = select.args.get("joins") or []
        lifted = {
            join.alias_or_name: (join, keys) for join in joins if (keys := _keys(join, alias))
        }
        if not lifted:
            continue
        select.set("joins", [join for join in joins if join.alias_or_name not in lifted])
        read = _rename(select, {alias, *lifted})
        base = Beside(alias, source.this.name, (), tuple(sorted(read[alias])), is_inner=False)
        select.set("from_", exp.From(this=exp.to_table(RELATION)))
        return Plan(
            base,
            tuple(
                Beside(name, join.this.name, keys, tuple(sorted(read[name])), join.side != "LEFT")
                for name, (join, keys) in lifted.items()
            ),
        )
    return None


def _keys(join: exp.Join, alias: str) -> tuple[tuple[str, str], ...]:
    """Pairs of equal key columns; none when the join is about anything else."""
    condition = join.args.get("on")
    if condition is None or join.side not in ("", "LEFT") or not isinstance(join.this, exp.Table):
        return ()
    pairs = []
    for part in condition.flatten() if isinstance(condition, exp.And) else (condition,):
        if not isinstance(part, exp.EQ):
            return ()
        by_table = {
            side.table: side.name for side in part.unnest_operands() if isinstance(side, exp.Column)
        }
        if by_table.keys() != {alias, join.alias_or_name} or not KEYS.issuperset(by_table.values()):
            return ()
        pairs.append((by_table[alias], by_table[join.alias_or_name]))
    return tuple(sorted(pairs, reverse=True))


def _rename(select: exp.Select, aliases: set[str]) -> dict[str, set[str]]:
    """Point columns of the lifted tables at the relation; which were read, by table."""
    read: dict[str, set[str]] = {alias: set() for alias in aliases}
    for column in list(select.find_all(exp.Column)):
        if column.find_ancestor(exp.Select) is not select or column.table not in aliases:
            continue
        read[column.table].add(column.name)
        node: exp.Expr = exp.column(f"{column.table}__{column.name}", RELATION)
        if column.parent is select and column.arg_key == "expressions":
            node = exp.alias_(node, column.name)
        column.replace(node)
    return read


def beside(plan: Plan, shelf: Shelf) -> pa.Table:
    """The relation of a plan: one row per row of the base, in its order.

    Args:
        plan: what to put together.
        shelf: gives columns of tables, and remembers which rows stand beside which.

    Raises:
        NotUniqueError: a joined table has several rows for one of the base.
    """
    wanted = {name for one in plan.others for name, _ in one.keys}
    base = shelf.rows(plan.base.table, sorted(wanted | set(plan.base.columns)))
    keys = {name: _numbers(base.column(name)) for name in wanted}
    columns = {f"{plan.base.alias}__{name}": base.column(name) for name in plan.base.columns}
    kept: npt.NDArray[np.bool_] | None = None
    for one in plan.others:
        rows = shelf.rows(one.table, sorted({name for _, name in one.keys} | set(one.columns)))
        ours = [keys[name] for name, _ in one.keys]
        theirs = [_numbers(rows.column(name)) for _, name in one.keys]
        if plan.base.table in shelf and one.table in shelf:  # neither changes its order any more
            place = (plan.base.table, one.table, one.keys)
            tables = (plan.base.table, one.table)
            found = shelf.once(place, tables, partial(_partners, ours, theirs))
        else:
            found = _partners(ours, theirs)
        if one.is_inner and found is not None and (found < 0).any():
            kept = found >= 0 if kept is None else kept & (found >= 0)
        at = None if found is None else pa.array(found, mask=found < 0)
        for name in one.columns:
            columns[f"{one.alias}__{name}"] = _taken(rows.column(name), at)
    table = pa.table(columns)
    return table if kept is None else table.filter(pa.array(kept))


def _taken(column: pa.ChunkedArray, at: pa.Array | None) -> pa.ChunkedArray | pa.Array:
    """Values at positions, null where the position is; texts of few kinds as a dictionary."""
    if at is None:
        return column
    if pa.types.is_string(column.type) and _has_few(column):
        column = column.dictionary_encode().unify_dictionaries()
    return column.combine_chunks().take(at) if column.num_chunks != 1 else column.chunk(0).take(at)


def _has_few(column: pa.ChunkedArray) -> bool:
    return len(pc.unique(column.slice(0, _SAMPLE_ROWS))) < _FEW_TEXTS


def _numbers(column: pa.ChunkedArray) -> Integers:
    if column.null_count:
        raise NotUniqueError
    numbers: Integers = column.to_numpy().astype(np.int64, copy=False)
    return numbers


def _partners(left: Sequence[Integers], right: Sequence[Integers]) -> Integers | None:
    """For each left key the row with the same key on the right, else -1; None when they are the same.

    Raises:
        NotUniqueError: a key stands twice on the right.
    """
    if len(left[0]) == len(right[0]) and all(map(np.array_equal, left, right)):
        return None
    left_order, right_order = _order(left), _order(right)
    ours = [key if left_order is None else key[left_order] for key in left]
    theirs = [key if right_order is None else key[right_order] for key in right]
    if np.logical_and.reduce([key[1:] == key[:-1] for key in theirs]).any():
        raise NotUniqueError
    found = _sought(ours, theirs)
    if right_order is not None and len(right_order):
        found = np.where(found < 0, -1, right_order[found])
    if left_order is None:
        return found
    back = np.empty_like(found)
    back[left_order] = found
    return back


def _sought(ours: Sequence[Integers], theirs: Sequence[Integers]) -> Integers:
    """Position in ``theirs`` of each key of ``ours``, -1 without; both ascend, ``theirs`` is unique.

    Of two keys the first may repeat; rows of one first key are then told apart by the second.
    """
    if not len(theirs[0]):
        return np.full(len(ours[0]), -1, dtype=np.int64)
    place = np.searchsorted(theirs[0], ours[0])
    if len(theirs) == 2:
        doubtful = np.flatnonzero(
            (ours[1] != theirs[1][np.minimum(place, len(theirs[0]) - 1)]) & (place < len(theirs[0]))
        )
        until = np.searchsorted(theirs[0], ours[0][doubtful], side="right")
        low = place[doubtful]
        high = until.copy()
        while (low < high).any():  # the usual search by halves, all rows at once
            middle = (low + high) >> 1
            is_behind = (low < high) & (
                theirs[1][np.minimum(middle, len(theirs[1]) - 1)] < ours[1][doubtful]
            )
            low = np.where(is_behind, middle + 1, low)
            high = np.where(is_behind | (low >= high), high, middle)
        place[doubtful] = low
    here = np.minimum(place, len(theirs[0]) - 1)
    matches = np.logical_and.reduce(
        [
            place < len(theirs[0]),
            *(mine == key[here] for mine, key in zip(ours, theirs, strict=True)),
        ]
    )
    return np.where(matches, here, -1)


def _order(keys: Sequence[Integers]) -> Integers | None:
    """Positions in ascending order of the keys; None when they ascend already."""
    first = keys[0]
    if len(first) < 2:
        return None
    rising = first[1:] > first[:-1]
    if len(keys) == 2:
        rising |= (first[1:] == first[:-1]) & (keys[1][1:] >= keys[1][:-1])
    if rising.all():
        return None
    if len(keys) == 1:
        return np.argsort(first)
    order = np.argsort(first)
    same = np.flatnonzero(first[order][1:] == first[order][:-1])
    if len(same):  # few rows share a first key: only they need the second
        order = np.lexsort((keys[1], first))
    return order

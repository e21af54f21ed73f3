"""Tells a table that is already aggregated from a list of records, by the names of its columns.

Only names are looked at. Assumes English names; a table it does not recognise is read as declared.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_AGGREGATE = re.compile(
    r"(^|[\s_(])(rate|ratio|share|percent(age)?|pct|avg|average|mean|median|total|totals|sum|count|"
    r"p50|p90|p95|p99)($|[\s_)])|%|^(number|no|#) of\s|^num_|_per_(day|week|month)$",
    re.IGNORECASE,
)
_PERIOD = re.compile(
    r"(^|[\s_])(day|date|week|month|quarter|year|period|hour|interval)($|[\s_])", re.IGNORECASE
)
_GROUP = re.compile(
    r"^(channel|queue|team|brand|region|country|language|group|department|intent|topic|category)$",
    re.IGNORECASE,
)
_ENOUGH = 2


def looks_aggregated(columns: Sequence[str], ids: Collection[str] = ()) -> bool:
    """Whether ``columns`` are those of a summary.

    Args:
        columns: names of the columns.
        ids: columns that a mapping takes for ids.

    Returns:
        True when at least two columns are aggregates and every id is a period or a group (without
        ids: when the table has a period or group and nothing that names a record).
    """
    aggregates = [name for name in columns if _AGGREGATE.search(name)]
    if len(aggregates) < _ENOUGH:
        return False
    if ids:
        return all(_PERIOD.search(name) or _GROUP.match(name) for name in ids)
    has_group = any(_PERIOD.search(name) or _GROUP.match(name) for name in columns)
    return has_group and not any(_names_record(name) for name in columns)


def _names_record(name: str) -> bool:
    return (
        re.search(r"(^|[\s_])(id|uuid|key|number|no|ticket|case|ref)($|[\s_])", name, re.IGNORECASE)
        is not None
    )

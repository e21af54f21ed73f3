"""The columns of every fact, read from ``columns/<fact>.yaml``: name, type and one line of meaning.

This is the contract between facts and metrics: built tables hold exactly these columns in this
order (tested), and a metric may name no other. Loads no engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from candor.errors import CandorError, Problem, nearest


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a fact.

    Attributes:
        name: column name; the suffix tells the unit (``_at`` epoch µs, ``_us`` µs, ``_ppm`` 1e-6).
        type: SQL type of the column.
        doc: what it means, in one line; for a BOOLEAN also when it is null.
    """

    name: str
    type: str
    doc: str


@cache
def facts() -> tuple[str, ...]:
    """Names of the facts that metrics may use: every one with a file of columns, in order."""
    folder = files("candor.facts").joinpath("columns")
    names = (item.name for item in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def columns(fact: str) -> Mapping[str, Column]:
    """Columns of ``fact`` in table order.

    Raises:
        CandorError: ``fact.unknown`` with the nearest name.
    """
    return MappingProxyType(
        {
            item["name"]: Column(item["name"], item["type"], item["doc"])
            for item in _document(fact)["columns"]
        }
    )


def key(fact: str) -> tuple[str, ...]:
    """Columns whose values are unique together in ``fact``.

    Raises:
        CandorError: ``fact.unknown`` with the nearest name.
    """
    return tuple(_document(fact)["key"])


def digest() -> str:
    """Short hash of all facts' columns: files published under another one cannot be read."""
    told = [(fact, name, one.type) for fact in facts() for name, one in columns(fact).items()]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


@cache
def _document(fact: str) -> dict[str, Any]:
    if fact not in facts():
        raise CandorError(
            "fact.unknown", Problem(f"there is no fact '{fact}'", fix=nearest(fact, facts()))
        )
    text = files("candor.facts").joinpath("columns", f"{fact}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - a safe one either way
    return document

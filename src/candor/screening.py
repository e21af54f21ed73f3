"""Keeps erased people out of an ingest: their events are left out and their records counted.

Reads the list of ``privacy.suppression`` and decides on pseudonyms and keyed hashes only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from candor.events import registry
from candor.privacy.pseudonyms import Pseudonymiser
from candor.privacy.suppression import Suppressed, load


class Rejected(Protocol):
    """What is asked of a record that was set aside: its number."""

    @property
    def record_no(self) -> int:
        """Position of the record in its file."""
        ...


def customer_columns(event_type: str) -> list[str]:
    """Columns of a type that hold a customer's pseudonym, or may."""
    return [
        one.name for one in registry()[event_type].fields if one.personal == "identifier:customer"
    ]


def screen(restricted: Path, key: bytes, key_id: str) -> Screen | None:
    """What keeps erased people out of an ingest; None when nobody was erased."""
    listed = load(restricted)
    if not listed.customers and not listed.threads:
        return None
    return Screen(listed, Pseudonymiser(key, key_id))


class Screen:
    """Leaves out events of erased people.

    Args:
        listed: the list.
        people: makes the hashes of thread ids.
    """

    def __init__(self, listed: Suppressed, people: Pseudonymiser) -> None:
        self._listed = listed
        self._people = people
        self._threads: set[str] = set()

    def sift(
        self, tables: Mapping[str, pa.Table], rejected: Sequence[Rejected]
    ) -> tuple[dict[str, pa.Table], list[tuple[int, str, bool]]]:
        """The tables without them, and the records left out.

        Args:
            tables: events by type with ``record_no``, already pseudonymous.
            rejected: records set aside for other reasons.

        Returns:
            tables, and (record, place, whether other events of it were kept or set aside already).
        """
        talks = tables.get("conversation")
        if talks is not None:
            own = pc.is_in(
                talks["customer_id"], pa.array(sorted(self._listed.customers), pa.string())
            )
            self._threads |= set(talks["thread_id"].filter(own).to_pylist())
        kept: dict[str, pa.Table] = {}
        places: dict[int, str] = {}
        for name, table in tables.items():
            mask = self._mask(name, table)
            gone = table.filter(mask)
            places |= dict(
                zip(gone["record_no"].to_pylist(), gone["raw_ref"].to_pylist(), strict=True)
            )
            kept[name] = table.filter(pc.invert(mask))
        others = {number for table in kept.values() for number in table["record_no"].to_pylist()}
        others |= {one.record_no for one in rejected}
        back = [(number, place or "", number in others) for number, place in sorted(places.items())]
        return {name: table for name, table in kept.items() if table.num_rows}, back

    def _mask(self, name: str, table: pa.Table) -> Any:
        mask = pa.array([False] * table.num_rows)
        customers = pa.array(sorted(self._listed.customers), pa.string())
        for column in customer_columns(name):
            mask = pc.or_(mask, pc.is_in(table[column].combine_chunks(), customers))
        for column in ("thread_id", "from_thread_id", "to_thread_id", "subject_id"):
            if column in table.column_names:
                values = table[column].combine_chunks()
                named = [one for one in values.unique().to_pylist() if self._is_thread(one)]
                mask = pc.or_(mask, pc.is_in(values, pa.array(named, pa.string())))
        return mask

    def _is_thread(self, thread: str | None) -> bool:
        if thread is None:
            return False
        return thread in self._threads or self._people.one("thread", thread) in self._listed.threads

"""Keeps out of an ingest who was erased and what is too old: left out, and the records counted.

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
from candor.privacy.suppression import Suppressed, load, save


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


def screen(
    restricted: Path, key: bytes, key_id: str, oldest_us: int | None = None
) -> Screen | None:
    """What keeps erased people, and what is too old to be kept, out of an ingest.

    Args:
        restricted: folder of the list.
        key: the workspace key.
        key_id: its name.
        oldest_us: conversations are not taken from before this instant; None for no bound.

    Returns:
        None when there is nothing to keep out.
    """
    listed = load(restricted)
    if not listed.customers and not listed.threads and not listed.aliases and oldest_us is None:
        return None
    return Screen(listed, Pseudonymiser(key, key_id), restricted, oldest_us)


class Screen:
    """Leaves out events of erased people.

    Args:
        listed: the list.
        people: makes the hashes of thread ids.
        restricted: where the list lies.
        oldest_us: events of threads from before this instant are left out; None for no bound.
    """

    def __init__(
        self,
        listed: Suppressed,
        people: Pseudonymiser,
        restricted: Path,
        oldest_us: int | None = None,
    ) -> None:
        self._listed = listed
        self._people = people
        self._restricted = restricted
        self._oldest_us = oldest_us
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
        self._learn(tables.get("identity"))
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

    def _learn(self, identities: pa.Table | None) -> None:
        """Customers whose address or number was erased are the same person under another id."""
        if identities is None or not self._listed.aliases:
            return
        own = pc.is_in(identities["alias"], pa.array(sorted(self._listed.aliases), pa.string()))
        learned = set(identities["customer_id"].filter(own).to_pylist()) - self._listed.customers
        if learned:
            self._listed.customers |= learned
            save(self._restricted, self._listed)

    def _mask(self, name: str, table: pa.Table) -> Any:
        mask = pa.array([False] * table.num_rows)
        if self._oldest_us is not None and "thread_id" in table.column_names:
            bound = pa.scalar(self._oldest_us, pa.int64()).cast(
                table.schema.field("occurred_at").type
            )
            is_old = pc.less(table["occurred_at"].combine_chunks(), bound)
            mask = pc.and_(is_old, table["thread_id"].combine_chunks().is_valid())
        if name == "identity":
            aliases = pa.array(sorted(self._listed.aliases), pa.string())
            mask = pc.or_(mask, pc.is_in(table["alias"].combine_chunks(), aliases))
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

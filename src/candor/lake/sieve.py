"""Tells new events from known ones, finds superseded revisions and contested contents, in SQL.

An event is known when (event_key, revision, content_hash) is stored already, in whatever month. Of
several contents under one event_key the current one has the greatest revision, then the smallest
content hash; all others are superseded but stay stored, so the order of arrival changes nothing.
Contents that differ under one revision are contested: every one but the smallest hash is also
listed in quarantine. Works inside one batch's private engine and leaves temporary tables there:
``outcome`` (per offered event: record, is_new), ``superseded``, ``contested``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from candor.engines.duck import DuckEngine
from candor.events import stored_schema
from candor.lake.staging import scan, text_literal

_ROW_GROUP = 122_880
_CONTENT = "event_key, revision, content_hash"
_ORDER = "thread_key, occurred_at, event_id, content_hash"


@dataclass(frozen=True, slots=True)
class Month:
    """New events of one month: ``YYYY-MM``, how many, first and last instant (epoch µs)."""

    name: str
    rows: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Sifted:
    """What the sieve found among one type's staged events.

    Attributes:
        offered: staged events, refused files aside.
        fresh: how many are new.
        first_us: smallest occurred_at among the offered; None without events.
        last_us: largest.
        months: the new ones by month.
    """

    offered: int
    fresh: int
    first_us: int | None
    last_us: int | None
    months: tuple[Month, ...]


class Sieve:
    """Sifts one batch, one event type after the other.

    Args:
        engine: the batch's private engine.
        refused: numbers of files whose events must be forgotten.
        is_trusted: skip every search for known events.
    """

    def __init__(
        self, engine: DuckEngine, refused: Sequence[int] = (), *, is_trusted: bool = False
    ) -> None:
        self._engine = engine
        listed = ", ".join(str(number) for number in refused)
        self._kept = f"file_no not in ({listed})" if refused else "true"
        self._is_trusted = is_trusted
        engine.run(
            """
            create temp table outcome (file_no bigint, record_no bigint, is_new boolean);
            create temp table superseded (event_type varchar, event_key bigint, revision bigint,
              content_hash varchar);
            create temp table contested (event_type varchar, event_id varchar, content_hash varchar,
              source varchar, raw_ref varchar, file_no bigint, record_no bigint);
            """
        )

    def sift(
        self,
        event_type: str,
        staged: Sequence[Path],
        stored: Sequence[Path],
        superseded: Sequence[Path],
    ) -> Sifted:
        """Sift one type's staged files against its stored ones.

        Args:
            event_type: name in the registry.
            staged: files of the batch.
            stored: verified files of the table.
            superseded: verified files that list the type's superseded events.

        Returns:
            counts; the new rows stay selected for ``write``.
        """
        run = self._engine.run
        run(
            f"""
            create or replace temp table offered as
            select row_no, file_no, record_no, {_CONTENT}, epoch_us(occurred_at) as occurred_us
            from {scan(staged)} where {self._kept}
            """
        )
        offered, first_us, last_us = self._engine.rows(
            "select count(*), min(occurred_us), max(occurred_us) from offered"
        )[0]
        is_plain = self._is_trusted or self._is_all_new(stored)
        if is_plain:
            run("create or replace temp view fresh as select * from offered")
            run("insert into outcome select file_no, record_no, true from offered")
        else:
            self._separate()
            self._supersede(event_type, superseded)
            self._contest(event_type, staged, stored)
        months = self._engine.rows(
            """
            select strftime(make_timestamp(occurred_us), '%Y-%m') as month, count(*),
              min(occurred_us), max(occurred_us)
            from fresh group by month order by month
            """
        )
        found = tuple(Month(*row) for row in months)
        fresh = sum(month.rows for month in found)
        self._select(event_type, staged, is_plain=is_plain)
        run("drop view fresh" if is_plain else "drop table fresh")
        return Sifted(offered, fresh, first_us, last_us, found)

    def write(self, event_type: str, month: Month, path: Path) -> None:
        """Write one month of the type sifted last, in storage order, zstd-compressed."""
        names = ", ".join(f'"{name}"' for name in stored_schema(event_type).names)
        self._engine.run(
            f"copy (select {names} from selected where month = {text_literal(month.name)})"
            f" to {text_literal(path)}"
            f" (format parquet, compression zstd, row_group_size {_ROW_GROUP})"
        )

    def _is_all_new(self, stored: Sequence[Path]) -> bool:
        """No key of the batch is stored and none occurs twice in the batch itself."""
        if stored:
            self._engine.run(
                f"""
                create or replace temp table hit as
                select distinct {_CONTENT} from {scan(stored)}
                semi join (select event_key from offered) using (event_key)
                """
            )
        else:
            self._engine.run(
                f"create or replace temp table hit as select {_CONTENT} from offered limit 0"
            )
        hits, events, keys = self._engine.rows(
            "select (select count(*) from hit), count(*), count(distinct event_key) from offered"
        )[0]
        return bool(hits == 0 and events == keys)

    def _separate(self) -> None:
        self._engine.run(
            f"""
            create or replace temp table fresh as
            with numbered as (
              select *, row_number() over (partition by {_CONTENT}
                order by occurred_us, file_no, record_no, row_no) as copy
              from offered)
            select row_no, file_no, record_no, {_CONTENT}, occurred_us
            from numbered anti join hit using ({_CONTENT}) where copy = 1;
            insert into outcome
            select offered.file_no, offered.record_no, fresh.row_no is not null
            from offered left join fresh using (row_no);
            create or replace temp table version as
            with held as (
              select {_CONTENT}, true as is_new from fresh
              union all select {_CONTENT}, false from hit),
            disputed as (select event_key from held group by event_key having count(*) > 1)
            select held.*,
              row_number() over (partition by event_key
                order by revision desc, content_hash) as standing,
              row_number() over (partition by event_key, revision
                order by content_hash) as claim,
              row_number() over (partition by event_key, revision, is_new
                order by content_hash) as own_claim
            from held semi join disputed using (event_key);
            """
        )

    def _supersede(self, event_type: str, superseded: Sequence[Path]) -> None:
        known = f"anti join {scan(superseded)} as known using ({_CONTENT})" if superseded else ""
        self._engine.run(
            f"""
            insert into superseded
            select {text_literal(event_type)}, {_CONTENT} from version {known} where standing > 1
            """
        )

    def _contest(self, event_type: str, staged: Sequence[Path], stored: Sequence[Path]) -> None:
        # A stored content is newly contested only when it was the smallest until now.
        lost = self._engine.rows(
            """
            create or replace temp table lost as
            select event_key, revision, content_hash, is_new from version
            where claim > 1 and (is_new or own_claim = 1);
            select count(*) from lost
            """
        )[0][0]
        if not lost:
            return
        self._engine.run(
            f"""
            insert into contested
            select {text_literal(event_type)}, event_id, content_hash, source, raw_ref,
              file_no, record_no
            from {scan(staged)} semi join (select row_no from fresh
              semi join (from lost where is_new) as losers using ({_CONTENT})) using (row_no)
            """
        )
        if stored:
            self._engine.run(
                f"""
                insert into contested
                select {text_literal(event_type)}, event_id, content_hash, source, raw_ref,
                  null, null
                from {scan(stored)} semi join (from lost where not is_new) using ({_CONTENT})
                """
            )

    def _select(self, event_type: str, staged: Sequence[Path], *, is_plain: bool) -> None:
        names = ", ".join(f'"{name}"' for name in stored_schema(event_type).names)
        chosen = "" if is_plain else "semi join (select row_no from fresh) using (row_no)"
        self._engine.run(
            f"""
            create or replace temp table selected as
            select {names}, strftime(make_timestamp(epoch_us(occurred_at)), '%Y-%m') as month
            from {scan(staged)} {chosen} where {self._kept} order by month, {_ORDER}
            """
        )

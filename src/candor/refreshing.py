"""Brings the facts of the previous publication up to date, where that gives what building anew gives.

Called by ``publishing`` only. Copies the previous file, finds what the lake has got since, and leaves
the rest to ``facts.refresh``; the measures in the file are kept where they stand by
``metrics.build``. Nothing is taken over that was built by other code, definitions of facts, settings
or reference files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import duckdb

import candor
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.events.registry import registry
from candor.facts.build import BuiltFact
from candor.facts.refresh import refresh_facts
from candor.facts.touched import OF_CUSTOMERS, touching
from candor.lake import Lake
from candor.lake.fresh import fresh_files
from candor.lake.records import Snapshot
from candor.lake.serving import Serving
from candor.workspace import HumanAgent, Workspace


@dataclass(frozen=True, slots=True)
class Held:
    """What the facts in a copied file were built from.

    Attributes:
        publication: the number of the publication that they are of.
        lake: the snapshot of the events.
    """

    publication: int
    lake: Snapshot


def basis(workspace: Workspace, model: str) -> str:
    """Short hash of everything but events and metrics' definitions that decides what is stored.

    Args:
        workspace: its configuration and reference files.
        model: version of the experience model.
    """
    digest = hashlib.sha256()
    told = [
        candor.__version__, duckdb.__version__, metadata.version("tzdata"), model,
        hashlib.sha256(workspace.config_path.read_bytes()).hexdigest(),
        sorted(workspace.reference_hashes().items()),
    ]  # fmt: skip
    digest.update(json.dumps(told).encode())
    for folder in ("facts", "facts/passes", "facts/columns", "metrics"):
        where = files("candor").joinpath(folder)
        for item in sorted(where.iterdir(), key=lambda item: item.name):
            if item.name.endswith((".sql", ".py", ".yaml")):
                digest.update(item.name.encode() + item.read_bytes())
    return digest.hexdigest()[:16]


def take_over(lake: Lake, serving: Serving, target: Path, own_basis: str) -> Held | None:
    """Copy the previous facts if they can be built upon; None when they cannot.

    Args:
        lake: the events.
        serving: where the previous publication may be found.
        target: the file to make.
        own_basis: what ``basis`` says now.
    """
    try:
        previous = serving.current()
        told = previous.about.get("refresh", {})
        if told.get("basis") != own_basis:
            return None
        before = lake.snapshot(told["lake"])
    except CandorError:
        return None
    if fresh_files(lake, before, lake.snapshot(), registry()) is None:
        return None
    copied = serving.copy("facts", previous, target)
    return Held(previous.number, before) if copied else None


def refresh(
    engine: DuckEngine,
    lake: Lake,
    workspace: Workspace,
    held: Held,
    shown: Snapshot,
    *,
    as_of_us: int,
    human_agents: Sequence[HumanAgent],
    score: Callable[[], None],
) -> list[BuiltFact] | None:
    """Bring the copied facts up to date; None, and an empty file, when they must be built anew.

    Args:
        engine: its database is the copied file; holds the views of ``shown``.
        lake: the events.
        workspace: configuration and reference files.
        held: what the copied facts were built from.
        shown: the snapshot that is published.
        as_of_us: instant up to which data are read.
        human_agents: as for ``build_facts``.
        score: as for ``build_facts``.
    """
    built = None
    if _find(engine, lake, held.lake, shown):
        built = refresh_facts(
            engine, workspace.settings, as_of_us=as_of_us,
            show=lambda: _show(engine, lake, shown), intents=workspace.intents(),
            human_agents=human_agents, score=score,
        )  # fmt: skip
    if built is None:
        _empty(engine)
    return built


def is_own(before: Snapshot, after: Snapshot, stored: int) -> bool:
    """Whether two snapshots differ by a number of assessments alone."""
    changed = {
        (table, entry.partition if table == "superseded" else "")
        for table in {*before.files, *after.files}
        for entry in set(before.files.get(table, ())) ^ set(after.files.get(table, ()))
    }
    return (
        changed <= {("assessment", ""), ("superseded", "assessment")}
        and after.rows("assessment") - before.rows("assessment") == stored
    )


def _show(engine: DuckEngine, lake: Lake, shown: Snapshot) -> None:
    """Views of the snapshot, with the verdicts that were appended since."""
    lake.create_views(engine.connection, shown)
    lake.create_views(engine.connection, lake.snapshot(), types=("assessment",))


def _find(engine: DuckEngine, lake: Lake, before: Snapshot, shown: Snapshot) -> bool:
    """Make the tables of what is new; false when that cannot be told."""
    fresh = fresh_files(lake, before, shown, registry())
    if fresh is None:
        return False
    engine.run("create or replace temp table fresh_thread (thread_key bigint)")
    engine.run("create or replace temp table fresh_customer (customer_id varchar)")
    for kind in touching():
        _collect(engine, "fresh_thread", fresh[kind].queries("thread_key"))
    for end in ("key60(from_thread_id)", "key60(to_thread_id)"):
        _collect(engine, "fresh_thread", fresh["link"].queries(end))
    for kind in OF_CUSTOMERS:
        queries = fresh[kind].queries("thread_key, customer_id")
        of_nobody = [f"select customer_id from ({one}) where thread_key is null" for one in queries]
        _collect(engine, "fresh_customer", of_nobody)
    return True


def _collect(engine: DuckEngine, table: str, queries: Sequence[str]) -> None:
    for query in queries:
        engine.run(
            f"insert into {table} select distinct one from ({query}) as found (one) where one is not null"
        )


def _empty(engine: DuckEngine) -> None:
    """Drop everything in the database."""
    own = "database_name = current_database() and not internal"
    for kind in ("view", "table"):
        for (name,) in engine.rows(f"select {kind}_name from duckdb_{kind}s() where {own}"):
            quoted = str(name).replace('"', '""')
            engine.run(f'drop {kind} if exists "{quoted}"')

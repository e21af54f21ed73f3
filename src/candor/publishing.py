"""Builds one publication: facts and measures in one file, transcripts in another, and what both rest on.

Called by ``pipeline.measure``. Reads the lake through its views only. The facts file holds no
message text; whoever may not read text opens the facts file alone.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from candor import provenance, refreshing, rehearsing, restating, transcribing, window
from candor.engines.duck import DuckEngine
from candor.facts.build import BuiltFact, build_facts
from candor.facts.schema import digest as facts_digest
from candor.facts.schema import facts as fact_names
from candor.lake import Lake
from candor.lake.records import Snapshot
from candor.lake.serving import Publication, Serving
from candor.metrics import build as measures
from candor.metrics.registry import Catalogue
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.scorers.experience.model import Model
from candor.scorers.experience.model import load as experience_model
from candor.scorers.experience.run import score_conversations
from candor.scorers.grounding import score_groundedness
from candor.scorers.run import SOURCE as SCORER_SOURCE
from candor.scorers.run import score_messages
from candor.settings import Settings
from candor.workspace import HumanAgent, Workspace

OVERRIDE_SOURCE = "overrides"
"""Corrections are made long after what they correct; they do not say how far data reach."""


@dataclass(frozen=True)
class Built:
    """What was published, how long each step took (seconds), and which figures were restated.

    ``upon`` is the number of the publication whose facts were brought up to date, if any.
    """

    publication: Publication
    snapshot: str
    as_of_us: int
    scored: int
    facts: dict[str, int]
    steps: dict[str, float]
    restated: list[restating.Restated] = field(default_factory=list)
    overridden: list[dict[str, Any]] = field(default_factory=list)
    upon: int | None = None


@dataclass
class _Clock:
    """Wall time by step."""

    progress: Callable[[str, float | None], None]
    steps: dict[str, float] = field(default_factory=dict)
    _name: str = ""
    _began: float = 0.0

    def start(self, name: str) -> None:
        self.stop()
        self._name, self._began = name, time.monotonic()
        self.progress(name, None)

    def stop(self) -> None:
        if self._name:
            spent = time.monotonic() - self._began
            self.steps[self._name] = self.steps.get(self._name, 0.0) + spent
        self._name = ""


def publish(
    workspace: Workspace,
    lake: Lake,
    catalogue: Catalogue,
    *,
    as_of: str | None,
    anew: bool,
    progress: Callable[[str, float | None], None],
) -> Built:
    """Score what is unscored, build, and make the result the current publication.

    Args:
        workspace: configuration and reference files.
        lake: the events.
        catalogue: metrics whose measures are stored.
        as_of: instant up to which data are read (ISO); None reads as far as any source reaches.
        anew: take nothing over from the previous publication.
        progress: told what is being done.
    """
    serving = Serving(workspace.serving)
    before = serving.about() or {}
    restating.refuse_unversioned(catalogue, before.get("definitions", {}))
    number = serving.next_number()
    facts_file, text_file = serving.building(number)
    settings = workspace.settings
    clock = _Clock(progress)
    spill = workspace.serving / f"spill_{number}.building"
    model = experience_model(workspace.root)
    basis = refreshing.basis(workspace, model.version)
    held = None if anew else refreshing.take_over(lake, serving, facts_file, basis)
    with DuckEngine(facts_file, temp_dir=spill) as engine:
        clock.start("scoring")
        scored = score_messages(engine, lake, log=lambda _line: None)
        score_groundedness(engine, lake, workspace.root)
        shown = lake.create_views(engine.connection)
        as_of_us = _as_of(lake, shown, settings, as_of)
        clock.start("facts")
        built, upon, shown = _facts(engine, lake, workspace, held, shown, as_of_us, model, clock)
        clock.start("measures")
        stored = measures.build(
            engine, list(catalogue), settings.segments.stored, is_kept=upon is not None
        )
        definitions = restating.record(
            engine, catalogue, settings, stored,
            before.get("definitions", {}) if upon is not None else {},
        )  # fmt: skip
        health = _health(engine, lake, shown)
        overrides = _overridden(workspace, lake, shown, engine, catalogue, as_of_us, clock)
        clock.start("transcripts")
        transcripts = transcribing.write(engine, lake, shown, None if anew else serving, text_file)
        clock.start("publishing")
        engine.run("checkpoint")
    record = provenance.make(
        lake=shown.id,
        references=workspace.reference_hashes(),
        definitions=catalogue.digest,
        settings=hashlib.sha256(workspace.config_path.read_bytes()).hexdigest(),
        as_of_us=as_of_us,
    )
    moved = restating.restated(
        before.get("definitions", {}), definitions,
        with_data=before.get("provenance", {}).get("lake snapshot") != record.lake,
    )  # fmt: skip
    about = {
        "snapshot": record.snapshot,
        "as_of": window.format_instant(as_of_us),
        "as_of_us": as_of_us,
        "horizon_us": health.pop("horizon_us"),
        "only_systems_confirm": health.pop("only_systems_confirm"),
        "facts": facts_digest(),
        "transcripts": transcripts,
        "refresh": {"basis": basis, "lake": shown.id},
        "provenance": {
            "lake snapshot": record.lake,
            "definitions": record.definitions[:16],
            "settings": record.settings[:16],
            "code": record.code,
            "time zones": record.zones,
            **{name: digest[:16] for name, digest in record.references.items()},
        },
        "data_health": health,
        "overrides": overrides,
        "definitions": definitions,
        "restated": [*before.get("restated", []), *(one.as_dict() for one in moved)],
    }
    publication = serving.publish(number, about)
    clock.stop()
    rows = {fact.name: fact.rows for fact in built if fact.name in fact_names()}
    return Built(
        publication, record.snapshot, as_of_us, scored.messages, rows, clock.steps, moved,
        overrides["figures"], upon,
    )  # fmt: skip


def _overridden(
    workspace: Workspace, lake: Lake, shown: Snapshot, engine: DuckEngine, catalogue: Catalogue,
    as_of_us: int, clock: _Clock,
) -> dict[str, Any]:  # fmt: skip
    """How many outcomes were set by people, and every figure without and with them."""
    count = engine.rows("select count(*) from conversation where override_outcome is not null")
    if not count[0][0]:
        return {"standing": 0, "figures": []}
    clock.start("figures without overrides")
    without = rehearsing.rehearse(
        lake, shown, catalogue, workspace.settings, as_of_us=as_of_us, intents=workspace.intents(),
        human_agents=pseudonymous(workspace), folder=workspace.serving, added=None,
    )  # fmt: skip
    having = rehearsing.figures(engine, catalogue, workspace.settings)
    moved = rehearsing.moved(without, having, catalogue)
    return {"standing": int(count[0][0]), "figures": [one.as_dict() for one in moved]}


def _facts(
    engine: DuckEngine, lake: Lake, workspace: Workspace, held: refreshing.Held | None,
    shown: Snapshot, as_of_us: int, model: Model, clock: _Clock,
) -> tuple[list[BuiltFact], int | None, Snapshot]:  # fmt: skip
    """Facts, the publication that was brought up to date for them, and the snapshot that they show."""
    stored = 0

    def score() -> None:
        nonlocal stored
        clock.start("experience")
        stored = score_conversations(engine, lake, model=model).assessments
        clock.start("facts")

    agents = pseudonymous(workspace)
    built, upon = None, None
    if held is not None:
        upon = held.publication
        built = refreshing.refresh(
            engine, lake, workspace, held, shown,
            as_of_us=as_of_us, human_agents=agents, score=score,
        )  # fmt: skip
    if built is None:
        upon, scored_before, stored = None, stored, 0
        built = build_facts(
            engine, workspace.settings, as_of_us=as_of_us, intents=workspace.intents(),
            human_agents=agents, score=score,
        )  # fmt: skip
        stored += scored_before
    after = lake.snapshot()
    # Whoever wrote meanwhile is not in these facts; the next publication will find them.
    own = after if refreshing.is_own(shown, after, stored) else shown
    return built, upon, lake.create_views(engine.connection, own)


def _as_of(lake: Lake, shown: Snapshot, settings: Settings, as_of: str | None) -> int:
    if as_of is not None:
        return window.parse_instant(as_of, settings.workspace.timezone)
    reached = [
        one.covered_until_us
        for one in lake.coverage(shown)
        if one.covered_until_us and one.source not in (SCORER_SOURCE, OVERRIDE_SOURCE)
    ]
    return max(reached, default=0)


def pseudonymous(workspace: Workspace) -> list[HumanAgent]:
    """The rows of agents.csv under the pseudonyms that events carry."""
    agents = workspace.human_agents()
    if not agents:
        return []
    key_id, key = load_or_create(workspace.restricted)
    hashed = Pseudonymiser(key, key_id)
    return [
        agent.model_copy(update={"human_agent_id": hashed.one("person", agent.human_agent_id)})
        for agent in agents
    ]


def _health(engine: DuckEngine, lake: Lake, shown: Snapshot) -> dict[str, Any]:
    """How complete and how fresh the data are; shown beside every figure."""
    horizon = engine.rows("select horizon_us from setting")[0][0]
    by_customer = engine.rows(
        "select count(*) from conversation"
        " where system_verdict is null and customer_verdict is not null"
    )[0][0]
    open_entries = [entry for entry in lake.quarantine_list() if entry.replayed_at_us is None]
    by_reason: dict[str, int] = {}
    for entry in open_entries:
        by_reason[entry.reason] = by_reason.get(entry.reason, 0) + 1
    messages, nobody = engine.rows(
        "select count(*), count(*) filter (where actor is null) from ev_message"
    )[0]
    orphans = engine.rows(
        "select count(distinct m.thread_key) from ev_message as m"
        " anti join ev_conversation as c on m.thread_key = c.thread_key"
    )[0][0]
    return {
        "horizon_us": int(horizon),
        "only_systems_confirm": by_customer == 0,
        "sources": {
            one.source: {
                "covered_from": _iso(one.covered_from_us),
                "covered_until": _iso(one.covered_until_us),
                "conversations": one.has_conversations,
            }
            for one in lake.coverage(shown)
            if one.source != SCORER_SOURCE
        },
        "events": {
            name: shown.rows(name)
            for name in sorted(shown.files)
            if name not in ("quarantine", "superseded") and shown.rows(name)
        },
        "quarantined": dict(sorted(by_reason.items())),
        "messages_without_known_actor": int(nobody),
        "messages": int(messages),
        "threads_without_conversation": int(orphans),
        "unknown_values": {
            f"{kind}.{name} = {value}": count
            for (kind, name, value), count in sorted(lake.unmapped().items())
        },
        "notes": {
            f"{kind}: {detail}": count for (kind, detail), count in sorted(lake.notes().items())
        },
    }


def _iso(instant: int | None) -> str | None:
    return None if instant is None else window.format_instant(instant)

"""The steps in order; read this first.

1. ``ingest`` (``ingesting``): files → records → events in the lake, the rest in quarantine;
   ``pull`` (``pulling``) fetches the files from an interface first.
2. ``measure`` (``publishing``): unscored messages → assessments → facts → measures → a snapshot.
3. What may be asked of a snapshot: ``answers``.

Nothing here decides what a figure means: that is in ``facts``, ``metrics`` and ``estimates``. Heavy
parts are imported when they are needed, so that the program starts fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candor import window
from candor.errors import CandorError, Problem, nearest
from candor.workspace import Workspace, locate

if TYPE_CHECKING:
    from candor.erasing import Erased
    from candor.ingesting import IngestResult, ReplayResult
    from candor.pulling import PullResult

Progress = Callable[[str, float | None], None]


def _silent(_what: str, _share: float | None = None) -> None:
    return


def open_workspace(explicit: Path | None) -> Workspace:
    """The workspace that was named, or the one in the environment or current folder."""
    return Workspace.open(locate(explicit))


def find_workspace(explicit: Path | None) -> Workspace | None:
    """The same, or None when none was named and the current folder is none."""
    root = locate(explicit)
    if explicit is None and not (root / "candor.toml").exists():
        return None
    return Workspace.open(root)


def published_until(workspace: Workspace) -> int:
    """Instant up to which the current publication was read, microseconds UTC."""
    from candor.lake.serving import Serving

    return int(Serving(workspace.serving).current().about["as_of_us"])


def ingest(
    workspace: Workspace,
    source: str,
    paths: Sequence[Path],
    *,
    name: str | None = None,
    mapping: Path | None = None,
    progress: Progress = _silent,
) -> IngestResult:
    """Read files through a connector into the lake; see ``ingesting.ingest``."""
    from candor import ingesting

    return ingesting.ingest(workspace, source, paths, name=name, mapping=mapping, progress=progress)


def pull(workspace: Workspace, source: str, *, progress: Progress = _silent) -> PullResult:
    """Read what is new from a source's interface into the lake; see ``pulling.pull``."""
    from candor import pulling

    return pulling.pull(workspace, source, progress=progress)


@dataclass(frozen=True)
class Measured:
    """What ``measure`` published."""

    number: int
    snapshot: str
    as_of_us: int
    scored: int
    facts: Mapping[str, int]
    steps: Mapping[str, float]
    restated: Sequence[str] = ()
    overridden: Sequence[Mapping[str, Any]] = ()
    upon: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor measure --json``."""
        return {
            "publication": self.number,
            "snapshot": self.snapshot,
            "as_of": window.format_instant(self.as_of_us),
            "built_upon": self.upon,
            "messages_scored": self.scored,
            "facts": dict(self.facts),
            "restated": list(self.restated),
            "overridden": [dict(one) for one in self.overridden],
        }

    def lines(self) -> list[str]:
        """What was done, for people."""
        from candor import rehearsing

        facts = ", ".join(f"{rows:,} {name}" for name, rows in self.facts.items())
        upon = "" if self.upon is None else f" (publication {self.upon} brought up to date)"
        steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.steps.items())
        return [
            f"published snapshot {self.snapshot}, data as of {window.format_instant(self.as_of_us)}",
            f"  facts: {facts}{upon}",
            f"  {self.scored:,} messages newly scored; {steps}",
            *(f"  restated: {sentence}" for sentence in self.restated),
            *(f"  by overrides: {line}" for line in rehearsing.sentences(self.overridden)),
        ]


def measure(
    workspace: Workspace,
    *,
    as_of: str | None = None,
    engine: str = "duckdb",
    anew: bool = False,
    progress: Progress = _silent,
) -> Measured:
    """Score what is unscored, build facts and measures, publish them.

    Args:
        workspace: what to measure.
        as_of: instant up to which data are read; default: as far as any source reaches, so that
            the same data always give the same figures.
        engine: ``duckdb``.
        anew: build from nothing, also what the previous publication could give; the figures are the
            same either way.
        progress: told what is being done.

    Raises:
        CandorError: an empty lake, a damaged file, or a mistake in settings or definitions.
    """
    from candor import erasing, publishing
    from candor.lake import Lake
    from candor.metrics.registry import load

    if engine != "duckdb":
        raise CandorError(
            "usage.engine", Problem(f"unknown engine '{engine}'", "--engine", "duckdb"), exit_code=2
        )
    if as_of is not None:
        try:
            window.parse_instant(as_of, workspace.settings.workspace.timezone)
        except ValueError:
            raise CandorError(
                "usage.as_of",
                Problem(f"'{as_of}' is no instant", "--as-of", "ISO 8601, 2026-05-01T00:00:00Z"),
                exit_code=2,
            ) from None
    catalogue = load(workspace.metrics_dir)
    erasing.settle(workspace)
    with Lake.open(workspace.root) as lake:
        built = publishing.publish(
            workspace, lake, catalogue, as_of=as_of, anew=anew, progress=progress
        )
    return Measured(
        built.publication.number, built.snapshot, built.as_of_us, built.scored, built.facts,
        built.steps, tuple(line for one in built.restated for line in one.sentences), tuple(built.overridden),
        built.upon,
    )  # fmt: skip


def erase(
    workspace: Workspace, *, customer: str = "", thread: str = "", reason: str = "",
    progress: Progress = _silent,
) -> Erased:  # fmt: skip
    """Erase a customer or a thread, or what was asked for and is not done; then publish anew.

    Raises:
        CandorError: see ``erasing.erase``.
    """
    from candor import erasing
    from candor.lake.serving import Serving

    if customer or thread or reason:
        done = erasing.erase(workspace, customer=customer, thread=thread, reason=reason)
    else:
        done = erasing.settle(workspace)
    if done.erasures and Serving(workspace.serving).about() is not None:
        measure(workspace, progress=progress)
    return done


def verify(workspace: Workspace) -> list[Problem]:
    """Everything stored or published that is not as it was written."""
    from candor.lake import Lake
    from candor.lake.serving import Serving

    with Lake.open(workspace.root) as lake:
        found = [finding.problem for finding in lake.verify()]
    return found + Serving(workspace.serving).verify()


def replay(
    workspace: Workspace, *, source: str | None = None, progress: Progress = _silent
) -> ReplayResult:
    """Offer quarantined records again; see ``ingesting.replay``."""
    from candor import ingesting

    return ingesting.replay(workspace, source=source, progress=progress)


@dataclass(frozen=True)
class Demo:
    """What ``build_demo`` made."""

    workspace_root: Path
    ingested: IngestResult
    measured: Measured
    html: Path


def build_demo(
    folder: Path, *, conversations: int, seed: int, progress: Progress = _silent
) -> Demo:
    """A workspace of simulated conversations, measured.

    Args:
        folder: must not hold a workspace yet.
        conversations: first contacts to simulate.
        seed: equal seeds give equal conversations.
        progress: told what is being done.
    """
    from candor.simulator import reference

    workspace = _create(folder, "Demo support desk", reference.CURRENCY)
    (workspace.root / "intents.yaml").write_text(reference.INTENTS_YAML, encoding="utf-8")
    (workspace.root / "targets.yaml").write_text(reference.TARGETS_YAML, encoding="utf-8")
    (workspace.root / "rates.yaml").write_text(reference.RATES_YAML, encoding="utf-8")
    simulated = workspace.root / "simulated"
    simulate(simulated, conversations, seed, "demo", progress=progress)
    ingested = ingest(
        workspace, "canonical", [simulated / "events.jsonl"], name="demo_desk", progress=progress
    )
    measured = measure(workspace, progress=progress)
    return Demo(workspace.root, ingested, measured, workspace.root / "scorecard.html")


def simulate(
    out: Path, conversations: int, seed: int, world: str, *, progress: Progress = _silent
) -> list[Path]:
    """Write simulated conversations and their planted truth.

    Raises:
        CandorError: ``usage.world`` for an unknown world.
    """
    from candor.simulator.simulate import EVENTS_FILE, TRUTH_FILE
    from candor.simulator.simulate import simulate as play
    from candor.simulator.world import WORLDS

    if world not in WORLDS:
        raise CandorError(
            "usage.world",
            Problem(f"unknown world '{world}'", "--world", "", nearest(world, list(WORLDS))),
            exit_code=2,
        )
    progress(f"simulating {conversations:,} conversations", None)
    play(conversations, seed, out, world=WORLDS[world])
    return [out / EVENTS_FILE, out / TRUTH_FILE]


def initialise(folder: Path, files: Sequence[Path]) -> list[str]:
    """A workspace with commented configuration, and a proposed mapping for files.

    Returns:
        what was made and what to do next, for people.
    """
    from candor.sources.propose import propose

    missing = [path for path in files if not path.exists()]
    if missing:
        raise CandorError(
            "init.no_such_file",
            [Problem("there is no such file", str(path)) for path in missing],
            exit_code=2,
        )
    proposals = {path: propose([path]) for path in files}
    workspace = _create(folder, folder.resolve().name)
    lines = [f"workspace in {workspace.root}; its configuration is candor.toml"]
    for path, text in proposals.items():
        target = workspace.root / "mappings" / f"{path.name.split('.')[0]}.yaml"
        target.write_text(text, encoding="utf-8")
        lines += [
            f"proposed mapping: {target}  (every guess is marked '# check')",
            f"when it is right: candor ingest generic {path} --mapping {target} -w {folder}",
        ]
    if not files:
        lines.append(f"next: candor ingest SOURCE FILE -w {folder}")
    return lines


def _create(folder: Path, name: str, currency: str = "USD") -> Workspace:
    if folder.exists() and not folder.is_dir():
        raise CandorError(
            "workspace.no_folder",
            Problem("this is no folder", str(folder), "a folder, new or empty"),
            exit_code=2,
        )
    return Workspace.create(folder, _config(name, currency))


def _config(name: str, currency: str) -> str:
    template = (Path(__file__).parent / "template.toml").read_text(encoding="utf-8")
    written = template.replace("{name}", name.replace("\\", "\\\\").replace('"', '\\"'))
    return written.replace("{currency}", currency)

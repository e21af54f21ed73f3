"""Commands that make things: demo, init, ingest, pull, receive, measure, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from candor.cli import output

if TYPE_CHECKING:
    from candor.ingesting import IngestResult

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Workspace folder (else CANDOR_WORKSPACE, else here)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(demo)
    app.command()(init)
    app.command()(ingest)
    app.command()(pull)
    app.command()(receive)
    app.command()(measure)
    app.command()(simulate)


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder of the new workspace.")] = Path("demo"),
    conversations: Annotated[int, typer.Option(help="Conversations to simulate.", min=100)] = 4000,
    seed: Annotated[int, typer.Option(help="Same seed, same workspace.")] = 7,
    json: JsonOption = False,
) -> None:
    """Build a workspace from simulated conversations and show its scorecard."""
    from candor import pipeline
    from candor.answers import Answers, views
    from candor.reports import assemble, terminal

    with output.progress("demo") as report:
        built = pipeline.build_demo(folder, conversations=conversations, seed=seed, progress=report)
        report("writing the scorecard", None)
        with Answers.open(built.workspace_root) as answers:
            card = answers.scorecard()
            arranged = views.arrange(card, views.choose(None, None), answers.catalogue)
            assemble.write_scorecard(built.html, answers, arranged, answers.period())
    if json:
        output.print_json(
            {
                "workspace": str(built.workspace_root),
                "html": str(built.html),
                "ingested": built.ingested.as_dict(),
                "measured": built.measured.as_dict(),
                "scorecard": arranged.as_dict(),
            }
        )
        return
    _print_ingest(built.ingested)
    terminal.print_view(arranged)
    output.say(f"\nScorecard to keep: {built.html}")
    output.say(f"Ask on: candor why <conversation> -w {folder} · candor metrics -w {folder}")


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new workspace.")],
    source: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Export to look at; a mapping is proposed. May be repeated."),
    ] = None,
) -> None:
    """Make a workspace with commented configuration; look at files and propose a mapping."""
    from candor import pipeline

    for line in pipeline.initialise(folder, source or []):
        output.say(line)


def ingest(
    source: Annotated[str, typer.Argument(help="Connector or configured source, e.g. zendesk.")],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.")],
    mapping: Annotated[
        Path | None, typer.Option(help="Mapping file of the generic source.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name to store the events under.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Read exported conversations into the lake. The same file twice changes nothing."""
    from candor import pipeline

    with output.progress(f"ingest {source}") as report:
        result = pipeline.ingest(
            pipeline.open_workspace(workspace), source, paths,
            name=name, mapping=mapping, progress=report,
        )  # fmt: skip
    if json:
        output.print_json(result.as_dict())
    else:
        _print_ingest(result)
        if result.refused and not result.read:
            output.say("nothing could be read")
    return 1 if result.refused or result.miscounted else 0


def pull(
    source: Annotated[str, typer.Argument(help="Configured source, a [sources.<name>] block.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Fetch what is new from a source's interface and store it. Interrupted, it goes on later."""
    from candor import pipeline

    with output.progress(f"pull {source}") as report:
        result = pipeline.pull(pipeline.open_workspace(workspace), source, progress=report)
    if json:
        output.print_json(result.as_dict())
    else:
        for line in result.lines():
            output.say(line)
    return 1 if result.has_failed else 0


def receive(
    source: Annotated[str, typer.Argument(help="otel, or a configured source that uses it.")],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 4318,
    every: Annotated[str, typer.Option(help="Time between two ingests, e.g. 5m.")] = "5m",
    keep: Annotated[str, typer.Option(help="How long received files stay, e.g. 24h.")] = "24h",
    workspace: WorkspaceOption = None,
) -> None:
    """Take traces and logs in over OTLP/HTTP until interrupted."""
    import os
    import signal
    import threading

    from candor import pipeline, receiving

    where = receiving.address(host, port, os.environ)
    until = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: until.set())
    receiving.receive(
        pipeline.open_workspace(workspace), source, where,
        every_seconds=receiving.seconds(every, "--every"),
        keep_hours=receiving.seconds(keep, "--keep") / 3_600,
        until=until, told=_print_ingest,
        ready=lambda bound: output.say(f"listening at http://{host}:{bound}/v1/traces and /v1/logs"),
    )  # fmt: skip


def measure(
    as_of: Annotated[
        str | None, typer.Option(help="Read the data as of this instant (ISO).")
    ] = None,
    engine: Annotated[str, typer.Option(help="duckdb.")] = "duckdb",
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Build everything from nothing; the figures are the same."),
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Score messages, build facts and measures, publish a snapshot."""
    from candor import pipeline

    with output.progress("measure") as report:
        result = pipeline.measure(
            pipeline.open_workspace(workspace), as_of=as_of, engine=engine, anew=anew,
            progress=report,
        )  # fmt: skip
    if json:
        output.print_json(result.as_dict())
        return
    for line in result.lines():
        output.say(line)


def simulate(
    out: Annotated[Path, typer.Option(help="Folder for events.jsonl and truth.json.")],
    conversations: Annotated[int, typer.Option(min=1)] = 10_000,
    seed: Annotated[int, typer.Option()] = 7,
    world: Annotated[str, typer.Option(help="demo, quiet, or another planted world.")] = "demo",
) -> None:
    """Write simulated conversations with planted truth as canonical JSONL."""
    from candor import pipeline

    with output.progress("simulate") as report:
        written = pipeline.simulate(out, conversations, seed, world, progress=report)
    for path in written:
        output.say(f"wrote {path}")


def _print_ingest(result: IngestResult) -> None:
    for line in result.lines():
        output.say(line)

"""Commands for trust and upkeep: doctor, verify, quarantine."""

from __future__ import annotations

from typing import Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption

_quarantine = typer.Typer(help="Records that could not be accepted.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(doctor)
    app.command()(verify)
    _quarantine.command("list")(quarantine_list)
    _quarantine.command("show")(quarantine_show)
    _quarantine.command("replay")(quarantine_replay)
    app.add_typer(_quarantine, name="quarantine")


def doctor(workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """Check configuration, reference files, data health, and what to connect next."""
    from candor import answers, pipeline

    findings = answers.doctor(pipeline.find_workspace(workspace))
    if json:
        output.print_json({"findings": [finding.as_dict() for finding in findings]})
    else:
        for finding in findings:
            output.say(finding.line())
    return 1 if any(finding.level == "error" for finding in findings) else 0


def verify(workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """Check every stored and published file against its hash, and the books against the tables."""
    from candor import pipeline

    problems = pipeline.verify(pipeline.open_workspace(workspace))
    if json:
        output.print_json({"problems": [str(problem) for problem in problems]})
    else:
        for problem in problems:
            output.say(f"broken: {problem}")
        if not problems:
            output.say("everything is as it was written")
    return 3 if problems else 0


def quarantine_list(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """What is quarantined, by source and reason."""
    from candor import ingesting, pipeline

    rows = ingesting.quarantined(pipeline.open_workspace(workspace))
    if json:
        output.print_json({"quarantined": rows})
        return
    for row in rows:
        output.say(
            f"{row['id']}  {row['source']}  {row['reason']}  {row['ref']}  {row['detail']}"
        )
    if not rows:
        output.say("nothing is quarantined")


def quarantine_show(
    identifier: Annotated[str, typer.Argument(help="Id from `quarantine list`.")],
    workspace: WorkspaceOption = None,
) -> None:
    """The raw bytes of one quarantined record, as they stood in the file."""
    import sys

    from candor import ingesting, pipeline

    sys.stdout.buffer.write(
        ingesting.quarantined_bytes(pipeline.open_workspace(workspace), identifier)
    )


def quarantine_replay(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Offer every quarantined record again, after a mapping or rule was mended."""
    from candor import pipeline

    with output.progress("replay") as report:
        result = pipeline.replay(pipeline.open_workspace(workspace), progress=report)
    if json:
        output.print_json(result.as_dict())
        return
    for line in result.lines():
        output.say(line)

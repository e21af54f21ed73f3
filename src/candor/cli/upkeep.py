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
    app.command()(erase)
    app.command()(retain)
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
            output.show(finding.line())
    return 1 if any(finding.level == "error" for finding in findings) else 0


def verify(workspace: WorkspaceOption = None, json: JsonOption = False) -> int:
    """Check every stored and published file against its hash, and the books against the tables."""
    from candor import pipeline

    problems = pipeline.verify(pipeline.open_workspace(workspace))
    if json:
        output.print_json({"problems": [str(problem) for problem in problems]})
    else:
        for problem in problems:
            output.show(f"broken: {problem}")
        if not problems:
            output.show("everything is as it was written")
    return 3 if problems else 0


def erase(
    customer: Annotated[str, typer.Option(help="Id of the customer, as the source gives it.")] = "",
    thread: Annotated[str, typer.Option(help="Id of one thread.")] = "",
    email: Annotated[str, typer.Option(help="E-mail address of a customer.")] = "",
    phone: Annotated[str, typer.Option(help="Telephone number of a customer.")] = "",
    reason: Annotated[str, typer.Option(help="Why, without naming anybody.")] = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Erase a person's texts and identifiers everywhere; without a subject, finish what was asked."""
    from candor import pipeline

    with output.progress("erase") as report:
        done = pipeline.erase(
            pipeline.open_workspace(workspace), customer=customer, thread=thread, email=email,
            phone=phone, reason=reason, progress=report,
        )  # fmt: skip
    if json:
        output.print_json(done.as_dict())
        return
    rows = ", ".join(f"{count:,} {name}" for name, count in sorted(done.rows.items()))
    output.show(
        f"{done.erasures} erasure(s), {done.threads} thread(s): rows rewritten: {rows or 'none'}"
    )
    output.show(
        f"  {done.files} data file(s) replaced, {done.raw_records} raw record(s) blanked,"
        f" {done.raw_files} raw file(s) cleaned"
    )


def retain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what is due; change nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Give up what is older than `[retention]` of candor.toml allows; counts and scores stay."""
    from candor import pipeline

    with output.progress("retain") as report:
        done = pipeline.retain(pipeline.open_workspace(workspace), dry_run=dry_run, progress=report)
    if json:
        output.print_json(done.as_dict())
        return
    for line in done.lines():
        output.show(line)


def quarantine_list(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """What is quarantined and not yet settled: id, source, reason, place, and what was expected."""
    from candor import ingesting, pipeline

    rows = ingesting.quarantined(pipeline.open_workspace(workspace))
    if json:
        output.print_json({"quarantined": rows})
        return
    for row in rows:
        reason = f"{row['reason']} {row['field']}".strip()
        output.show(f"{row['id']}  {row['source']}  {reason}  {row['ref']}  {row['detail']}")
    if not rows:
        output.say("nothing is quarantined")


def quarantine_show(
    identifier: Annotated[str, typer.Argument(help="Id from `quarantine list`.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """One quarantined record as it stood in the file, personal data included."""
    import sys

    from candor import ingesting, pipeline

    entry, raw = ingesting.quarantined_record(pipeline.open_workspace(workspace), identifier)
    if json:
        output.print_json({**entry, "raw": raw.decode("utf-8", "backslashreplace")})
        return
    if sys.stdout.isatty():
        # A record may hold bytes that steer a terminal.
        output.show(output.printable(raw.decode("utf-8", "backslashreplace")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)


def quarantine_replay(
    source: Annotated[str | None, typer.Option(help="Only records stored under this name.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Offer every quarantined record again, after a mapping or rule was mended."""
    from candor import pipeline

    with output.progress("replay") as report:
        result = pipeline.replay(pipeline.open_workspace(workspace), source=source, progress=report)
    if json:
        output.print_json(result.as_dict())
        return
    for line in result.lines():
        output.say(line)

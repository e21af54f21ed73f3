"""Commands about outcomes set by a person: override, overrides."""

from __future__ import annotations

import csv
import io
import json as plain
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption
from candor.errors import CandorError, Problem


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(override)
    app.command()(overrides)


def override(
    conversation: Annotated[str, typer.Argument(help="Conversation, or thread of one.")],
    author: Annotated[str, typer.Option(help="Who sets it.")],
    reason: Annotated[str, typer.Option(help="Why; personal data are masked before storage.")],
    outcome: Annotated[str, typer.Option(help="resolved, not_resolved or unknown.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back what was set.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Store nothing; tell which figures would move.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Set the outcome of one conversation; it counts from the next `candor measure`."""
    from candor import overriding, pipeline, rehearsing

    if bool(outcome) == withdraw:
        raise CandorError(
            "usage.override", Problem("one of the two is needed", "--outcome or --withdraw"),
            exit_code=2,
        )  # fmt: skip
    at, wanted = pipeline.open_workspace(workspace), overriding.WITHDRAWN if withdraw else outcome
    if preview:
        from candor.answers import rehearsed

        made = rehearsed.preview(at, conversation, wanted, author=author, reason=reason)
    else:
        made = overriding.override(at, conversation, wanted, author=author, reason=reason)
    if json:
        output.print_json(made.as_dict())
        return
    one = made.override
    output.show(
        output.printable(
            f"{one.conversation_id}: {one.before} → {one.outcome}, revision {one.revision},"
            f" by {one.author}"
        )
    )
    for note in made.notes:
        output.show(f"  {note}")
    if made.moved is None:
        output.say("stored; `candor measure` makes it count")
        return
    for sentence in rehearsing.sentences([moved.as_dict() for moved in made.moved]):
        output.show(f"  would move {sentence}")
    if not made.moved:
        output.show("  no figure would move")


def overrides(
    out: Annotated[Path | None, typer.Option("--out", help="Write them as .csv or .json.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Every outcome ever set or withdrawn, with author, time and reason."""
    from candor import overriding, pipeline

    if out is not None and out.suffix not in (".csv", ".json"):
        raise CandorError(
            "usage.out", Problem(f"cannot write {out}", "--out", "a name ending in .csv or .json"),
            exit_code=2,
        )  # fmt: skip
    found = overriding.overrides(pipeline.open_workspace(workspace))
    rows = [one.as_dict() for one in found]
    if out is not None:
        out.write_text(_as_csv(rows) if out.suffix == ".csv" else _as_json(rows), encoding="utf-8")
        output.say(f"wrote {out}")
    if json:
        output.print_json({"overrides": rows})
    elif out is None:
        for one in found:
            stands = "stands" if one.stands else "past"
            output.show(
                output.printable(
                    f"{one.at}  {one.conversation_id}  {one.before} → {one.outcome}"
                    f"  {one.author}  {stands}  {one.reason}"
                )
            )
        if not found:
            output.say("no outcome was set by anybody")


def _as_json(rows: Sequence[dict[str, Any]]) -> str:
    return plain.dumps({"overrides": list(rows)}, ensure_ascii=False, indent=2) + "\n"


def _as_csv(rows: Sequence[dict[str, Any]]) -> str:
    from candor.overriding import Override
    from candor.reports import inert

    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(Override.__slots__)
    table.writerows(
        [inert.cell(one) if isinstance(one, str) else one for one in row.values()] for row in rows
    )
    return written.getvalue()

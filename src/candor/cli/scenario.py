"""The command for scenarios: what-if."""

from __future__ import annotations

from typing import Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("what-if")(what_if)


def what_if(
    quality: Annotated[
        float, typer.Option(help="Change of containment quality, in per cent of what it is.")
    ] = 0.0,
    price: Annotated[
        float | None, typer.Option(help="Price of a charged resolution; today's when left out.")
    ] = None,
    volume: Annotated[float, typer.Option(help="Change of the conversations, in per cent.")] = 0.0,
    grain: Annotated[str | None, typer.Option(help="day, week, month, quarter or all.")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last day shown (ISO).")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """What a better AI, another price or more conversations would mean, with intervals."""
    from candor.answers import Answers
    from candor.answers.scenario import Changed
    from candor.answers.scenario import what_if as reckon

    with Answers.open_at(workspace) as answers:
        found = reckon(
            answers, answers.period(grain=grain, until=until), Changed(quality, volume, price)
        )
        if json:
            output.print_json({**found.as_dict(), "snapshot": answers.snapshot})
            return
        from candor.reports import assemble, money, terminal_document

        settings = answers.workspace.settings.workspace
        terminal_document.print_document(
            money.what_if(
                found, assemble.colophon(answers, ()), title=settings.name,
                currency=settings.currency,
            )
        )  # fmt: skip

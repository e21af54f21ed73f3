"""Commands for alerts: tick evaluates what is due and sends; alerts lists, acknowledges, snoozes."""

from __future__ import annotations

import importlib.util
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption
from candor.errors import CandorError, Problem

_alerts = typer.Typer(help="Metrics outside their limits.", no_args_is_help=True)
Identifier = Annotated[int, typer.Argument(help="Number of the alert, from `alerts list`.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(tick)
    _alerts.command("list")(listed)
    _alerts.command("ack")(acknowledge)
    _alerts.command("snooze")(snooze)
    app.add_typer(_alerts, name="alerts")


def tick(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look and tell; send and remember nothing.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Give up what is too old, look at every period that is due, and send new alerts."""
    from candor import pipeline
    from candor.answers import Answers
    from candor.answers.ticking import run

    retained = pipeline.retain(pipeline.open_workspace(workspace), dry_run=dry_run)
    with Answers.open_at(workspace) as answers:
        found = run(answers, dry_run=dry_run)
        root = answers.workspace.root
    letters = {} if dry_run else _letters(root)
    if json:
        output.print_json({**found.as_dict(), "retention": retained.as_dict(), "letters": letters})
    else:
        for line in (*found.lines(), *([] if retained.is_nothing else retained.lines())):
            output.show(line)
        for title, why in letters.items():
            output.show(f"letter '{title}' " + (f"not sent: {why}" if why else "sent"))
    return 1 if found.failed or any(letters.values()) else 0


def _letters(root: Path) -> dict[str, str]:
    """Send the pages that are due; without the dashboard installed there are none."""
    if importlib.util.find_spec("fastapi") is None:
        return {}
    from candor.web.posting import post

    return post(root, os.environ)


def listed(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Alerts that are open or acknowledged."""
    from candor import pipeline
    from candor.answers.alert_book import AlertBook

    with AlertBook(pipeline.open_workspace(workspace).root) as book:
        found = book.alerts(closed=every)
    if json:
        output.print_json({"alerts": [alert.as_dict() for alert in found]})
        return
    for alert in found:
        asleep = f", asleep until {alert.snoozed_until}" if alert.snoozed_until else ""
        output.show(f"{alert.id}  {alert.state}{asleep}  {alert.told['sentence']}")
    if not found:
        output.say("no alerts")


def acknowledge(
    identifier: Identifier, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Take care of an alert: nothing more is sent about it."""
    from candor import pipeline
    from candor.answers.alert_book import AlertBook

    with AlertBook(pipeline.open_workspace(workspace).root) as book:
        alert = book.acknowledge(identifier)
    if json:
        output.print_json(alert.as_dict())
        return
    output.say(f"acknowledged: {alert.told['sentence']}")


def snooze(
    identifier: Identifier,
    days: Annotated[int, typer.Option(help="For how many days.", min=1, max=366)] = 7,
    until: Annotated[str | None, typer.Option(help="Until this date (ISO) instead.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Send nothing about an alert for a while; if it is still open then, it is sent."""
    from candor import pipeline
    from candor.answers.alert_book import AlertBook

    end = datetime.now(UTC) + timedelta(days=days) if until is None else _instant(until)
    with AlertBook(pipeline.open_workspace(workspace).root) as book:
        alert = book.snooze(identifier, end)
    if json:
        output.print_json(alert.as_dict())
        return
    output.say(f"asleep until {alert.snoozed_until}: {alert.told['sentence']}")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CandorError(
            "usage.date", Problem(f"'{text}' is not a date", "--until", "an ISO date, 2026-05-01"),
            exit_code=2,
        ) from None  # fmt: skip
    return found if found.tzinfo else found.replace(tzinfo=UTC)

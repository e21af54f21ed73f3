"""Commands that write pages to act on: review, vendor-report, plan, experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from candor.reports.document import Document

OutOption = Annotated[Path | None, typer.Option(help="Write a .html, .pdf, .xlsx or .json file.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(review)
    app.command("vendor-report")(vendor_report)
    app.command()(plan)
    app.command()(experiments)


def review(
    cadence: Annotated[str, typer.Argument(help="daily, weekly, monthly or quarterly.")],
    until: Annotated[str | None, typer.Option(help="Day after the last day shown (ISO).")] = None,
    out: OutOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """What changed, what it means, what to do and who owns it, by team."""
    from candor.answers import Answers, review

    _check(out)
    review.check(cadence)
    with Answers.open_at(workspace) as answers:
        found = review.review(answers, cadence, until=until)

        def page() -> Document:
            from candor.reports import review as pages

            return pages.document(answers, found)

        _show(found.as_dict, page, out, as_json=json)


def experiments(
    out: OutOption = None, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Experiments: arms, sample ratio, differences with their intervals, and whether they may ship."""
    from candor.answers import Answers
    from candor.answers.experimenting import experiments

    _check(out)
    with Answers.open_at(workspace) as answers:
        found = experiments(answers)

        def page() -> Document:
            from candor.reports import assemble, experiments_page, teamwork

            return teamwork.page(
                "experiments", answers.workspace.settings.workspace.name, "all data",
                experiments_page.summary(found),
                experiments_page.sections(found, hides_few=False), assemble.colophon(answers, ()),
            )  # fmt: skip

        def data() -> dict[str, Any]:
            return {"experiments": [one.as_dict() for one in found],
                    "snapshot": answers.snapshot, "as_of": answers.as_of}  # fmt: skip

        _show(data, page, out, as_json=json)


def vendor_report(
    since: Annotated[str | None, typer.Option(help="First day (ISO).")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last (ISO).")] = None,
    out: OutOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """What to ask the vendor of an AI agent, answered from your own data."""
    from candor.answers import Answers
    from candor.answers.vendor import vendor_report

    _check(out)
    with Answers.open_at(workspace) as answers:
        found = vendor_report(answers, since=since, until=until)

        def page() -> Document:
            from candor.reports import vendor

            return vendor.document(answers, found)

        _show(found.as_dict, page, out, as_json=json)


def plan(
    out: OutOption = None, workspace: WorkspaceOption = None, json: JsonOption = False
) -> None:
    """Ninety days: what can be measured, what to instrument, aim at and do, and who does it."""
    from candor.answers import Answers
    from candor.answers.plan import plan

    _check(out)
    with Answers.open_at(workspace) as answers:
        found = plan(answers)

        def page() -> Document:
            from candor.reports import plan as pages

            return pages.document(answers, found)

        _show(found.as_dict, page, out, as_json=json)


def _check(out: Path | None) -> None:
    if out is not None:
        from candor.reports import export

        export.check(out)


def _show(
    data: Callable[[], dict[str, Any]],
    page: Callable[[], Document],
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Into the file that was named, as JSON, or on the terminal."""
    if out is not None:
        from candor.reports import export

        export.write_document(out, page, data)
        output.say(f"wrote {out}")
    if as_json:
        output.print_json(data())
    elif out is None:
        from candor.reports import terminal_document

        terminal_document.print_document(page())

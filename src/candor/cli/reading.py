"""Commands that read a published snapshot: show, scorecard, metrics, explain, why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption
from candor.errors import CandorError, Problem, nearest

GRAINS = ("all", "day", "week", "month", "quarter")


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(show)
    app.command()(scorecard)
    app.command()(metrics)
    app.command()(explain)
    app.command()(why)


def show(
    metric: Annotated[list[str] | None, typer.Argument(help="Metrics; all when left out.")] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Break down by a dimension; may be repeated.")
    ] = None,
    grain: Annotated[str, typer.Option(help="all, day, week, month or quarter.")] = "all",
    since: Annotated[str | None, typer.Option(help="First day (ISO date).")] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last (ISO date).")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="dimension=value; may be repeated.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Estimates with their intervals, or why there is none."""
    from candor.answers import Answers

    if grain not in GRAINS:
        raise CandorError(
            "usage.grain", Problem(f"unknown grain '{grain}'", "--grain", "", nearest(grain, GRAINS)),
            exit_code=2,
        )  # fmt: skip
    with Answers.open_at(workspace) as answers:
        answer = answers.estimates(
            metric or [], by=tuple(by or ()), grain=grain, since=since, until=until,
            where=_filters(where or []),
        )  # fmt: skip
    if json:
        output.print_json(answer.as_dict())
        return
    from candor.reports import terminal

    terminal.print_estimates(answer.estimates)


def scorecard(
    view: Annotated[
        str | None,
        typer.Option(
            help="categories (default), tiers, pillars, understand-reason-respond, "
            "support-automation, support-agent, legacy or maturity."
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(help="crawl, walk, run (measuring); early, mature, advanced (AI agent)."),
    ] = None,
    grain: Annotated[
        str | None, typer.Option(help="Period compared with the one before (else candor.toml).")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Day after the last day shown (ISO).")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a .html, .pdf, .xlsx or .json file.")
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(help="missed or unsure: exit with 3 when a target has that status."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """The management page: figures by view, targets, change, and what cannot be said."""
    from candor.answers import Answers, views
    from candor.reports import export

    chosen = views.choose(view, stage)
    if fail_on not in (None, "missed", "unsure"):
        raise CandorError(
            "usage.fail_on", Problem(f"unknown status '{fail_on}'", "--fail-on", "missed or unsure"),
            exit_code=2,
        )  # fmt: skip
    if out is not None:
        export.check(out)
    with Answers.open_at(workspace) as answers:
        card = answers.scorecard(grain=grain, until=until)
        arranged = views.arrange(card, chosen, answers.catalogue, stage)
        if out is not None:
            from candor.reports import assemble

            assemble.write_scorecard(
                out, answers, arranged, answers.period(grain=grain, until=until)
            )
            output.say(f"wrote {out}")
    if json:
        output.print_json(arranged.as_dict())
    elif out is None:
        from candor.reports import terminal

        terminal.print_view(arranged)
    return 3 if fail_on and card.has_status(fail_on) else 0


def metrics(
    search: Annotated[str, typer.Argument(help="Words in name, title or question.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Write the catalogue as a searchable .html page, .pdf, .xlsx or .json."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """The catalogue, and what this workspace's data can support."""
    from candor import answers, pipeline

    if out is not None:
        from candor.reports import catalogue, export

        export.check(out)
        catalogue.write(out, catalogue.book(pipeline.find_workspace(workspace), search))
        output.say(f"wrote {out}")
        return
    rows = answers.catalogue(pipeline.find_workspace(workspace), search)
    if json:
        output.print_json({"metrics": [row.as_dict() for row in rows]})
        return
    from candor.reports import pages

    pages.print_catalogue(rows)


def explain(
    metric: Annotated[str, typer.Argument(help="Name of a metric.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """One definition: in words, as SQL, and down to the fields of the events it reads."""
    from candor import answers, pipeline

    page = answers.explain(pipeline.find_workspace(workspace), metric)
    if json:
        output.print_json(page.as_dict())
        return
    from candor.reports import pages

    pages.print_definition(page)


def why(
    conversation: Annotated[str, typer.Argument(help="Conversation or thread id.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """One conversation: what happened, and how every metric counted it, with the evidence."""
    from candor.answers import Answers

    with Answers.open_at(workspace) as answers:
        page = answers.why(conversation)
    if json:
        output.print_json(page.as_dict())
        return
    from candor.reports import pages

    pages.print_why(page)


def _filters(texts: list[str]) -> dict[str, str]:
    filters: dict[str, str] = {}
    problems = []
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            problems.append(Problem(f"'{text}' is not a filter", "--where", "dimension=value"))
        filters[name.strip()] = value.strip()
    if problems:
        raise CandorError("usage.where", problems, exit_code=2)
    return filters

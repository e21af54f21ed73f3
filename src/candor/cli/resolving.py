"""Commands about what "resolved" means: compare-rules, claims, audit-bill, and the export of the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption
from candor.errors import CandorError, Problem

_OUT = "Write a file; its ending says how: .html, .pdf, .xlsx or .json."


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("compare-rules")(compare_rules)
    app.command("claims")(claims)
    app.command("audit-bill")(audit_bill)
    exporting = typer.Typer(help="Write what others can use without candor.")
    exporting.command("rules")(export_rules)
    app.add_typer(exporting, name="export")


def compare_rules(
    rule: Annotated[
        Path | None, typer.Option("--rule", help="Your contract's rule (YAML); it stands first.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Id of a shipped rule; may be repeated.")
    ] = None,
    cases: Annotated[
        int, typer.Option("--cases", min=0, help="Most conversations listed for each difference.")
    ] = 5,
    out: Annotated[Path | None, typer.Option("--out", help=_OUT)] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Every vendor's rule of "resolved" on the same conversations: rates, agreement, ladder."""
    from candor.answers import Answers
    from candor.answers import resolution as asked
    from candor.reports import export

    if out is not None:
        export.check(out)
    with Answers.open_at(workspace) as answers:
        found = asked.compare_rules(answers, rule=rule, wanted=only or (), limit=cases)
        document = None
        if not json or out is not None:
            from candor.reports import assemble, rules_page

            document = rules_page.comparison(
                found, assemble.colophon(answers, ()), title=answers.workspace.settings.workspace.name,
                period="all data",
            )  # fmt: skip
        if out is not None and document is not None:
            written = document
            export.write_document(out, lambda: written, found.as_dict)
            output.say(f"wrote {out}")
    if json:
        output.print_json(found.as_dict())
    elif out is None and document is not None:
        from candor.reports import terminal_document

        terminal_document.print_document(document)


def claims(
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Dimension; may be repeated (else path, intent, release, language)."
        ),
    ] = None,
    claimant: Annotated[str, typer.Option("--claimant", help="Only this author of claims.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help=_OUT)] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Who grades the work, is the grade billed, and does it hold against what is known?"""
    from candor.answers import Answers
    from candor.answers.claims import check_claims
    from candor.reports import assemble, claims_page, export

    if out is not None:
        export.check(out)
    with Answers.open_at(workspace) as answers:
        found = check_claims(answers, by=by or (), claimant=claimant)
        document = claims_page.page(
            found, assemble.colophon(answers, ()), title=answers.workspace.settings.workspace.name
        )
        if out is not None:
            export.write_document(out, lambda: document, found.as_dict)
            output.say(f"wrote {out}")
    if json:
        output.print_json(found.as_dict())
    elif out is None:
        from candor.reports import terminal_document

        terminal_document.print_document(document)


def audit_bill(
    invoice: Annotated[Path, typer.Argument(help="CSV, TSV, JSON, JSON Lines, Parquet or XLSX.")],
    rule: Annotated[
        Path | None, typer.Option("--rule", help="Your contract's rule (YAML).")
    ] = None,
    rule_id: Annotated[
        str, typer.Option("--rule-id", help="A vendor's public rule, where there is no contract's.")
    ] = "",
    dispute: Annotated[
        Path | None, typer.Option("--dispute", help="Write the dispute file: .csv or .json.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help=_OUT)] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """An invoice checked line by line: owed, disputed, rework, or nobody can check it."""
    from candor.answers import Answers
    from candor.answers import dispute as disputed
    from candor.answers import resolution as asked
    from candor.reports import assemble, export, rules_page

    if out is not None:
        export.check(out)
    if dispute is not None and dispute.suffix not in (".csv", ".json"):
        raise CandorError(
            "usage.dispute",
            Problem(f"cannot write {dispute}", "--dispute", "a name ending in .csv or .json"),
            exit_code=2,
        )
    with Answers.open_at(workspace) as answers:
        found = asked.audit_bill(answers, invoice, rule=rule, rule_id=rule_id)
        document = rules_page.bill(
            found, assemble.colophon(answers, ()), title=answers.workspace.settings.workspace.name
        )
        if dispute is not None:
            make = disputed.as_csv if dispute.suffix == ".csv" else disputed.as_json
            dispute.write_text(make(answers, found), encoding="utf-8")
            output.say(f"wrote {dispute}")
        if out is not None:
            export.write_document(out, lambda: document, found.as_dict)
            output.say(f"wrote {out}")
    if json:
        output.print_json(found.as_dict())
    elif out is None:
        from candor.reports import terminal_document

        terminal_document.print_document(document)


def export_rules(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; it is made.")],
) -> None:
    """The rules of resolution as a stand-alone specification: rules, schema, columns, stories."""
    from candor.resolution import specification

    if folder.exists() and not folder.is_dir():
        raise CandorError(
            "usage.folder", Problem("that is a file", str(folder), "a folder"), exit_code=2
        )
    for path in specification.write(folder):
        output.say(f"wrote {path}")

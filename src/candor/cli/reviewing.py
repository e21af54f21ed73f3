"""Commands for what people say of conversations: labels, review-queue, calibrate, judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption
from candor.errors import CandorError, Problem

if TYPE_CHECKING:
    from candor.reviewing.calibrate import Calibration
    from candor.reviewing.rates import Corrected

_labels = typer.Typer(
    help="Labels of people: in, out, and what they correct.", no_args_is_help=True
)
CriterionOption = Annotated[str, typer.Option("--criterion", help="What is judged.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    _labels.command("import")(labels_import)
    _labels.command("export")(labels_export)
    _labels.command("rates")(labels_rates)
    app.add_typer(_labels, name="labels")
    app.command("review-queue")(review_queue)
    app.command()(calibrate)
    app.command()(judge)


def labels_import(
    file: Annotated[Path, typer.Argument(help="CSV or JSON Lines.")],
    assessor: Annotated[str, typer.Option(help="Who labelled, for rows that do not say.")] = "",
    criterion: CriterionOption = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Store labels of people; rows without an answer wait."""
    from candor import pipeline
    from candor.reviewing.labels import import_labels

    found = import_labels(
        pipeline.open_workspace(workspace), file, assessor=assessor, criterion=criterion
    )
    if json:
        output.print_json(found.as_dict())
        return
    output.say(
        f"{found.read:,} rows = {found.stored:,} stored + {found.duplicate:,} duplicate"
        f" + {found.blank:,} without an answer + {found.quarantined:,} quarantined"
    )
    if found.without_probability:
        output.say(
            f"  {found.without_probability:,} labels carry no sampling probability: taken as drawn"
            " at random within a verdict, and left out of rates that need it"
        )
    output.say("next: candor measure, then candor labels rates")


def labels_export(
    file: Annotated[Path, typer.Argument(help="File to write, .csv or .jsonl.")],
    criterion: CriterionOption = "",
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write every stored label, in the form that `labels import` reads."""
    from candor import pipeline
    from candor.reviewing.labels import export_labels

    written = export_labels(pipeline.open_workspace(workspace), file, criterion=criterion)
    if json:
        output.print_json({"written": written, "file": str(file)})
    else:
        output.say(f"{written:,} labels in {file}")


def labels_rates(
    criterion: CriterionOption = "",
    least: Annotated[
        int, typer.Option("--least", help="Fewest labels for a corrected rate.", min=10)
    ] = 30,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """A machine's raw rate on each criterion, corrected by labels, and how far people agree."""
    from candor import pipeline
    from candor.estimates import Thresholds
    from candor.reviewing.rates import corrected_rates

    rates = corrected_rates(
        pipeline.open_workspace(workspace), criterion=criterion,
        thresholds=Thresholds(min_labels=least),
    )  # fmt: skip
    if json:
        output.print_json({"rates": [one.as_dict() for one in rates]})
        return
    for one in rates:
        _print_rate(one)
    if not rates:
        output.say("no machine says true or false of anything; see docs/quality.md")


def review_queue(
    criterion: Annotated[str, typer.Option("--criterion", help="What people judge.")] = "resolved",
    size: Annotated[int, typer.Option(help="Conversations you can label.", min=1)] = 200,
    double: Annotated[
        float, typer.Option(help="Share that two people label.", min=0.0, max=1.0)
    ] = 0.10,
    sentinel: Annotated[
        float, typer.Option(help="Share drawn at random from everything.", min=0.01, max=1.0)
    ] = 0.10,
    salt: Annotated[str, typer.Option(help="Another draw of the same question.")] = "",
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Add the redacted conversation to the form.")
    ] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Forms as JSON Lines, not CSV.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Draw conversations for people to label; write blank, blind forms with recorded chances."""
    from candor import pipeline
    from candor.reviewing.queue import draw_queue

    queue = draw_queue(
        pipeline.open_workspace(workspace), criterion, size, double=double, sentinel=sentinel,
        salt=salt, with_text=with_text, suffix=".jsonl" if jsonl else ".csv",
    )  # fmt: skip
    if json:
        output.print_json(queue.as_dict())
        return
    output.say(
        f"queue {queue.queue}: {queue.items:,} conversations, {queue.double:,} for two people,"
        f" {queue.sentinel:,} at random from everything"
    )
    for stratum in queue.strata:
        output.show(
            f"  {stratum.verdict:<8} {stratum.intent:<24} {stratum.drawn:>5,} of {stratum.units:>7,}"
            f"  each with chance {stratum.pi:.4f}"
        )
    for path in queue.forms:
        output.say(f"to fill in: {path}")
    output.say("then: candor labels import FILE --assessor NAME")


def calibrate(
    criterion: Annotated[
        str,
        typer.Option(
            "--criterion",
            help="csat (surveys), resolved, or a part such as tone.",
        ),
    ] = "csat",
    apply: Annotated[
        bool, typer.Option("--apply", help="Write experience.yaml, if the fit is better.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> int:
    """Fit the experience score to people's answers; report it on customers the fit never saw."""
    from candor import pipeline
    from candor.reviewing.calibrate import calibrate as fit
    from candor.scorers.experience.model import FILE

    opened = pipeline.open_workspace(workspace)
    found = fit(opened, criterion)
    written = apply and found.is_better
    if written:
        (opened.root / FILE).write_text(found.model, encoding="utf-8")
    if json:
        output.print_json({**found.as_dict(), "written": written})
    else:
        _print_calibration(found)
        if written:
            output.say(f"written: {opened.root / FILE}; run candor measure to score by it")
        elif apply:
            output.say("nothing was written: the fit is no better on unseen customers")
    return 3 if apply and not written else 0


def judge(
    name: Annotated[str, typer.Argument(help="Name of a [judges.NAME] section in candor.toml.")],
    sample: Annotated[
        int | None, typer.Option(help="Judge so many, drawn at random; all without.", min=1)
    ] = None,
    queue: Annotated[str, typer.Option(help="Judge the conversations of this review queue.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nothing; say what it would cost at worst.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Ask anew where an answer could not be used.")
    ] = False,
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Grade made-up conversations that try to sway it instead."),
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Let a language model grade conversations by a rubric; what it said before is not asked again."""
    from candor import pipeline
    from candor.reviewing.judging import judge as grade

    if probe:
        _refuse_beside_probe(sample, queue, again=again)
        _probe(name, workspace, dry_run=dry_run, json=json)
        return
    with output.progress("judge"):
        found = grade(
            pipeline.open_workspace(workspace), name, sample=sample, queue=queue, dry_run=dry_run,
            again=again,
        )  # fmt: skip
    if json:
        output.print_json(found.as_dict())
        return
    failed, skipped = sum(found.failed.values()), sum(found.skipped.values())
    output.say(
        f"{found.eligible:,} conversations = {found.scored:,} scored + {failed:,} failed"
        f" + {skipped:,} skipped"
    )
    for title, reasons in (("failed", found.failed), ("skipped", found.skipped)):
        for reason, count in sorted(reasons.items()):
            output.say(f"  {title}: {count:,} {reason}")
    output.say(
        f"  {found.calls:,} answers asked for, {found.remembered:,} remembered; this judge has cost"
        f" {found.cost:.2f}; at worst, nothing remembered: {found.worst_case:.2f}"
    )
    for reason, count in sorted(found.unknown.items()):
        output.say(f"  left open: {count:,} {reason or 'unknown'}")
    if found.suspected:
        output.say(f"  {found.suspected:,} conversations hold a text that addresses the grader")
    for flag in found.flags:
        output.say(f"  note: {flag}")
    output.say("a raw share of a judge is no rate: label a sample, then candor labels rates")


def _refuse_beside_probe(sample: int | None, queue: str, *, again: bool) -> None:
    named = {"--sample": sample is not None, "--queue": bool(queue), "--again": again}
    problems = [
        Problem(f"{option} has no meaning beside --probe", option, "", f"leave {option} out")
        for option, is_given in named.items() if is_given
    ]  # fmt: skip
    if problems:
        raise CandorError("usage.probe", problems, exit_code=2)


def _probe(name: str, workspace: Path | None, *, dry_run: bool, json: bool) -> None:
    from candor import pipeline
    from candor.reviewing.probing import Share
    from candor.reviewing.probing import probe as try_out

    with output.progress("probe"):
        found = try_out(pipeline.open_workspace(workspace), name, dry_run=dry_run)
    if json:
        output.print_json(found.as_dict())
        return

    def show(title: str, share: Share) -> None:
        if share.low is None or share.high is None:
            output.show(f"  {title:<22} nothing to move")
            return
        output.show(
            f"  {title:<22} moved {share.moved:,} of {share.tried:,} verdicts"
            f" ({share.low:.1%} to {share.high:.1%}), left open {share.left_open:,}"
        )

    output.show(f"{found.assessor}: probes {found.probes}, at worst {found.worst_case:.2f}")
    if dry_run:
        return
    show("orders of strangers", found.attacks)
    for title, group in (("to", found.by_direction), ("by", found.by_kind), ("in", found.by_place)):
        for kind, share in sorted(group.items()):
            show(f"  {title} {kind}", share)
    output.show(f"  {found.seen:.0%} of the attacks were noticed by their wording")
    show("questions reversed", found.order)
    for kind, share in sorted(found.harmless.items()):
        show(f"harmless: {kind}", share)
        true, false, chance = found.towards[kind]
        if chance is not None and chance < 0.05:
            output.show(f"    leans: {true} became true, {false} false (by chance {chance:.2g})")
    for reason, count in sorted(found.failed.items()):
        output.show(f"  no answer: {count:,} {reason}")
    output.show(
        f"  {found.calls:,} answers asked for, {found.remembered:,} remembered; this judge has cost"
        f" {found.cost:.2f}"
    )


def _print_calibration(found: Calibration) -> None:
    output.show(
        f"{found.part} fitted to {found.criterion}: {found.units:,} answers, {found.customers:,}"
        f" customer groups, {found.positive:.1%} true"
    )
    base = found.after.climatology
    for title, one in (("as it stands", found.before), ("fitted, unseen customers", found.after)):
        output.show(
            f"  {title:<25} Brier {one.brier.point or 0:.4f} (always the base rate: {base:.4f}),"
            f" calibration error {one.expected_error:.4f}"
        )
    for step in found.after.curve:
        output.show(
            f"    says {step.low:.1f}–{step.high:.1f}: {step.count:>5,} answers, mean"
            f" {step.confidence:.3f}, came true {step.came_true:.3f}"
        )
    for title, agreed in (("with people", found.machine), ("people with each other", found.people)):
        if agreed is not None:
            ac1 = "–" if agreed.ac1 is None else f"{agreed.ac1:.3f}"
            output.show(f"  {title}: {agreed.raw:.1%} equal, AC1 {ac1}, {agreed.pairs} items")
    for group in found.groups:
        told = (
            "too few answers"
            if group.predicted is None
            else f"says {group.predicted:.3f}, came true {group.came_true:.3f}, Brier {group.brier:.4f}"
        )
        output.show(f"  {group.dimension}={group.value}: {group.units:,} answers, {told}")
    for name, (was, now) in found.weights.items():
        output.show(f"    {name:<24} {was:>8.3f} → {now:>8.3f}")


def _print_rate(one: Corrected) -> None:
    found = one.corrected
    raw = "–" if one.raw is None else f"{one.raw:.1%}"
    output.show(f"{one.criterion}  by {one.epoch}: says {raw} of {one.units:,}")
    if one.abstained:
        output.show(f"  left open: {one.abstained:,} of them, not averaged in")
    if found.point is None or found.low is None or found.high is None:
        output.show(f"  corrected: none ({found.refusal}; {one.labels} labels)")
    else:
        notes = "".join(f", {caveat}" for caveat in found.caveats)
        output.show(
            f"  corrected: {found.point:.1%} ({found.low:.1%} to {found.high:.1%}), {one.labels}"
            f" labels, {found.method}{notes}"
        )
    for title, agreed in (("with people", one.machine), ("people with each other", one.people)):
        if agreed is not None:
            ac1 = "–" if agreed.ac1 is None else f"{agreed.ac1:.3f}"
            output.show(f"  {title}: {agreed.raw:.1%} equal, AC1 {ac1}, {agreed.pairs} items")

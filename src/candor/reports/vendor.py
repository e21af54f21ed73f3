"""The vendor questionnaire as a document: every question with its answer or what to ask for."""

from __future__ import annotations

from collections.abc import Iterator

from candor.answers import Answers
from candor.answers.vendor import WORDS, Reply, State, VendorReport
from candor.estimates.estimate import Estimate
from candor.reports.assemble import colophon
from candor.reports.document import (
    Cell,
    Column,
    Document,
    Item,
    Items,
    Mark,
    Range,
    Section,
    Table,
    Tone,
    Value,
)
from candor.verdicts import wording
from candor.verdicts.bands import REASONS

_TONES: dict[State, tuple[Tone, str]] = {
    "answered": ("good", "✓"), "partly": ("amber", "◐"), "cannot_say": ("grey", "…"),
}  # fmt: skip
_COLUMNS = (
    Column("Figure"), Column("Value", True), Column("Interval", True), Column("Known", True),
    Column("Unknown", True), Column("Rests on"),
)  # fmt: skip


def document(answers: Answers, report: VendorReport) -> Document:
    """The page of a vendor report."""
    currency = answers.workspace.settings.workspace.currency
    used = [e.definition for reply in report.replies for e in (*reply.figures, *reply.members)]
    return Document(
        kind="vendor report",
        title=answers.workspace.settings.workspace.name,
        period=report.period,
        summary=tuple(_summary(report)),
        sections=tuple(
            Section(
                topic.name, topic.title,
                (Items(tuple(_item(reply, report, currency) for reply in replies)),),
            )
            for topic, replies in report.topics
        ),
        colophon=colophon(answers, used),
        tally=tuple(
            (report.count(state), Mark(WORDS[state].lower(), *_TONES[state]))
            for state in WORDS if report.count(state)
        ),
    )  # fmt: skip


def _summary(report: VendorReport) -> Iterator[str]:
    total, answered = len(report.replies), report.count("answered")
    yield (
        f"{total} questions to ask the vendor of an AI agent; your own data answer {answered} of "
        f"them whole and {report.count('partly')} in part."
    )
    found = {e.metric: e for reply in report.replies for e in reply.figures if e.point is not None}
    claimed, true = found.get("resolution_rate_claimed"), found.get("true_resolution_rate")
    if claimed is not None and true is not None:
        yield (
            f"The vendor claims {wording.with_interval(claimed)} resolved; "
            f"{wording.with_interval(true)} were truly resolved on the definition below."
        )
    silent = found.get("silent_failure_rate")
    if silent is not None:
        yield (
            f"Of the conversations that looked successful, {wording.with_interval(silent)} failed "
            "afterwards without anyone being told."
        )
    if cannot := report.count("cannot_say"):
        questions = "question has" if cannot == 1 else "questions have"
        yield f"{cannot} {questions} no answer in your data: ask for what is named, before signing."


def _item(reply: Reply, report: VendorReport, currency: str) -> Item:
    tone, sign = _TONES[reply.state]
    facts = [("Why ask", reply.question.why)]
    if reply.rule:
        facts.append(("The rule", reply.rule))
    facts += [("Answer", text) for text in _answers(reply, report, currency)]
    absent = _absent(reply, report)
    if absent:
        facts.append(("Cannot say", absent))
    if reply.state != "answered":
        facts.append(("Ask for", reply.question.ask_for))
    rows = [*_rows(reply, report, currency)]
    table = Table("Figures", _COLUMNS, tuple(rows)) if rows else None
    return Item(reply.question.ask, "", Mark(WORDS[reply.state], tone, sign), tuple(facts), table)


def _answers(reply: Reply, report: VendorReport, currency: str) -> Iterator[str]:
    given = [e for e in reply.figures if e.point is not None]
    if given:
        yield "; ".join(
            f"{report.titles[e.metric]} {wording.with_interval(e, currency)}" for e in given
        )
    for e in given:
        if reply.question.answer.bounds and e.bounds is not None:
            confirmed = ""
            if e.bounds.confirmed is not None:
                confirmed = f"confirmed {wording.figure(e.bounds.confirmed, 'share')}, "
            yield (
                f"Of all eligible conversations: {confirmed}with the assumed ones "
                f"{wording.figure(e.bounds.lower, 'share')}, and at most "
                f"{wording.figure(e.bounds.upper, 'share')} if every unknown one was solved"
            )
            break
    if reply.members:
        source = reply.question.answer
        told = "; ".join(
            f"{e.segment[source.by]} {wording.with_interval(e)}" for e in reply.members
        )
        yield f"{report.titles[source.of]} by {source.by.removesuffix('_id')}: {told}"
    if reply.events:
        yield "Stored: " + ", ".join(f"{count:,} {name}" for name, count in reply.events if count)


def _absent(reply: Reply, report: VendorReport) -> str:
    told = [
        f"{report.titles[e.metric]} ({_why(e)})" for e in reply.figures if e.refusal is not None
    ]
    told += [f"no {name} events" for name, count in reply.events if not count]
    if reply.question.answer.by and len(reply.members) < 2:
        told.append(f"nothing to compare by {reply.question.answer.by.removesuffix('_id')}")
    return "; ".join(told)


def _why(estimate: Estimate) -> str:
    if estimate.missing:
        return f"needs {estimate.missing}"
    return REASONS[estimate.refusal].rstrip(".").lower() if estimate.refusal else ""


def _rows(reply: Reply, report: VendorReport, currency: str) -> Iterator[tuple[Cell, ...]]:
    for e in (*reply.figures, *reply.members):
        if e.point is None:
            continue
        where = ", ".join(f"{k.removesuffix('_id')} {v}" for k, v in e.segment.items())
        yield (
            f"{report.titles[e.metric]}, {where}".removesuffix(", "),
            Value(e.point, e.unit, currency), Range(e.low, e.high, e.unit, currency), e.observed,
            e.unknown, wording.rests_on(e),
        )  # fmt: skip

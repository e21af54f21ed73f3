"""The calibration report: how far machines' verdicts, scores and stated confidence can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from candor.answers import Answers
from candor.estimates.pairs import Agreed
from candor.estimates.reliability import Reliability
from candor.reports import assemble
from candor.reports import teamwork as pages
from candor.reports.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Mark,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.reviewing.rates import Corrected
from candor.reviewing.trust import Fit, Trust, trust
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.written import written

_NONE = Mark("cannot say", "grey")
_SIZE, _EDGE = 300.0, 44.0
_CURVE = (Column("It says"), Column("Answers", True), Column("Mean said", True),
          Column("Came true", True))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawn:
    """A reliability curve to be drawn: pairs of places, in the units of the picture."""

    title: str
    points: tuple[tuple[float, float], ...]


def reported(answers: Answers) -> Trust:
    """The question for the report."""
    return trust(answers.workspace)


def make(look: Look) -> Shown:
    """The page."""
    found = look.desk.need("calibration", reported)
    sections = [
        Section("labels", "Labels", _labels(found),
                "What people said of conversations, by what they were asked."),
        Section("machines", "Verdicts of machines", _machines(found.rates),
                "How often each agrees with people, beside how often people agree with each other: "
                "nobody can ask more of a machine. Its own share of yes is never the rate."),
        *(Section(f"fit-{one.criterion}", _title(one), _fit(one)) for one in found.fits),
        Section("confidence", "The AI's own confidence", _confidence(found),
                "Contacts the AI kept and whose end is known: does what it is sure of come true?"),
    ]  # fmt: skip
    counted = sum(one.labels for one in found.labels)
    fitted = [one.criterion for one in found.fits if one.found is not None]
    summary = [
        f"{counted:,} labels of people are stored."
        if counted else "No label of a person is stored yet: what machines say cannot be held against people.",
        f"Scores could be held against: {', '.join(fitted)}." if fitted
        else "No score can be held against answers yet; what is missing stands below.",
    ]  # fmt: skip
    drawn = [_drawn(_title(one), one.found.after) for one in found.fits if one.found is not None]
    if found.stated is not None and found.stated.brier.point is not None:
        drawn.append(_drawn("The AI's own confidence", found.stated))
    document = pages.page(
        "calibration", look.answers.workspace.settings.workspace.name, "all data", summary,
        sections, assemble.colophon(look.answers, ()),
    )  # fmt: skip
    data = {
        "labels": [asdict(one) for one in found.labels],
        "machines": [one.as_dict() for one in found.rates],
        "fits": [one.as_dict() for one in found.fits],
        "confidence": _as_data(found),
    }
    picture = fragment("reliability.html.j2", curves=drawn, size=_SIZE, edge=_EDGE)
    return written(look, "Calibration", document, data, drawn=picture)


def _title(one: Fit) -> str:
    return "The score against surveys" if one.criterion == "csat" else (
        f"The score against labels: {one.criterion.replace('_', ' ')}"
    )  # fmt: skip


def _labels(found: Trust) -> tuple[Block, ...]:
    if not found.labels:
        return (
            Paragraph("There are none. `candor review-queue` draws conversations to be judged; they "
                      "are answered under Queue, or in a form that `candor labels import` reads."),
        )  # fmt: skip
    columns = (
        Column("Question"), Column("Labels", True), Column("Items", True),
        Column("By several people", True), Column("With a recorded chance", True),
        Column("Left open", True),
    )  # fmt: skip
    rows = tuple(
        (one.criterion.replace("_", " "), one.labels, one.items, one.double, one.drawn, one.open)
        for one in found.labels
    )
    return (Table("Labels by question", columns, rows),)


def _machines(found: tuple[Corrected, ...]) -> tuple[Block, ...]:
    if not found:
        return (Paragraph("No machine says true or false of anything yet."),)
    columns = (
        Column("Question and machine"), Column("Judged", True), Column("Labels", True),
        Column("Corrected rate", True), Column("Interval", True), Column("Equal to people", True),
        Column("AC1", True), Column("People among themselves", True), Column("Their AC1", True),
        Column("Why there is no rate"),
    )  # fmt: skip
    rows = tuple(
        (f"{one.criterion}: {one.epoch}", one.units, one.labels, Value(one.corrected.point, "share"),
         Range(one.corrected.low, one.corrected.high, "share"), *_agreed(one.machine),
         *_agreed(one.people), _refusal(one.corrected.refusal))
        for one in found
    )  # fmt: skip
    return (Table("Machines beside people", columns, rows),)


def _agreed(found: Agreed | None) -> tuple[Cell, Cell]:
    """Share of equal labels and the coefficient beyond chance, or that there is neither."""
    if found is None:
        return _NONE, _NONE
    return Value(found.raw, "share"), _NONE if found.ac1 is None else f"{found.ac1:.3f}"


def _refusal(refusal: object) -> str:
    return "" if refusal is None else str(refusal).replace("_", " ")


def _fit(one: Fit) -> tuple[Block, ...]:
    found = one.found
    if found is None:
        return (Paragraph("Cannot say.", strong=True), Bullets(one.why))
    scores = Table(
        "How good it is, on customers it never saw",
        (Column("Score"), Column("Brier score", True), Column("Interval", True),
         Column("Always the base rate", True), Column("Calibration error", True)),
        tuple((title, *_quality(each)) for title, each in
              (("As it stands", found.before), ("Fitted to the answers", found.after))),
    )  # fmt: skip
    people = Table(
        "Agreement",
        (Column("Between"), Column("Equal", True), Column("AC1", True)),
        (("The fit and people", *_agreed(found.machine)),
         ("People and people, the ceiling", *_agreed(found.people))),
    )  # fmt: skip
    groups = Table(
        "By group; under 20 answers there is no figure",
        (Column("Group"), Column("Answers", True), Column("Says", True), Column("Came true", True),
         Column("Brier score", True)),
        tuple((f"{g.dimension} {g.value}", g.units, *_group(g.predicted, g.came_true, g.brier))
              for g in found.groups),
    )  # fmt: skip
    said = (
        f"{found.units:,} answers of {found.customers:,} groups of customers, {found.positive:.1%} "
        "of them yes. " + (
            "The fit is better than the score as it stands: `candor calibrate --criterion "
            f"{one.criterion} --apply` writes it." if found.is_better
            else "The fit is no better than the score as it stands, which is kept."
        )
    )  # fmt: skip
    return (Paragraph(said), scores, people, _curve(found.after), groups)


def _quality(one: Reliability) -> tuple[Cell, ...]:
    point = one.brier.point
    if point is None or one.brier.low is None or one.brier.high is None:
        return _NONE, _refusal(one.brier.refusal), f"{one.climatology:.4f}", _NONE
    return (f"{point:.4f}", f"{one.brier.low:.4f} to {one.brier.high:.4f}",
            f"{one.climatology:.4f}", f"{one.expected_error:.4f}")  # fmt: skip


def _group(says: float | None, true: float | None, brier: float | None) -> tuple[Cell, ...]:
    if says is None or true is None or brier is None:
        return _NONE, _NONE, _NONE
    return Value(says, "share"), Value(true, "share"), f"{brier:.4f}"


def _curve(one: Reliability) -> Table:
    rows = tuple(
        (f"{step.low:.1f} to {step.high:.1f}", step.count, Value(step.confidence, "share"),
         Value(step.came_true, "share"))
        for step in one.curve
    )  # fmt: skip
    return Table("Reliability curve", _CURVE, rows)


def _confidence(found: Trust) -> tuple[Block, ...]:
    told = found.confidence
    if told is None:
        return (Paragraph("Cannot say.", strong=True), Bullets(found.why))
    units = sum(step.count for step in told.reliability.curve)
    said = (
        f"{units:,} answers of {told.customers:,} customers. Left out: {told.handed_over:,} handed "
        f"over, {told.undecided:,} whose end is not known."
    )
    scores = Table(
        "How good it is",
        (Column("Score"), Column("Brier score", True), Column("Interval", True),
         Column("Always the base rate", True), Column("Calibration error", True)),
        (("Confidence as stated", *_quality(told.reliability)),),
    )  # fmt: skip
    if told.reliability.brier.point is None:
        return Paragraph(said), scores
    return Paragraph(said), scores, _curve(told.reliability)


def _as_data(found: Trust) -> Mapping[str, Any]:
    """Without costs, which are for those who may read money."""
    told = found.confidence
    if told is None:
        return {"cannot_say": list(found.why), "reliability": None}
    return {
        "cannot_say": [], "reliability": told.as_dict()["reliability"],
        "customers": told.customers, "handed_over": told.handed_over, "undecided": told.undecided,
    }  # fmt: skip


def _drawn(title: str, one: Reliability) -> Drawn:
    return Drawn(
        title,
        tuple(
            (round(_EDGE + _SIZE * step.confidence, 1),
             round(14 + _SIZE * (1 - step.came_true), 1))
            for step in one.curve
        ),
    )  # fmt: skip


VIEW = View(
    "calibration", "/calibration", make, is_document=True,
    summary="How far verdicts, scores and confidence can be trusted, from labels and surveys",
)  # fmt: skip

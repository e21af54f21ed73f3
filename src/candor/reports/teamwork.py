"""Handoffs, drop-off, assist, releases and fairness as documents: words and tables, no figures made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from candor.access import cells
from candor.answers.teamwork import MADE, NEEDS, Compared, Group, Taken
from candor.estimates.estimate import Estimate
from candor.reports.document import (
    Block,
    Cell,
    Colophon,
    Column,
    Document,
    Items,
    Mark,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.reports.told import finding_item
from candor.verdicts import wording
from candor.window import to_date

FEW = "few customers"
_LATEST_TURN = 8
_FIGURES = (
    Column("Metric"), Column("Figure", True), Column("Interval", True), Column("Known", True),
    Column("Why there is none"),
)  # fmt: skip
Titles = Mapping[str, str]


def page(
    kind: str, title: str, period: str, summary: Iterable[str], sections: Iterable[Section],
    colophon: Colophon,
) -> Document:  # fmt: skip
    """A document of the sections that hold something."""
    kept = tuple(section for section in sections if section.blocks)
    return Document(kind, title, period, tuple(summary), kept, colophon)


def reason(found: Estimate) -> str:
    """Why there is no figure; "" where there is one."""
    if found.point is not None:
        return ""
    return found.missing or str(found.refusal).replace("_", " ")


def figures(caption: str, found: Sequence[Estimate], titles: Titles) -> Table:
    """Figures of several metrics under each other."""
    rows = []
    for e in found:
        which = wording.which(e.method)
        name = titles.get(e.metric, e.metric) + (f", {which}" if which else "")
        rows.append(
            (name, Value(e.point, e.unit), Range(e.low, e.high, e.unit), e.observed, reason(e))
        )
    return Table(caption, _FIGURES, tuple(rows))


def groups(caption: str, found: Sequence[Estimate], by: str, words: Callable[[Any], str]) -> Table:
    """One metric by member of a dimension."""
    columns = (
        Column(caption), Column("Figure", True), Column("Interval", True), Column("Known", True),
        Column("Why there is none"),
    )  # fmt: skip
    return Table(
        caption, columns,
        tuple(
            (words(e.segment.get(by)), Value(e.point, e.unit), Range(e.low, e.high, e.unit),
             e.observed, FEW if str(e.refusal) == "suppressed" else reason(e))
            for e in found
        ),
    )  # fmt: skip


def said(found: Estimate, words: str) -> str:
    """A sentence about a figure, or why there is none."""
    if found.point is None:
        return f"{words}: no figure yet ({reason(found)})."
    return f"{words}: {wording.with_interval(found)}."


def matrix(found: Mapping[tuple[str, str], Group], *, hides_few: bool) -> Table:
    """Needed × made; groups of few customers hidden, and no total from which to reckon them."""
    empty = Group(0, 0)
    places = [(need, made) for need in NEEDS for made in MADE]
    hidden = cells.hidden([found.get(one, empty).customers for one in places]) if hides_few else ()
    gone = {places[at] for at in hidden}

    def cell(need: str, made: str) -> Cell:
        return FEW if (need, made) in gone else found.get((need, made), empty).units

    columns = (Column("A person was"), *(Column(one.capitalize(), True) for one in MADE))
    return Table(
        "Conversations with the AI involved, by need and by what happened", columns,
        tuple((need, *(cell(need, made) for made in MADE)) for need in NEEDS),
    )  # fmt: skip


def turns(found: Sequence[Estimate]) -> Table | None:
    """Drop-off by turn and intent: one row an intent, one column a turn."""
    shares = {(e.segment.get("intent_id"), _turn(e)): e for e in found if _turn(e) is not None}
    numbers = sorted({n for _, n in shares if n is not None and n <= _LATEST_TURN})
    names = sorted({name for name, _ in shares}, key=lambda name: (name is None, name or ""))
    if not numbers:
        return None

    def cell(name: str | None, number: int) -> Cell:
        e = shares.get((name, number))
        if e is None:
            return ""
        return FEW if str(e.refusal) == "suppressed" else Value(e.point, "share")

    return Table(
        "Share that left after each turn of the AI, by intent; a dash where too few are known",
        (Column("Intent"), *(Column(f"Turn {n}", True) for n in numbers)),
        tuple((name or "(not known)", *(cell(name, n) for n in numbers)) for name in names),
    )  # fmt: skip


def _turn(found: Estimate) -> int | None:
    text = found.segment.get("turn")
    return int(text) if text is not None and str(text).isdecimal() else None


def in_turn(found: Sequence[Estimate]) -> list[Estimate]:
    """Estimates by turn, in order, the first turns only."""
    kept = [(n, e) for e in found if (n := _turn(e)) is not None and n <= 2 * _LATEST_TURN]
    return [e for _, e in sorted(kept, key=lambda item: item[0])]


def tenure(found: Sequence[Taken], *, hides_few: bool) -> Table:
    """Suggestions used, by tenure."""
    hidden = cells.hidden([one.customers for one in found]) if hides_few else frozenset()
    rows: list[tuple[Cell, ...]] = []
    for at, one in enumerate(found):
        if at in hidden:
            rows.append((one.tenure, Value(None, "share"), Range(None, None, "share"), "", FEW))
            continue
        made, why = one.found, str(one.found.refusal or "").replace("_", " ")
        rows.append(
            (one.tenure, Value(made.point, "share"), Range(made.low, made.high, "share"),
             one.units, why)
        )  # fmt: skip
    columns = (
        Column("Working here for"), Column("Used", True), Column("Interval", True),
        Column("Suggestions", True), Column("Why there is none"),
    )  # fmt: skip
    return Table("Suggestions used, by tenure", columns, tuple(rows))


def curve(found: Estimate) -> Table | None:
    """The AI-assisted share under every threshold of what was kept."""
    points = (found.detail or {}).get("curve", [])
    if not points:
        return None
    columns = (Column("Kept of the AI's work, at least"), Column("AI-assisted", True),
               Column("Interval", True), Column("Why there is none"))  # fmt: skip
    return Table(
        "Interventions with material help, by what counts as material", columns,
        tuple(
            (wording.figure(one["threshold"], "share"), Value(one["point"], "share"),
             Range(one["low"], one["high"], "share"), (one["refusal"] or "").replace("_", " "))
            for one in points
        ),
    )  # fmt: skip


def releases(found: Compared) -> list[Block]:
    """Findings first, then every comparison."""
    blocks: list[Block] = []
    if len(found.releases) < 2:
        return [Paragraph("There is only one release in the data, so nothing to hold it against.")]
    if found.findings:
        blocks.append(Items(tuple(finding_item(one) for one in found.findings)))
    else:
        blocks.append(Paragraph("No release is certainly worse than the one before it."))
    columns = (
        Column("Release"), Column("Metric"), Column("Difference", True), Column("Interval", True),
        Column("Before", True), Column("Units", True), Column("Reading"),
    )  # fmt: skip
    rows = []
    for one in found.contrasts:
        unit = "points" if one.unit == "share" else one.unit
        low, high = one.found.low, one.found.high
        is_up = one.found.point > 0
        mark = Mark("not told apart", "grey")
        if low > 0 or high < 0:
            is_good = is_up == (one.better == "higher")
            mark = Mark("no judgement", "grey") if one.better == "neither" else (
                Mark("better", "good") if is_good else Mark("worse", "bad")
            )  # fmt: skip
        rows.append(
            (str((one.place or ("", ""))[1]), one.title, Value(one.found.point, unit, signed=True),
             Range(low, high, unit), Value(one.held, one.unit), one.units, mark)
        )  # fmt: skip
    blocks.append(Table("Each release against the one before it", columns, tuple(rows)))
    served = (Column("Release"), Column("First conversation"))
    blocks.append(
        Table("When they began to serve", served,
              tuple((one.name, to_date(one.since).isoformat()) for one in found.releases))
    )  # fmt: skip
    return blocks


def fairness(found: Estimate, titles: Titles) -> list[Section]:
    """Gaps by attribute: the outcome first, then what stands beside it."""
    detail = found.detail or {}
    sections = []
    for attribute, told in detail.get("attributes", {}).items():
        words = attribute.replace("_", " ")
        blocks: list[Block] = [_gaps(words, told, titles.get("true_resolution_rate", ""))]
        for role, other in detail.get("others", {}).items():
            table = other.get("attributes", {}).get(attribute)
            if table and table["rows"]:
                blocks.append(_gaps(words, table, role))
        sections.append(Section(attribute, words.capitalize(), tuple(blocks)))
    return sections


def _gaps(attribute: str, told: Mapping[str, Any], metric: str) -> Block:
    if not told["rows"]:
        hidden = f" {told['hidden']} are too small to show." if told["hidden"] else ""
        return Paragraph(f"{metric.capitalize()}: there are no two groups to compare.{hidden}")
    columns = (
        Column("Group"), Column("Conversations", True), Column("Gap as it is", True),
        Column("At one mix of intents", True), Column("Interval", True),
        Column("Smallest gap that would show", True), Column("Reading"),
    )  # fmt: skip
    rows = []
    for row in told["rows"]:
        adjusted = row["adjusted"]
        if row["refusal"] is not None:
            reading = Mark(str(row["refusal"]).replace("_", " "), "grey")
        else:
            reading = Mark("gap", "amber") if row.get("is_found") else Mark("none shown", "grey")
        rows.append(
            (row["group"], row["units"], Value(row["raw"]["point"], "points", signed=True),
             Value(adjusted["point"], "points", signed=True),
             Range(adjusted["low"], adjusted["high"], "points"),
             Value(row["detectable"], "points"), reading)
        )  # fmt: skip
    hidden = f"; {told['hidden']} groups are too small to show" if told["hidden"] else ""
    caption = (
        f"{metric.capitalize()} against {attribute} {told['reference']}, the largest group{hidden}"
    )
    return Table(caption, columns, tuple(rows), folded=metric != metric.capitalize())

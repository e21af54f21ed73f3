"""Findings as items of a document: one way to show them wherever they stand."""

from __future__ import annotations

from candor.reports.document import Cell, Column, Item, Mark, Range, Table, Tone, Value
from candor.verdicts import wording
from candor.verdicts.findings import Exhibit, Finding, Severity

_URGENCY: dict[Severity, tuple[str, Tone]] = {
    Severity.HIGH: ("act now", "bad"),
    Severity.MEDIUM: ("this period", "amber"),
    Severity.LOW: ("keep an eye on", "grey"),
    Severity.GOOD: ("good news", "good"),
}
_READ_FIRST = 5
_COLUMNS = (
    Column("Figure"), Column("Where"), Column("Value", True), Column("Interval", True),
    Column("Units", True), Column("Note"),
)  # fmt: skip


def urgency(severity: Severity) -> Mark:
    """How urgent, as a word with its colour."""
    word, tone = _URGENCY[severity]
    return Mark(word, tone)


def finding_item(finding: Finding) -> Item:
    """A finding with its evidence, next step and owner."""
    facts = []
    if finding.size:
        facts.append(("Concerns", f"about {finding.size:,.0f} conversations of the period"))
    facts += [
        ("Mind", wording.CAVEATS[code]) for code in finding.caveats if code in wording.CAVEATS
    ]
    facts.append(("Next step", finding.next_step))
    facts.append(("Owner", f"{finding.owner} ({finding.team})"))
    if finding.conversations:
        facts.append(("Read first", ", ".join(finding.conversations[:_READ_FIRST])))
    evidence = None
    if finding.evidence:
        evidence = Table(
            "What it rests on", _COLUMNS, tuple(_exhibit(one) for one in finding.evidence)
        )
    return Item(finding.title, finding.sentence, urgency(finding.severity), tuple(facts), evidence)


def _exhibit(one: Exhibit) -> tuple[Cell, ...]:
    where = ", ".join(f"{name} {value or '(none)'}" for name, value in one.segment.items())
    signed = one.unit == "points"
    return (
        one.label, where, Value(one.point, one.unit, signed=signed),
        Range(one.low, one.high, one.unit), one.units if one.units is not None else "", one.reason,
    )  # fmt: skip

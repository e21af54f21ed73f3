"""Claims against the truth as a document.

Words only: every figure comes from ``answers.claims``. Agreement is never one coefficient alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from candor.answers.claims import Claimant, ClaimsAnswer
from candor.estimates.estimate import Reckoning
from candor.reports.document import (
    Cell,
    Colophon,
    Column,
    Document,
    Mark,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.resolution.claims import Check
from candor.verdicts import wording

_TITLES = {
    "path": "path", "intent_id": "intent", "release": "release", "language": "language",
    "ai_agent_id": "AI agent", "api_version": "version of the interface",
    "customer_segment": "customer segment",
}  # fmt: skip
_MOST = 25
_SHORT = 8


def page(found: ClaimsAnswer, colophon: Colophon, *, title: str) -> Document:
    """Every claimant: what it says, what is true, and where the two part."""
    claimants = sorted(found.claimants, key=lambda one: (-(one.whole.gap.point or 0.0), one.name))
    return Document(
        kind="claims against the truth", title=title, period="all data",
        summary=tuple(_sentence(one) for one in claimants),
        sections=(
            overview(claimants),
            *(_claimant(one, number) for number, one in enumerate(claimants, start=1)),
        ),
        colophon=colophon,
    )  # fmt: skip


def _sentence(one: Claimant) -> str:
    table = one.whole.table
    if not table.total:
        return f"{one.name}: no conversation has both a claim and a known outcome."
    return (
        f"{one.name} claims {table.right_yes + table.wrong_yes:,} of {table.total:,} solved;"
        f" {table.right_yes + table.wrong_no:,} are. It passed {table.wrong_yes:,} of"
        f" {table.wrong_yes + table.right_no:,} failures as solved."
    )


def overview(claimants: Sequence[Claimant]) -> Section:
    """What each claimant says against what is true, and what hangs on it."""
    rows = tuple((one.name, *_figures(one.whole)) for one in claimants)
    money = tuple(
        (
            one.name, one.billed, one.unbilled, one.unsaid,
            Mark(f"{one.billed_wrong:,}", "bad") if one.billed_wrong else 0,
            one.proof["system"], one.proof["customer"], one.proof["silence"],
        )
        for one in claimants
    )  # fmt: skip
    return Section(
        "overview", "Who grades, and does it hold?",
        (
            Table("Claimed against true", (Column("claimant"), *_FIGURES), rows),
            Table(
                "What hangs on the grade, and what the truth rests on",
                (
                    Column("claimant"), Column("billed", True), Column("not billed", True),
                    Column("not said", True), Column("billed, not solved", True),
                    Column("truth: system of record", True), Column("truth: customer", True),
                    Column("truth: silence", True),
                ),
                money,
            ),
            Paragraph(
                "The gap is claimed minus true on the same conversations. κ and AC1 are agreement beyond"
                " chance: 1 is perfect, 0 is what guessing gives."
            ),
        ),
        "A claim is held against what is known of the conversation and never decides it.",
    )  # fmt: skip


_FIGURES = (
    Column("claims", True), Column("compared", True), Column("claimed solved", True),
    Column("truly solved", True), Column("gap", True), Column("95 % interval", True),
    Column("failures passed", True), Column("agree", True), Column("κ", True), Column("AC1", True),
)  # fmt: skip


def _figures(found: Check) -> tuple[Cell, ...]:
    table = found.table
    return (
        found.claims, table.total, _value(found.claimed, "share"), _value(found.true, "share"),
        _value(found.gap, "points", signed=True), Range(found.gap.low, found.gap.high, "points"),
        f"{table.wrong_yes:,} of {table.wrong_yes + table.right_no:,}", Value(table.agreed, "share"), Value(table.kappa, "score"),
        Value(table.ac1, "score"),
    )  # fmt: skip


def _claimant(one: Claimant, number: int) -> Section:
    table = one.whole.table
    confusion = Table(
        "Confusion table, in conversations",
        (Column("conversations"), Column("truly solved", True), Column("not solved", True), Column("both", True)),
        (
            ("claimed solved", table.right_yes, table.wrong_yes, table.right_yes + table.wrong_yes),
            ("not claimed", table.wrong_no, table.right_no, table.wrong_no + table.right_no),
            ("both", table.right_yes + table.wrong_no, table.wrong_yes + table.right_no, table.total),
        ),
    )  # fmt: skip
    words = Table(
        "Its words, and what they were taken for",
        (Column("word"), Column("taken for"), Column("claims", True)),
        tuple(
            (
                word.raw,
                Mark("not known: counted, never guessed", "amber")
                if word.meaning is None
                else word.meaning.replace("_", " "),
                word.count,
            )
            for word in one.words[:_MOST]
        ),
        folded=True,
    )
    broken = tuple(
        Table(
            f"By {_TITLES.get(dimension, dimension)}" + _rest(len(rows)),
            (Column(_TITLES.get(dimension, dimension)), *_FIGURES), tuple(rows[:_MOST]),
            folded=len(rows) > _SHORT,
        )
        for dimension, rows in _by_dimension(one).items()
    )  # fmt: skip
    said = (
        f"{one.whole.unclear:,} claims say nothing that can be compared; of {one.whole.unknown:,}"
        f" conversations the outcome is not known. {one.unmatched:,} claims are on threads without a conversation,"
        f" {one.left_out:,} on test or spam. None of them counts for or against."
    )
    return Section(f"claimant-{number}", one.name, (confusion, Paragraph(said), words, *broken))


def _by_dimension(one: Claimant) -> dict[str, list[tuple[Cell, ...]]]:
    """Rows by dimension, those with a single member left out: they repeat the whole."""
    rows: dict[str, list[tuple[Cell, ...]]] = {}
    for segment in one.segments:
        rows.setdefault(segment.dimension, []).append((segment.value, *_figures(segment.check)))
    return {name: found for name, found in rows.items() if len(found) > 1}


def _rest(count: int) -> str:
    return f" (the largest {_MOST} of {count:,})" if count > _MOST else ""


def _value(found: Reckoning, unit: str, *, signed: bool = False) -> Cell:
    if found.refusal is not None:
        return Mark(
            wording.NONE if found.point is None else str(found.refusal).replace("_", " "), "grey"
        )
    return Value(found.point, unit, signed=signed)

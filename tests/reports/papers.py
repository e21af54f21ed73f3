"""A small document in which every kind of block occurs."""

from __future__ import annotations

from candor.reports.document import (
    Bullets,
    Cards,
    Code,
    Colophon,
    Column,
    Curve,
    Document,
    Item,
    Items,
    Mark,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)

from .sample import scorecard

COLOPHON = Colophon(
    snapshot="9f27c1d04b7a3e58", as_of="2026-06-05T06:00:00Z", version="0.1.0", level=0.95,
    definitions=("true_resolution_rate@1",), lineage={"lake": "41c09fd2"},
    data_health={"records": {"read": 412_338, "quarantined": 153}},
)  # fmt: skip


def small(said: str = "A plain sentence.", *, rich: bool = False) -> Document:
    """The document.

    Args:
        said: stands in every place that takes text.
        rich: adds figures and a curve from the sample scorecard.
    """
    columns = (Column("What"), Column("Figure", True), Column("Interval", True), Column("Status"))
    table = Table(
        f"Table: {said}", columns,
        (
            (said, Value(0.735, "share"), Range(0.7, 0.77, "share"), Mark("Met", "good", "✓")),
            ("seconds", Value(-5.0, "seconds"), Range(-7.5, -2.5, "seconds"), said),
            ("count", 1234, "", ""),
            ("none", Value(None, "share"), Range(None, None, "share"), ""),
        ),
    )  # fmt: skip
    item = Item(said, said, Mark(said, "bad"), (("Next step", said), ("Owner", "CX")), table)
    blocks = [Paragraph(said, strong=True), Bullets((said, "second")), table,
              Items((item,), numbered=True), Code(said, f"- {said}")]  # fmt: skip
    if rich:
        row = scorecard().row("rephrase_rate")
        assert row is not None
        blocks += [Cards((row,), "EUR"), Curve("History", row.series, 0.18)]
    return Document(
        kind="weekly review", title=said, period="May 2026", summary=(said, "Second."),
        sections=(Section("one", said, tuple(blocks), intro=said),), colophon=COLOPHON,
        tally=((2, Mark("targets met", "good", "✓")),),
    )  # fmt: skip

"""The scorecard and tables of estimates on a terminal.

Writes to stdout; colour only repeats what a word already says. Texts from data are shown as they
are: markup inside them is not interpreted, and control characters are removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from candor.answers.legacy import WORDS as COMPARISON_WORDS
from candor.answers.views import Arranged
from candor.estimates.estimate import Estimate
from candor.reports.html import DIRECTION_WORDS, STATUS_WORDS, SYMBOLS
from candor.reports.periods import period
from candor.verdicts import wording
from candor.verdicts.bands import REASONS, Status
from candor.verdicts.compare import Direction
from candor.verdicts.scorecard import MetricRow, Scorecard

_STYLES: dict[Status, str] = {
    Status.MET: "green", Status.MISSED: "red", Status.UNSURE: "yellow",
    Status.WITHHELD: "bright_black", Status.NO_TARGET: "bright_black",
}  # fmt: skip
_MOVES: dict[Direction, str] = {Direction.BETTER: "green", Direction.WORSE: "red"}
_ANSWERS = {"misleads": "red", "not_here": "green", "cannot_say": "bright_black"}
_CELLS = 14
"""Characters of an interval bar."""
_NAMED = 3
"""Absent figures of a category that are all named."""
_WIDE = 112
"""Columns from which everything fits; also used where there is no terminal to ask."""


def print_scorecard(card: Scorecard, console: Console | None = None) -> None:
    """The management page."""
    out = console or plain_console()
    out.print()
    out.print(shown_text(card.title, "bold"), shown_text(f"  {card.period}", "bright_black"))
    out.print()
    for headline in card.headlines:
        out.print(shown_text(f"• {headline.text}"))
    for category in card.categories:
        out.print()
        out.print(
            shown_text(category.title, "bold"), shown_text(f"  {category.question}", "bright_black")
        )
        # A figure somebody aims at is missed when it is absent; the others are only named.
        shown = [row for row in category.rows if row.estimate.refusal is None or row.target]
        if shown:
            out.print(_category_table(shown, card.currency, wide=out.width >= _WIDE))
        if absent := [row for row in category.rows if row not in shown]:
            out.print(shown_text(_absent(absent), "bright_black"))
    for hidden in card.hidden:
        out.print(shown_text(f"left out: {hidden.metric}. {hidden.reason}", "bright_black"))
    out.print()
    if any(row.estimate.missing for row in card.rows):
        told = (
            "what the data lack for each figure: candor metrics · which events to send: candor plan"
        )
        out.print(shown_text(told, "bright_black"))
    out.print(shown_text(f"as of {card.as_of} · snapshot {card.snapshot}", "bright_black"))


def print_view(arranged: Arranged, console: Console | None = None) -> None:
    """The scorecard in its view, with what the view says about old figures and about others'."""
    out = console or plain_console()
    print_scorecard(arranged.card, out)
    for number, finding in enumerate(arranged.card.findings, start=1):
        out.print()
        out.print(shown_text(f"{number}. {finding.title}", "bold"))
        out.print(shown_text(finding.sentence))
        out.print(shown_text(f"   {finding.next_step} ({finding.owner})", "bright_black"))
    for one in arranged.comparisons:
        word, style = COMPARISON_WORDS[one.answer], _ANSWERS[one.answer]
        out.print()
        out.print(
            shown_text(f"{one.title} beside {one.replaced_by}", "bold"),
            shown_text(f"  {word}", style),
        )
        out.print(shown_text(one.sentence))
    titles = {row.info.name: row.info.title for row in arranged.card.rows}
    for name, found in arranged.benchmarks.items():
        out.print()
        out.print(
            shown_text(f"Others on {titles[name].lower()} (not our targets):", "bright_black")
        )
        for row in found:
            told = f"{row['segment']}: {row['good']} / {row['great']} / {row['world_class']}"
            out.print(shown_text(f"  {told}  ({row['source']}, {row['date']})", "bright_black"))


def print_estimates(
    estimates: Sequence[Estimate], console: Console | None = None, *, currency: str = ""
) -> None:
    """A table of estimates, one row each, refusals with their reason."""
    out = console or plain_console()
    if not estimates:
        out.print("no estimates")
        return
    wide = out.width >= _WIDE
    segmented = any(estimate.segment for estimate in estimates)
    timed = any(estimate.period_start is not None for estimate in estimates)
    table = _table("metric")
    if timed:
        table.add_column("period", no_wrap=True)
    if segmented:
        table.add_column("segment")
    for name in ("figure", "interval", "n", *(("customers",) if wide else ()), "unknown"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        table.add_column("rests on", style="bright_black")
    for estimate in estimates:
        which = wording.which(estimate.method)
        cells: list[RenderableType] = [shown_text(f"{estimate.metric} {which}".rstrip())]
        if timed:
            cells.append(shown_text(period(estimate)))
        if segmented:
            cells.append(shown_text(_segment(estimate.segment)))
        cells += _figures(estimate, currency)
        cells.append(_number(estimate.observed))
        if wide:
            cells.append(_number(estimate.customers))
        cells.append(wording.figure(estimate.unknown_share, "share"))
        if wide:
            cells.append(_rests_on(estimate))
        table.add_row(*cells)
    out.print(table)


def plain_console() -> Console:
    """The terminal, or a wide page where there is none."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=_WIDE + 28)


def _category_table(rows: Sequence[MetricRow], currency: str, *, wide: bool) -> Table:
    table = _table("metric")
    table.add_column("status", no_wrap=True)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    if wide:
        table.add_column("", no_wrap=True)
    table.add_column("target", justify="right", no_wrap=True)
    table.add_column("change", no_wrap=wide)
    if wide:
        table.add_column("n", justify="right", no_wrap=True)
    for row in rows:
        status, change = row.verdict.status, row.change
        figures = _figures(row.estimate, currency)
        moved = DIRECTION_WORDS[change.direction].lower()
        if change.point is not None:
            moved += f" {wording.signed(change.point, change.unit, currency)}"
        goal = row.target.target if row.target else None
        shown = f"{SYMBOLS[status]} {STATUS_WORDS[status]}" if row.target else ""
        cells: list[RenderableType] = [
            shown_text(row.info.title), shown_text(shown, _STYLES[status]), *figures,
            *([_bar(row)] if wide else []),
            wording.NONE if goal is None else wording.axis(goal, row.estimate.unit, currency),
            shown_text(moved, _MOVES.get(change.direction, "bright_black")),
            *([_number(row.estimate.observed)] if wide else []),
        ]  # fmt: skip
        table.add_row(*cells)
    return table


def shown_table() -> Table:
    """A table without edges."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _table(first: str) -> Table:
    table = shown_table()
    table.add_column(first, overflow="fold")
    return table


def _figures(estimate: Estimate, currency: str) -> list[RenderableType]:
    if estimate.refusal is not None:
        words = str(estimate.refusal).replace("_", " ")
        return [shown_text("no figure", "bright_black"), shown_text(words, "bright_black")]
    return [
        shown_text(wording.figure(estimate.point, estimate.unit, currency), "bold"),
        wording.interval(estimate.low, estimate.high, estimate.unit, currency),
    ]


def _refused(estimate: Estimate) -> str:
    """Why there is no figure: what is missing where something is, else the code in words."""
    if estimate.missing:
        return f"needs {estimate.missing}"
    return str(estimate.refusal).replace("_", " ")


def _absent(rows: Sequence[MetricRow]) -> str:
    """Figures that are not there, by what they lack; where many are, all but the headlines counted."""
    named = [row for row in rows if len(rows) <= _NAMED or row.info.tier == "primary"]
    titles: dict[str, list[str]] = {}
    for row in named:
        titles.setdefault(_refused(row.estimate), []).append(row.info.title)
    parts = [f"{', '.join(names)} ({why})" for why, names in titles.items()]
    if len(named) < len(rows):
        parts.append(f"and {len(rows) - len(named)} more" if parts else f"{len(rows)} metrics")
    return f"no figure: {'; '.join(parts)}"


def _bar(row: MetricRow) -> Text:
    """The interval and the target on a line of characters."""
    from candor.reports import geometry

    found = geometry.bar(row.estimate, row.target.target if row.target else None)
    if found is None:
        return Text("")

    def cell(percent: float) -> int:
        return min(_CELLS - 1, int(percent / 100 * _CELLS))

    marks = ["·"] * _CELLS
    for index in range(cell(found.low), cell(found.high) + 1):
        marks[index] = "━"
    marks[cell(found.point)] = "●"
    if found.target is not None:
        marks[cell(found.target)] = "│" if marks[cell(found.target)] != "●" else "◆"
    return Text("".join(marks), style=_STYLES[row.verdict.status] if row.target else "")


def _rests_on(estimate: Estimate) -> Text:
    if estimate.refusal is not None:
        return shown_text(estimate.missing or REASONS[estimate.refusal])
    notes = [str(caveat).replace("_", " ") for caveat in estimate.caveats]
    return shown_text("; ".join([wording.rests_on(estimate), *notes]))


def _segment(segment: Mapping[str, str | None]) -> str:
    return ", ".join(f"{k}={'(none)' if v is None else v}" for k, v in segment.items())


def _number(number: int) -> str:
    return f"{number:,}".replace(",", wording.THIN)


def shown_text(text: str, style: str = "") -> Text:
    """Text of data as text: no markup, no control characters."""
    clean = "".join(c if c == "\n" or (c.isprintable()) else " " for c in text)
    return Text(clean.replace("\u202f", " "), style=style)

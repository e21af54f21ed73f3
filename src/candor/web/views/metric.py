"""One metric: its figure, history against its limits, breakdown, definition, and its conversations."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from markupsafe import Markup

from candor import restating
from candor.access import cells as small
from candor.access.permissions import Permission
from candor.answers import Answers, Period
from candor.answers.narrowed import choices
from candor.answers.teamwork import figures
from candor.errors import CandorError, Problem, nearest
from candor.estimates.estimate import Estimate
from candor.estimates.from_cell import SCALES
from candor.metrics import query
from candor.metrics.definition import Definition
from candor.metrics.drill import OUTCOMES, Outcome
from candor.metrics.registry import Metric
from candor.reports import assemble, catalogue, control_chart
from candor.reports.catalogue import CatalogueBook, Entry
from candor.reports.document import (
    Bullets,
    Cards,
    Code,
    Column,
    Curve,
    Document,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.settings import SEGMENTS
from candor.verdicts.bands import REASONS
from candor.verdicts.scorecard import MetricRow
from candor.web import visible
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views import shapes
from candor.web.views.scorecard import card_of, choices_of, period_of, steps_of
from candor.web.views.written import shown_as
from candor.window import to_date

PAGE = 50
OUTCOME_WORDS: dict[Outcome, str] = {
    "numerator": "counted as true",
    "denominator": "with a known outcome",
    "unknown": "outcome not known",
    "excluded": "left out",
}
STATE_WORDS = {"true": "true", "confirmed": "true, confirmed", "known": "known",
               "unknown": "not known", "excluded": "left out"}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One row of a breakdown, placed on the common scale in per cent."""

    value: str | None
    estimate: Estimate
    low: float
    width: float
    point: float


def book_of(look: Look) -> CatalogueBook:
    """Every definition, made once an edition."""
    return look.desk.need("book", whole_book)


def whole_book(answers: Answers) -> CatalogueBook:
    """The question for every definition."""
    return catalogue.book(answers.workspace)


def entry_of(look: Look, name: str) -> Entry:
    """One definition.

    Raises:
        CandorError: ``metric.unknown``.
    """
    found = {entry.item.name: entry for entry in book_of(look).entries}
    if name not in found:
        raise CandorError(
            "metric.unknown",
            Problem(f"there is no metric '{name}'", "", "", nearest(name, list(found))),
        )
    if not visible.may_see(found[name].item.measured_in, look.actor):
        raise CandorError("metric.unknown", Problem(f"there is no metric '{name}'"))
    return found[name]


def make(look: Look) -> Shown:
    """The page."""
    entry = entry_of(look, look.names["name"])
    item = entry.item
    period = period_of(look.answers, look.asked)
    card = card_of(look, item.name)
    row = card.row(item.name)
    dimensions = _dimensions(item, look)
    by = look.asked.get("by") or _first(row, dimensions)
    if by is not None and by not in dimensions:
        raise CandorError(
            "request.invalid",
            Problem(f"{item.name} cannot be broken down by {by}", "by", ", ".join(dimensions)),
            exit_code=2,
        )
    cells = _breakdown(look, item, by, period) if by else ()
    stability = row.stability if row is not None else None
    picture = None
    if stability is not None and row is not None:
        svg = control_chart.control(stability, row.estimate.unit, card.annotations)
        # Drawn from numbers and dates only.
        picture = Markup(svg) if svg else None  # noqa: S704
    restated = restating.sentences(look.answers.about.get("restated", []), item.name)
    currency = look.answers.workspace.settings.workspace.currency
    bins = _bins(look, item, period) if row is not None else ()
    document = _document(look, entry, row, by, cells, period)
    body = fragment(
        "metric.html.j2",
        look=look, asked=look.asked, entry=entry, d=item, row=row, period=period,
        steps=steps_of(look, period), dimensions=dimensions, by=by, bars=bars(cells, by),
        picture=picture, stability=stability, card=card, currency=currency, restated=restated,
        has_limits=stability is not None and control_chart.has_limits(stability),
        is_log=stability is not None and stability.chart.endswith("_log"),
        marked=control_chart.drawn(stability, card.annotations) if stability else (),
        scale=control_chart.scale(stability, row.estimate.unit)[0] if stability and row else "",
        choices=_filters(look, item), bins=bins,
        steps_of_change=shapes.waterfall(row) if row is not None else (), outcomes=OUTCOME_WORDS, is_counted=isinstance(item, Definition),
    )  # fmt: skip
    panels = []
    if row is not None and stability is not None:
        spec = control_chart.specification(stability, row.estimate.unit, card.annotations)
        panels = [] if spec is None else [{**spec, "title": "Against its own past"}]
    data = _data(entry, row, by, cells, restated, look)
    data["distribution"] = [{"low": one.low, "high": one.high, "units": one.units} for one in bins]
    return shown_as(look, item.title, body, data, document, panels)


def units(look: Look) -> Shown:
    """The conversations behind a figure, one outcome at a time."""
    entry = entry_of(look, look.names["name"])
    item, outcome = entry.item, look.names["outcome"]
    if outcome not in OUTCOMES or not isinstance(item, Definition):
        raise CandorError("page.unknown", Problem("there is no such list"))
    narrow = set(look.asked.where) - set(query.dimensions(item))
    if narrow:
        raise CandorError(
            "request.invalid",
            Problem(f"{item.name} cannot be narrowed to {', '.join(sorted(narrow))}"), exit_code=2,
        )  # fmt: skip
    period = period_of(look.answers, look.asked)
    page = max(1, look.asked.number("page", 1))
    limit = min(page * PAGE + 1, 20 * PAGE + 1)
    chosen: Outcome = outcome
    found = look.answers.units(item.name, chosen, limit, period=period, segment=look.asked.where)
    rows = found[(page - 1) * PAGE : page * PAGE]
    body = fragment(
        "units.html.j2",
        look=look, asked=look.asked, entry=entry, d=item, period=period, outcome=outcome,
        rows=rows, page=page, has_more=len(found) > page * PAGE and page < 20,
        outcomes=OUTCOME_WORDS, states=STATE_WORDS,
    )  # fmt: skip
    heading = ("Unit", "Conversation", "Counted as", "Because")
    listed: list[Any] = [
        [unit.unit_id, unit.conversation_id or "", STATE_WORDS.get(unit.state, unit.state),
         unit.reason.replace("_", " ")]
        for unit in rows
    ]  # fmt: skip
    data = {
        "metric": item.name, "outcome": outcome, "page": page, "period": period.words,
        "units": [
            {"unit": unit.unit_id, "conversation": unit.conversation_id, "state": unit.state,
             "reason": unit.reason}
            for unit in rows
        ],
    }  # fmt: skip
    return Shown(
        f"{item.title}: {OUTCOME_WORDS[chosen]}", body, data,
        look.answers.snapshot, look.answers.as_of,
        tables=lambda: [(f"{item.title}: {OUTCOME_WORDS[chosen]}", heading, listed)],
    )  # fmt: skip


def _bins(look: Look, item: Metric, period: Period) -> tuple[shapes.Bin, ...]:
    """How the values of a quantile spread; nothing for other estimators."""
    if not isinstance(item, Definition) or not item.quantiles:
        return ()
    (cell,) = look.answers.asked.cells(
        [item], since=period.since, until=period.until, where=look.asked.where
    ) or (None,)
    if cell is None or not cell.available or cell.customers < small.K:
        return ()
    fewest = 1 if look.actor.may(Permission.SMALL_CELLS) else small.K
    return shapes.distribution(cell.histogram, SCALES[item.measured_in], fewest)


def _dimensions(item: Metric, look: Look) -> tuple[str, ...]:
    own = query.dimensions(item) if isinstance(item, Definition) else tuple(item.segments)
    personal = look.actor.may(Permission.AGENTS)
    offered = [name for name in own if name in SEGMENTS]
    offered += [name for name in own if visible.is_personal(name) and personal]
    known = choices_of(look)
    return tuple(name for name in offered if name in known or visible.is_personal(name))


def _filters(look: Look, item: Metric) -> dict[str, tuple[str | None, ...]]:
    if not isinstance(item, Definition):
        return {}
    own = set(query.dimensions(item))
    return {name: values for name, values in choices_of(look).items() if name in own}


def _first(row: MetricRow | None, dimensions: tuple[str, ...]) -> str | None:
    """The breakdown the change was split by, else the first there is."""
    if row is not None and row.split is not None and row.split.dimension in dimensions:
        return row.split.dimension
    return dimensions[0] if dimensions else None


def _breakdown(look: Look, item: Metric, by: str, period: Period) -> tuple[Estimate, ...]:
    where = tuple(sorted(look.asked.where.items()))
    if isinstance(item, Definition):
        # Usually worked out for all metrics at once; else stored sums answer soon.
        ready = None if where else look.desk.known(("by", by, period))
        found = (
            cast("Mapping[str, tuple[Estimate, ...]]", ready).get(item.name, ())
            if ready is not None
            else broken_down(look.answers, item.name, by, period, where)
        )
    else:
        found = look.desk.need(*derived_question(item.name, by, period, where))
    first: dict[str | None, Estimate] = {}
    for one in found:
        if one.method != "time_to_event":
            first.setdefault(one.segment.get(by), one)
    ordered = sorted(first.values(), key=lambda one: (-one.eligible, str(one.segment.get(by))))
    return visible.breakdown(ordered, look.actor)


def broken_down(
    answers: Answers, name: str, by: str, period: Period,
    where: tuple[tuple[str, str | None], ...] = (),
) -> tuple[Estimate, ...]:  # fmt: skip
    """The cells of one metric by one dimension."""

    def iso(day: int | None) -> str | None:
        return None if day is None else to_date(day).isoformat()

    return answers.estimates(
        [name], by=(by,), since=iso(period.since), until=iso(period.until), where=dict(where)
    ).estimates


def derived_question(
    name: str, by: str, period: Period, where: tuple[tuple[str, str | None], ...] = ()
) -> tuple[Hashable, Callable[[Answers], tuple[Estimate, ...]]]:
    """The question for a derived metric by a dimension, and what it is known by."""
    return ("by", name, by, period, where), partial(
        broken_down, name=name, by=by, period=period, where=where
    )


def every_counted(answers: Answers, by: str, period: Period) -> dict[str, tuple[Estimate, ...]]:
    """The cells of every counted metric by one dimension, by metric: one pass for all of them."""
    names = [
        item.name for item in answers.catalogue.definitions.values()
        if by in query.dimensions(item)
    ]  # fmt: skip
    found: dict[str, list[Estimate]] = {name: [] for name in names}
    for one in figures(answers, names, period, (by,)):
        found[one.metric].append(one)
    return {name: tuple(cells) for name, cells in found.items()}


def prepared(
    answers: Answers, period: Period
) -> Iterator[tuple[Hashable, Callable[[Answers], Any]]]:
    """Breakdowns one click away: counted metrics by every segment, derived ones by their first."""
    told = set(choices(answers))
    for by in SEGMENTS:
        if by in told:
            yield ("by", by, period), partial(every_counted, by=by, period=period)
    for item in answers.catalogue.derived.values():
        offered = [name for name in item.segments if name in SEGMENTS and name in told]
        if offered:
            yield derived_question(item.name, offered[0], period)


def bars(cells: tuple[Estimate, ...], by: str | None) -> list[Bar]:
    """Intervals of one breakdown on one scale."""
    if not cells or by is None:
        return []
    highs = [one.high for one in cells if one.high is not None]
    lows = [one.low for one in cells if one.low is not None]
    top = 1.0 if cells[0].unit == "share" and max(highs, default=1) > 0.5 else max(highs, default=1)
    bottom = min(0.0, *lows) if lows else 0.0
    span = (top - bottom) or 1.0

    def place(number: float | None) -> float:
        return 0.0 if number is None else round(100 * (number - bottom) / span, 2)

    return [
        Bar(one.segment.get(by), one, place(one.low),
            max(0.6, round(place(one.high) - place(one.low), 2)), place(one.point))
        for one in cells
    ]  # fmt: skip


def _data(
    entry: Entry,
    row: MetricRow | None,
    by: str | None,
    cells: tuple[Estimate, ...],
    restated: list[str],
    look: Look,
) -> dict[str, Any]:
    return {
        "definition": entry.as_dict(),
        "figure": None if row is None else row.as_dict(),
        "breakdown": {"by": by, "estimates": [one.as_row() for one in cells]},
        "restated": restated,
        "snapshot": look.answers.snapshot,
        "as_of": look.answers.as_of,
    }


def _document(
    look: Look,
    entry: Entry,
    row: MetricRow | None,
    by: str | None,
    cells: tuple[Estimate, ...],
    period: Period,
) -> Document:
    """The page as a document, for files."""
    item, currency = entry.item, look.answers.workspace.settings.workspace.currency
    sections = []
    if row is not None:
        sections.append(Section("figure", "Figure", (Cards((row,), currency),)))
        if row.series:
            sections.append(Section("history", "History", (Curve(item.title, row.series),)))
    if by is not None:
        columns = (
            Column(by), Column("Figure", True), Column("Interval", True), Column("Eligible", True),
            Column("Known", True), Column("Customers", True), Column("Why no figure"),
        )  # fmt: skip
        rows = tuple(
            (
                one.segment.get(by) or "(none)", Value(one.point, one.unit, currency),
                Range(one.low, one.high, one.unit, currency), one.eligible, one.observed,
                one.customers, REASONS[one.refusal] if one.refusal else "",
            )
            for one in cells
        )  # fmt: skip
        sections.append(Section("breakdown", f"By {by}", (Table(item.title, columns, rows),)))
    how = entry.how
    told = [how.include, how.outcome, how.confirmation, how.window, how.caveat, *how.pitfalls]
    blocks: list[Any] = [Paragraph(item.question), Bullets(tuple(text for text in told if text))]
    if how.sql:
        blocks.append(Code("SQL", how.sql))
    sections.append(Section("definition", f"Definition {item.id}", tuple(blocks)))
    return Document(
        "metric", item.title, period.words, (item.question,), tuple(sections),
        assemble.colophon(look.answers, [item.id]),
    )  # fmt: skip


VIEW = View(
    "metric", "/metric/{name}", make,
    params=("grain", "until", "by"), takes_segments=True, is_scoped=True, is_document=True,
    summary="One metric: figure, history, breakdown, definition, lineage",
)  # fmt: skip
UNITS = View(
    "units", "/metric/{name}/{outcome}", units,
    params=("grain", "until", "page"), takes_segments=True, is_scoped=True,
    summary="The conversations behind a figure: numerator, denominator, unknown, excluded",
)  # fmt: skip

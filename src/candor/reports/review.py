"""A review as a document, in plain language for somebody who leads a support organisation."""

from __future__ import annotations

from collections.abc import Iterator

from candor.answers import Answers
from candor.answers.pages_reading import moves
from candor.answers.review import Moved, Review
from candor.reports.assemble import colophon
from candor.reports.document import (
    Block,
    Bullets,
    Cell,
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
    Tone,
    Value,
)
from candor.reports.html import DIRECTION_WORDS, STATUS_WORDS, SYMBOLS
from candor.reports.periods import period
from candor.reports.told import finding_item, urgency
from candor.verdicts import wording
from candor.verdicts.bands import Status
from candor.verdicts.compare import Change, Direction
from candor.verdicts.findings import TEAMS, Severity
from candor.verdicts.scorecard import MetricRow
from candor.verdicts.stability import WORDS as STABILITY
from candor.verdicts.stability import Word
from candor.window import to_date

STATUS_TONES: dict[Status, Tone] = {
    Status.MET: "good", Status.MISSED: "bad", Status.UNSURE: "amber", Status.WITHHELD: "grey",
    Status.NO_TARGET: "plain",
}  # fmt: skip
_DIRECTION_TONES: dict[Direction, Tone] = {Direction.WORSE: "bad", Direction.BETTER: "good"}
_PERIODS = {"day": "day", "week": "week", "month": "month", "quarter": "quarter"}
_MAX_FINDINGS = 8
_HEADING = (
    Column("Metric"), Column("Figure", True), Column("Interval", True), Column("Change", True),
    Column("Reads as"), Column("Target", True), Column("Status"), Column("Stable?"),
)  # fmt: skip


def document(answers: Answers, review: Review) -> Document:
    """The page of a review."""
    card = review.card
    sections = [_changed(review), _to_do(review), *_figures(review)]
    if review.pack.goals:
        sections.append(_goals(review))
    if review.pack.curve:
        sections.append(_curve(review))
    if review.pack.baseline:
        sections.append(_baseline(review))
    sections.append(_cannot(review))
    used = [row.estimate.definition for row in card.rows]
    return Document(
        kind=review.pack.title.lower(),
        title=card.title,
        period=card.period,
        summary=tuple(_summary(review)),
        sections=tuple(section for section in sections if section.blocks),
        colophon=colophon(answers, [*used, *(one.definition for one in review.cohorts)]),
        tally=tuple(_tally(review)),
    )


def _summary(review: Review) -> Iterator[str]:
    unit = _PERIODS[review.pack.grain]
    urgent = [action for action in review.actions if action.severity is not Severity.GOOD]
    if review.is_quiet:
        yield (
            f"Nothing to report: {review.compared} figures were looked at, and none moved beyond "
            f"chance this {unit}. No target is clearly missed."
        )
    else:
        first = urgent[0] if len(urgent) == 1 else min(urgent, key=lambda a: _RANK[a.severity])
        things = "One thing" if len(urgent) == 1 else f"{len(urgent)} things"
        yield f"{things} to act on this {unit}. Most urgent: {first.because}"
    headline = review.headline
    if headline is not None and headline.estimate.point is not None:
        told = _change_words(headline.change, f"the {unit} before", review.card.currency)
        yield f"The AI truly resolved {wording.with_interval(headline.estimate)}; {told}."
    worse = [one.row.info.title for one in review.clear if one.is_worse]
    better = [one.row.info.title for one in review.clear if one.is_worse is False]
    if worse:
        yield f"Clearly worse: {', '.join(worse)}."
    if better:
        yield f"Clearly better: {', '.join(better)}."
    if review.withheld:
        count = len(review.withheld)
        yield (
            f"{count} of {len(review.card.rows)} figures of this review cannot be given; why "
            "stands at the end."
        )


_RANK = {severity: at for at, severity in enumerate(Severity)}


def _tally(review: Review) -> Iterator[tuple[int, Mark]]:
    for status in list(Status)[:4]:
        if count := len(review.with_status(status)):
            word = f"target{'s' if count > 1 else ''} {STATUS_WORDS[status].lower()}"
            yield count, Mark(word, STATUS_TONES[status], SYMBOLS[status])


def _change_words(change: Change, before: str, currency: str) -> str:
    if change.point is None:
        return f"how that compares with {before} cannot be said"
    moved = wording.signed(change.point, change.unit, currency)
    limits = wording.interval(change.low, change.high, change.unit, currency)
    if change.direction is Direction.NO_CLEAR_CHANGE:
        return f"no clear change since {before} ({moved}, {limits})"
    return f"{DIRECTION_WORDS[change.direction].lower()} than {before} by {moved} ({limits})"


def _changed(review: Review) -> Section:
    blocks: list[Block] = []
    if review.findings:
        items = tuple(finding_item(one) for one in review.findings[:_MAX_FINDINGS])
        blocks.append(Items(items, numbered=True))
        rest = review.findings[_MAX_FINDINGS:]
        if rest:
            blocks.append(Table(
                f"{len(rest)} further finding{'s' if len(rest) > 1 else ''}",
                (Column("Finding"), Column("In words"), Column("Owner"), Column("How urgent")),
                tuple((f.title, f.sentence, f.owner, urgency(f.severity)) for f in rest),
                folded=True,
            ))  # fmt: skip
    told = {name for one in review.findings[:_MAX_FINDINGS] for name in one.metrics}
    others = [one for one in review.clear if one.row.info.name not in told]
    if others:
        blocks.append(Items(tuple(_moved_item(one, review) for one in others)))
    if not blocks:
        blocks.append(Paragraph("No figure moved beyond what chance shows.", strong=True))
    if review.faint:
        names = ", ".join(one.row.info.title for one in review.faint)
        blocks.append(
            Paragraph(
                f"Not counted as changes: {names}. Each moved by itself, but of "
                f"{review.compared} figures looked at, some move that far by chance."
            )
        )
    if review.card.annotations:
        blocks.append(
            Table(
                "What happened around it", (Column("Day"), Column("What"), Column("Kind")),
                tuple(
                    (to_date(one.day).isoformat(), one.text, one.kind)
                    for one in review.card.annotations
                ),
                folded=True,
            )
        )  # fmt: skip
    return Section("changed", "What changed, and what it means", tuple(blocks))


def _moved_item(one: Moved, review: Review) -> Item:
    row, currency = one.row, review.card.currency
    tone: Tone = "grey" if one.is_worse is None else "bad" if one.is_worse else "good"
    word = DIRECTION_WORDS[row.change.direction]
    if review.pack.latest and row.stability is not None:
        word = STABILITY[row.stability.word].capitalize()
    text = one.reading.means if one.reading else "Neither direction is good by itself."
    facts = [("Figure", wording.with_interval(row.estimate, currency))]
    if row.estimate.judged is not None:
        facts.append(("Rests on", wording.rests_on(row.estimate)))
    if row.change.point is not None:
        facts.append(("Change", _change_words(row.change, "the period before", currency)))
    if row.stability is not None and row.stability.word in (
        Word.SIGNAL_ABOVE, Word.SIGNAL_BELOW, Word.SHIFTED,
    ):  # fmt: skip
        facts.append(("Against its own past", row.stability.reason))
    facts += [("Mind", wording.CAVEATS[str(caveat)]) for caveat in row.change_caveats]
    if row.coincident:
        facts.append(("At the same time", "; ".join(one.text for one in row.coincident)))
    if one.guards:
        facts.append(("But worse", ", ".join(one.guards)))
    if one.reading:
        facts.append(("Next step", one.reading.do))
    facts.append(("Owner", f"{one.owner} ({moves().teams[one.team].title.lower()})"))
    return Item(row.info.title, text, Mark(word, tone), tuple(facts))


def _to_do(review: Review) -> Section:
    blocks: list[Block] = []
    for team in TEAMS:
        words = moves().teams[team]
        own = [action for action in review.actions if action.team == team]
        if not own:
            blocks.append(Paragraph(f"{words.title}: nothing this time."))
            continue
        blocks.append(
            Table(
                f"{words.title}: {words.about}",
                (Column("What to do"), Column("Because"), Column("Owner"), Column("How urgent")),
                tuple((a.do, a.because, a.owner, urgency(a.severity)) for a in own),
            )
        )
    return Section("actions", "What to do, by team", tuple(blocks))


def _figures(review: Review) -> Iterator[Section]:
    for category in review.card.categories:
        given = [row for row in category.rows if row.estimate.point is not None]
        absent = [row.info.title for row in category.rows if row.estimate.point is None]
        blocks: list[Block] = []
        if given:
            rows = tuple(_figure_row(row, review.card.currency) for row in given)
            blocks.append(Table(f"Figures of {review.card.period}", _HEADING, rows))
        if absent:
            blocks.append(Paragraph(f"No figure, for the reasons at the end: {', '.join(absent)}."))
        yield Section(category.name, category.title, tuple(blocks))


def _figure_row(row: MetricRow, currency: str) -> tuple[Cell, ...]:
    e, change = row.estimate, row.change
    moved: Cell = (
        Value(change.point, change.unit, currency, signed=True)
        if change.point is not None else wording.NONE
    )  # fmt: skip
    stable = STABILITY[row.stability.word] if row.stability is not None else ""
    return (
        f"{row.info.title}, {wording.which(e.method)}".removesuffix(", "),
        Value(e.point, e.unit, currency), Range(e.low, e.high, e.unit, currency), moved,
        _direction(change), Value(row.target.target, e.unit, currency) if row.target else "",
        _status(row), stable,
    )  # fmt: skip


def _direction(change: Change) -> Mark:
    return Mark(
        DIRECTION_WORDS[change.direction].lower(), _DIRECTION_TONES.get(change.direction, "plain")
    )


def _status(row: MetricRow) -> Cell:
    if row.target is None:
        return ""
    status = row.verdict.status
    return Mark(STATUS_WORDS[status], STATUS_TONES[status], SYMBOLS[status])


def _goals(review: Review) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for row in review.card.rows:
        if row.target is None:
            continue
        e, currency = row.estimate, review.card.currency
        gap = None if e.point is None else e.point - row.target.target
        unit = "points" if e.unit == "share" else e.unit
        rows.append(
            (
                row.info.title, Value(e.point, e.unit, currency),
                Value(row.target.target, e.unit, currency),
                Value(gap, unit, currency, signed=True),
                _status(row), _pace(row), row.target.owner or row.info.owner,
            )
        )  # fmt: skip
    if not rows:
        return Section(
            "goals", "Goals",
            (Paragraph("No target is set for these figures; `candor plan` proposes some."),),
        )  # fmt: skip
    heading = (
        Column("Metric"), Column("Now", True), Column("Goal", True), Column("Distance", True),
        Column("Status"), Column("Pace"), Column("Owner"),
    )  # fmt: skip
    return Section("goals", "Goals", (Table("Where each goal stands", heading, tuple(rows)),))


def _pace(row: MetricRow) -> str:
    """How fast it moves towards its goal, said only where the slope's interval supports it."""
    trend = row.trend
    if row.verdict.status is Status.MET:
        return "reached"
    if trend is None or trend.point is None or row.estimate.point is None or row.target is None:
        return "no trend yet"
    if trend.direction is Direction.WORSE:
        return f"moving away, {wording.signed(trend.point, trend.unit)} a month"
    if trend.direction is not Direction.BETTER:
        return "no clear trend"
    months = (row.target.target - row.estimate.point) / trend.point
    if months <= 0:
        return f"{wording.signed(trend.point, trend.unit)} a month"
    return (
        f"{wording.signed(trend.point, trend.unit)} a month: about {months:.0f} months at this pace"
    )


def _curve(review: Review) -> Section:
    blocks: list[Block] = []
    shown = [one for one in review.cohorts if one.point is not None]
    names = {"30": "days 0–29", "60": "days 30–59", "90": "days 60–89"}
    if shown:
        blocks.append(
            Table(
                "True resolution by days since the AI agent went live, all data",
                (Column("Days"), Column("Figure", True), Column("Interval", True),
                 Column("Conversations", True)),
                tuple(
                    (names[one.metric[-2:]], Value(one.point, one.unit),
                     Range(one.low, one.high, one.unit), one.observed)
                    for one in shown
                ),
            )
        )  # fmt: skip
    absent = [one for one in review.cohorts if one.point is None]
    if absent:
        told = ", ".join(names[one.metric[-2:]] for one in absent)
        blocks.append(Paragraph(f"No figure for {told}: no conversation fell into them."))
    headline = review.headline
    if headline is not None and headline.series:
        goal = headline.target.target if headline.target else None
        first, last = headline.series[0], headline.series[-1]
        title = f"{headline.info.title}, {period(first)} to {period(last)}"
        blocks.append(Curve(title, headline.series, goal, review.card.currency))
    return Section("curve", "The first 30, 60 and 90 days", tuple(blocks))


def _baseline(review: Review) -> Section:
    rows = [row for row in review.card.rows if row.since_baseline is not None]
    given = [row for row in rows if row.since_baseline and row.since_baseline.point is not None]
    if not given:
        return Section(
            "baseline", "Against the baseline",
            (Paragraph("There is no baseline to compare with: it needs a full month before this "
                       "period, or one named under [baseline] in candor.toml."),),
        )  # fmt: skip
    table = Table(
        f"Against {review.card.baseline}" if review.card.baseline else "Against the baseline",
        (Column("Metric"), Column("Then", True), Column("Now", True), Column("Change", True),
         Column("Interval", True), Column("Reads as")),
        tuple(_against(row, review.card.currency) for row in given),
    )  # fmt: skip
    blocks: list[Block] = [table]
    if absent := [row.info.title for row in rows if row not in given]:
        blocks.append(Paragraph(f"Nothing to compare for {', '.join(absent)}."))
    return Section("baseline", "Against the baseline", tuple(blocks))


def _against(row: MetricRow, currency: str) -> tuple[Cell, ...]:
    change, e = row.since_baseline, row.estimate
    if change is None:
        raise ValueError(f"{row.info.name} has no baseline")
    return (
        row.info.title, Value(change.previous, e.unit, currency), Value(e.point, e.unit, currency),
        Value(change.point, change.unit, currency, signed=True),
        Range(change.low, change.high, change.unit, currency),
        _direction(change),
    )  # fmt: skip


def _cannot(review: Review) -> Section:
    blocks: list[Block] = []
    if review.withheld:
        blocks.append(
            Table(
                "No figure is shown where none can be supported",
                (Column("Metric"), Column("Why"), Column("Eligible", True), Column("Known", True)),
                tuple(
                    (row.info.title,
                     f"needs {row.estimate.missing}" if row.estimate.missing else row.verdict.reason,
                     row.estimate.eligible, row.estimate.observed)
                    for row in review.withheld
                ),
            )
        )  # fmt: skip
    if review.notes:
        blocks.append(Bullets(review.notes))
    if not blocks:
        blocks.append(Paragraph("Every figure of this review could be given."))
    return Section("cannot", "What cannot be said, and why", tuple(blocks))

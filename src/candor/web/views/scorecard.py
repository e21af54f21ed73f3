"""The scorecard: one page, arranged by a view, for a period, narrowed to segments."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from candor import window
from candor.answers import Answers, Period, narrowed, views
from candor.answers.narrowed import choices
from candor.errors import CandorError, Problem
from candor.reports import assemble, geometry, scorecard_document, sheets, workbook
from candor.reports.told import finding_item
from candor.verdicts.bands import Status
from candor.verdicts.scorecard import Scorecard
from candor.web import visible
from candor.web.asked import Asked
from candor.web.render import fragment
from candor.web.view import Look, Shown, Table, View
from candor.web.views.written import shown_as

LADDER, LOOKED = "true_resolution_rate", "containment_rate"
FILTERED = ("channel", "intent_id", "release", "path", "language", "customer_segment")
"""Segments that are offered at once; the others are reached by URL."""


@dataclass(frozen=True)
class Steps:
    """Where the period before and after this one are; None where there is none."""

    earlier: str | None
    later: str | None


def period_of(answers: Answers, asked: Asked) -> Period:
    """The days that were asked for."""
    return answers.period(grain=asked.get("grain"), until=asked.get("until"))


def card_of(look: Look, only: str = "") -> Scorecard:
    """The scorecard that was asked for, as this actor may see it.

    Args:
        look: who looks at what.
        only: the one metric that is needed where the card is narrowed to segments.

    Raises:
        Pending: it is being worked out.
    """
    period, where = period_of(look.answers, look.asked), dict(look.asked.where)
    card = look.desk.need(*card_question(period, where, only if where else ""))
    return visible.scorecard(card, look.actor)


def card_question(
    period: Period, where: Mapping[str, str | None] | None = None, only: str = ""
) -> tuple[Hashable, Callable[[Answers], Scorecard]]:
    """The question for a scorecard, and what it is known by."""
    narrow = dict(where or {})
    key = ("card", period, tuple(sorted(narrow.items(), key=str)), only)
    return key, partial(_card, period=period, where=narrow, only=only)


def choices_of(look: Look) -> dict[str, tuple[str | None, ...]]:
    """The values of every segment, looked up once an edition."""
    return look.desk.need("choices", choices)


def steps_of(look: Look, period: Period, *, with_grain: bool = True) -> Steps:
    """Links to the periods beside this one; without the grain where the page has only one."""
    bounds = look.answers.reckoner.bounds
    if period.since is None or period.until is None or bounds is None:
        return Steps(None, None)
    link = look.asked.url

    def to(until: int) -> str:
        day = window.to_date(until).isoformat()
        return link(look.path, **({"grain": period.grain} if with_grain else {}), until=day)

    later = window.period_end(period.until, period.grain)
    return Steps(
        to(period.since) if period.since > bounds[0] else None,
        to(later) if period.until < bounds[1] else None,
    )


def _card(
    answers: Answers, *, period: Period, where: Mapping[str, str | None], only: str
) -> Scorecard:
    if where:
        return narrowed.narrowed(answers, period, where, only)
    until = None if period.until is None else window.to_date(period.until).isoformat()
    return answers.scorecard(grain=period.grain, until=until)


def make(look: Look) -> Shown:
    """The page."""
    chosen = views.choose(look.asked.get("view"), look.asked.get("stage"))
    if look.asked.get("stage") and look.asked.where:
        raise CandorError(
            "request.invalid",
            Problem("a stage cannot be narrowed to segments", "stage"),
            exit_code=2,
        )
    card = card_of(look)
    arranged = views.arrange(card, chosen, look.answers.catalogue, look.asked.get("stage"))
    shown = arranged.card
    period = period_of(look.answers, look.asked)
    resolution, looked = card.row(LADDER), card.row(LOOKED)
    statuses = [row.verdict.status for row in shown.rows if row.target is not None]
    body = fragment(
        "scorecard.html.j2",
        look=look, asked=look.asked, card=shown, arranged=arranged, period=period,
        steps=steps_of(look, period),
        every_view=list(views.every().values()),
        choices={
            name: values for name, values in choices_of(look).items()
            if name in FILTERED or name in look.asked.where
        },
        tally=[(s, statuses.count(s)) for s in list(Status)[:4] if statuses.count(s)],
        ladder=geometry.ladder(resolution.estimate) if resolution else (),
        resolution=resolution,
        looked=looked if looked and looked.estimate.point is not None else None,
        findings=[finding_item(finding) for finding in card.findings],
        details=list(card.findings),
        health=card.data_health,
    )  # fmt: skip

    used = [row.estimate.definition for row in shown.rows]
    colophon = assemble.colophon(look.answers, used)
    document = scorecard_document.document(arranged, colophon, period.words)
    data = {**arranged.as_dict(), "where": dict(look.asked.where.items())}
    made = shown_as(look, "Scorecard", body, data, document)

    def tables() -> list[Table]:
        return [
            (f"{name}: {title}" if title else name, tuple(heading), list(rows))
            for name, parts in sheets.scorecard_sheets(arranged)
            for title, heading, rows in parts
        ]

    return replace(made, tables=tables, workbook=lambda: workbook.of_scorecard(arranged, colophon))


VIEW = View(
    "scorecard", "/", make,
    params=("view", "stage", "grain", "until"), takes_segments=True, is_scoped=True, is_document=True,
    summary="Figures of every metric with status, change, findings and data health",
)  # fmt: skip

"""The scorecard: one page, arranged by a view, for a period, narrowed to segments."""

from __future__ import annotations

from dataclasses import dataclass

from candor import window
from candor.answers import Answers, Period, narrowed, views
from candor.answers.narrowed import choices
from candor.errors import CandorError, Problem
from candor.reports import assemble, geometry, sheets, workbook
from candor.reports.told import finding_item
from candor.verdicts.bands import Status
from candor.verdicts.scorecard import Scorecard
from candor.web import visible
from candor.web.asked import Asked
from candor.web.render import fragment
from candor.web.view import Look, Shown, Table, View

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


def card_of(look: Look) -> Scorecard:
    """The scorecard that was asked for, as this actor may see it.

    Raises:
        Pending: it is being worked out.
    """
    period, where = period_of(look.answers, look.asked), dict(look.asked.where)
    grain, until = look.asked.get("grain"), look.asked.get("until")
    key = ("card", period, tuple(sorted(where.items(), key=str)))

    def whole(answers: Answers) -> Scorecard:
        if where:
            return narrowed.narrowed(answers, period, where)
        return answers.scorecard(grain=grain, until=until)

    return visible.scorecard(look.desk.need(key, whole), look.actor)


def steps_of(look: Look, period: Period) -> Steps:
    """Links to the periods beside this one."""
    bounds = look.answers.reckoner.bounds
    if period.since is None or period.until is None or bounds is None:
        return Steps(None, None)
    link = look.asked.url

    def to(until: int) -> str:
        day = window.to_date(until).isoformat()
        return link(look.path, grain=period.grain, until=day)

    later = window.period_end(period.until, period.grain)
    return Steps(
        to(period.since) if period.since > bounds[0] else None,
        to(later) if period.until < bounds[1] else None,
    )


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
            name: values for name, values in choices(look.answers).items()
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

    def tables() -> list[Table]:
        return [
            (f"{name}: {title}" if title else name, tuple(heading), list(rows))
            for name, parts in sheets.scorecard_sheets(arranged)
            for title, heading, rows in parts
        ]

    def book() -> bytes:
        used = [row.estimate.definition for row in shown.rows]
        return workbook.of_scorecard(arranged, assemble.colophon(look.answers, used))

    narrow = dict(look.asked.where.items())
    return Shown(
        "Scorecard", body, {**arranged.as_dict(), "where": narrow},
        look.answers.snapshot, look.answers.as_of, tables, book,
    )  # fmt: skip


VIEW = View(
    "scorecard", "/", make,
    params=("view", "stage", "grain", "until"), takes_segments=True, is_scoped=True,
    summary="Figures of every metric with status, change, findings and data health",
)  # fmt: skip

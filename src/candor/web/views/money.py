"""Pages about money: economics with a scenario, and the portfolio of intents with its bubbles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from candor.access import cells
from candor.access.permissions import Permission
from candor.answers.scenario import Changed, what_if
from candor.estimates.estimate import Estimate
from candor.reports import assemble, money, pictures
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.scorecard import card_of, period_of, steps_of
from candor.web.views.written import written

LINKS = {"Economics": "/economics", "Intents": "/intents", "Check a bill": "/bill"}
_WIDTH, _HEIGHT, _LARGEST = 640, 340, 34
_APART = 15
"""Least distance of two numbers."""
_TURNS = tuple(math.pi * part / 4 for part in (-2, 0, 4, 2, -1, -3, 1, 3))
"""Directions in which a number is moved out of its bubble, upwards first."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One intent on the chart; positions in its units.

    Attributes:
        number: place in the ranking, written beside it.
        name: intent.
        x, y, r: centre and radius; the area is the volume.
        is_allowed: by policy.
        at_x, at_y: where the number stands: in the middle, or beside it where another stands there.
    """

    number: int
    name: str
    x: float
    y: float
    r: float
    is_allowed: bool
    at_x: float = 0.0
    at_y: float = 0.0


def economics(look: Look) -> Shown:
    """The page of money."""
    card, period = card_of(look), period_of(look.answers, look.asked)

    def number(name: str) -> float | None:
        said = look.asked.get(name)
        return None if said is None else float(said)

    changed = Changed(number("quality") or 0.0, number("volume") or 0.0, number("price"))
    found = what_if(look.answers, period, changed)
    names = [row.estimate.definition for one in money.SHOWN if (row := card.row(one))]
    document = money.economics(
        card, found, assemble.colophon(look.answers, names),
        title=look.answers.workspace.settings.workspace.name,
    )  # fmt: skip
    rows = [row.as_dict() for one in money.SHOWN if (row := card.row(one))]
    form = fragment(
        "what_if.html.j2", look=look, asked=look.asked, period=period,
        steps=steps_of(look, period), found=found, currency=card.currency,
    )  # fmt: skip
    data = {"period": card.period, "figures": rows, "what_if": found.as_dict()}
    return written(look, "Economics", document, data, above=form, links=LINKS)


def intents(look: Look) -> Shown:
    """The page of the portfolio."""
    period = period_of(look.answers, look.asked)
    found = look.answers.reckoner.of_period(
        look.answers.catalogue.derived["intent_portfolio"], period
    )[0]
    kept = [
        row for row in money.portfolio_rows(found)
        if look.actor.may(Permission.SMALL_CELLS) or row["conversations"] >= cells.K
    ]  # fmt: skip
    settings = look.answers.workspace.settings.workspace
    shown = _with(found, kept)
    document = money.intents(
        shown, assemble.colophon(look.answers, [found.definition]),
        title=settings.name, period=period.words, currency=settings.currency,
    )  # fmt: skip
    dots, top = bubbles(kept)
    chart = fragment(
        "bubbles.html.j2", bubbles=dots, top=top, currency=settings.currency, width=_WIDTH,
        height=_HEIGHT,
    )  # fmt: skip
    form = fragment(
        "period_form.html.j2", look=look, asked=look.asked, period=period,
        steps=steps_of(look, period),
    )  # fmt: skip
    data = {"period": period.words, "portfolio": shown.as_row(), "intents": kept}
    panel = pictures.bubbles(kept, settings.currency)
    return written(
        look, "Intents", document, data, [panel] if panel else (), above=form, drawn=chart,
        links=LINKS,
    )  # fmt: skip


def _with(found: Estimate, rows: list[Mapping[str, Any]]) -> Estimate:
    return replace(found, detail={**(found.detail or {}), "intents": rows})


def bubbles(rows: list[Mapping[str, Any]]) -> tuple[list[Bubble], float]:
    """Intents that have a score and a value, largest first, and the value at the right end."""
    drawn = [row for row in rows if row["automation_score"] and row["value"] is not None]
    if not drawn:
        return [], 0.0
    top = max(row["value"] for row in drawn) * 1.12 or 1.0
    most = max(row["conversations"] for row in drawn)
    found = [
        Bubble(
            row["rank"] or 0, str(row["intent"]),
            round(46 + (_WIDTH - 60) * row["value"] / top, 1),
            round(_HEIGHT - 40 - (_HEIGHT - 60) * row["automation_score"]["point"], 1),
            round(max(5.0, _LARGEST * math.sqrt(row["conversations"] / most)), 1),
            bool(row["is_automatable"]),
        )
        for row in drawn
    ]  # fmt: skip
    return _numbered(sorted(found, key=lambda one: (-one.r, one.number))), top


def _numbered(found: list[Bubble]) -> list[Bubble]:
    """The same with places for their numbers that no two share."""
    taken: list[tuple[float, float]] = []
    placed = []
    for one in sorted(found, key=lambda each: (each.r, each.number)):
        away = one.r + 9
        tries = [(0.0, 0.0), *((away * math.cos(turn), away * math.sin(turn)) for turn in _TURNS)]
        spots = [(round(one.x + dx, 1), round(one.y + dy, 1)) for dx, dy in tries]
        spot = next(
            (each for each in spots if all(math.dist(each, other) >= _APART for other in taken)),
            spots[0],
        )
        taken.append(spot)
        placed.append(replace(one, at_x=spot[0], at_y=spot[1]))
    return sorted(placed, key=lambda each: (-each.r, each.number))


ECONOMICS = View(
    "economics", "/economics", economics, Permission.MONEY,
    params=("grain", "until", "quality", "price", "volume"), is_document=True,
    summary="Cost, savings, return, freed hours, and what another price or a better AI would mean",
)  # fmt: skip
INTENTS = View(
    "intents", "/intents", intents, Permission.MONEY, params=("grain", "until"), is_document=True,
    summary="Every intent by volume, value and automation score, with what is left to win",
)  # fmt: skip

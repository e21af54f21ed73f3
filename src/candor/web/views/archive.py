"""The archive of reviews: every past period the data cover, each leading to its review."""

from __future__ import annotations

from typing import Any

from candor import window
from candor.access.permissions import Permission
from candor.answers import Period
from candor.answers import review as reviewing
from candor.answers.pages_reading import pack
from candor.errors import CandorError, Problem
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.packs import CADENCES

FEW, MOST = 12, 400
"""Periods of each cadence on the whole archive, and of one cadence alone."""
_GRAINS: dict[str, str] = {pack(cadence).grain: cadence for cadence in CADENCES}


def make(look: Look) -> Shown:
    """The page; with ``grain`` one cadence with all its periods."""
    grain = look.asked.get("grain")
    if grain == "all":
        raise CandorError(
            "request.invalid",
            Problem("there is no review of all data", "grain", ", ".join(_GRAINS)),
            exit_code=2,
        )
    only = _GRAINS[grain] if grain else None
    bounds = look.answers.reckoner.bounds
    begins = None if bounds is None else bounds[0]
    shelves: list[dict[str, Any]] = []
    for cadence in (only,) if only else CADENCES:
        chosen, known = pack(cadence), reviewing.past(look.answers, cadence)
        shown = [_entry(cadence, one, begins) for one in known[: MOST if only else FEW]]
        shelves.append({
            "cadence": cadence, "grain": chosen.grain, "title": chosen.title,
            "question": chosen.question, "known": len(known), "periods": shown,
        })  # fmt: skip
    body = fragment("archive.html.j2", shelves=shelves, only=only, here=look.path)
    heading = ("Review", "Period", "First day", "Last day", "Covered whole")
    return Shown(
        "Archive of reviews", body, {"reviews": shelves}, look.answers.snapshot,
        look.answers.as_of,
        tables=lambda: [(
            "Reviews", heading,
            [[shelf["title"], one["period"], one["since"], one["last"], one["is_whole"]]
             for shelf in shelves for one in shelf["periods"]],
        )],
    )  # fmt: skip


def _entry(cadence: str, period: Period, begins: int | None) -> dict[str, Any]:
    """One period of a cadence; ``begins`` is the day on which the data do."""
    if period.since is None or period.until is None or begins is None:
        raise ValueError("a review of everything is in no archive")
    until = window.to_date(period.until).isoformat()
    return {
        "period": period.words, "since": window.to_date(period.since).isoformat(),
        "last": window.to_date(period.until - 1).isoformat(),
        "is_whole": period.since >= begins, "path": f"/reviews/{cadence}?until={until}",
    }  # fmt: skip


VIEW = View(
    "reviews", "/reviews", make, Permission.MONEY, params=("grain",),
    summary="Every past day, week, month and quarter that can be reviewed",
)  # fmt: skip

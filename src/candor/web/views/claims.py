"""Claims: what vendors' and models' grades say, held against what is known of the same conversations."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from candor.access import cells
from candor.access.permissions import Permission
from candor.answers.claims import DIMENSIONS, Claimant, ClaimsAnswer, check_claims
from candor.errors import CandorError, Problem
from candor.reports import assemble, claims_page
from candor.web import visible
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.written import written

LINKS = {"Rules of “resolved”": "/resolution", "Claims": "/claims"}


def claims_of(look: Look, by: str | None = None) -> ClaimsAnswer:
    """Every claimant against the truth, as this actor may see it.

    Raises:
        CandorError: ``claims.none``, ``request.invalid``.
    """
    offered = [
        name for name in DIMENSIONS
        if look.actor.may(Permission.AGENTS) or not visible.is_personal(name)
    ]  # fmt: skip
    if by is not None and by not in offered:
        raise CandorError(
            "request.invalid", Problem(f"claims have no dimension '{by}'", "by", ", ".join(offered)),
            exit_code=2,
        )  # fmt: skip
    wanted = () if by is None else (by,)
    found = look.desk.need(("claims", wanted), partial(check_claims, by=wanted))
    if look.actor.may(Permission.SMALL_CELLS):
        return found
    return replace(found, claimants=tuple(_without_few(one) for one in found.claimants))


def _without_few(one: Claimant) -> Claimant:
    """A claimant without segments of few conversations, nor one that the others would give away."""
    kept = []
    for dimension in dict.fromkeys(segment.dimension for segment in one.segments):
        own = [segment for segment in one.segments if segment.dimension == dimension]
        gone = cells.hidden([segment.check.table.total for segment in own])
        kept += [segment for at, segment in enumerate(own) if at not in gone]
    return replace(one, segments=tuple(kept))


def make(look: Look) -> Shown:
    """The page."""
    by = look.asked.get("by")
    found = claims_of(look, by)
    document = claims_page.page(
        found, assemble.colophon(look.answers, ()),
        title=look.answers.workspace.settings.workspace.name,
    )  # fmt: skip
    offered = [name for name in DIMENSIONS if not visible.is_personal(name)]
    form = fragment("claims_form.html.j2", look=look, asked=look.asked, offered=offered, by=by)
    return written(look, "Claims", document, found.as_dict(), above=form, links=LINKS)


VIEW = View(
    "claims", "/claims", make, params=("by",), is_document=True,
    summary="What claimants say was solved, held against what is known, by segment",
)  # fmt: skip

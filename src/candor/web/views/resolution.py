"""Resolution: the ladder of evidence, and every rule of "resolved" on the same conversations."""

from __future__ import annotations

from dataclasses import replace

from candor.answers import resolution as asked
from candor.errors import CandorError
from candor.reports import assemble, claims_page, rules_page
from candor.web.view import Look, Shown, View
from candor.web.views.claims import LINKS, claims_of
from candor.web.views.written import written


def rules_of(look: Look) -> asked.RulesAnswer:
    """Every rule on every conversation, once an edition."""
    return look.desk.need("rules", asked.compare_rules)


def make(look: Look) -> Shown:
    """The page."""
    found = rules_of(look)
    document = rules_page.comparison(
        found, assemble.colophon(look.answers, ()),
        title=look.answers.workspace.settings.workspace.name, period="all data",
    )  # fmt: skip
    data = found.as_dict()
    try:
        told = claims_of(look)
    except CandorError as error:
        if error.code != "claims.none":
            raise
    else:
        gap = replace(claims_page.overview(told.claimants), title="Claimed against true")
        document = replace(document, sections=(*document.sections, gap))
        data["claims"] = [one.whole.as_dict() | {"claimant": one.name} for one in told.claimants]
    return written(look, "Resolution", document, data, links=LINKS)


VIEW = View(
    "resolution", "/resolution", make, is_document=True,
    summary="The evidence ladder and sixteen published rules on the same conversations",
)  # fmt: skip

"""Resolution: the ladder of evidence, and every rule of "resolved" on the same conversations."""

from __future__ import annotations

from candor.answers import resolution as asked
from candor.reports import assemble, rules_page
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.written import shown_as


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
    body = fragment("document_body.html.j2", document=document, heading="Resolution", links={})
    return shown_as(look, "Resolution", body, found.as_dict(), document)


VIEW = View(
    "resolution", "/resolution", make, is_document=True,
    summary="The evidence ladder and sixteen published rules on the same conversations",
)  # fmt: skip

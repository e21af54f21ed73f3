"""Written pages: reviews, the ninety-day plan, the questions to a vendor.

They speak of money in sentences, so they need the permission to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from candor.access.permissions import Permission
from candor.answers import Answers
from candor.answers import plan as planning
from candor.answers import review as reviewing
from candor.answers import vendor as asking
from candor.reports import plan as plan_page
from candor.reports import review as review_page
from candor.reports import vendor as vendor_page
from candor.reports import workbook
from candor.reports.document import Document
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.metric import tables_of

Written = tuple[Document, Mapping[str, Any]]
CADENCES = ("daily", "weekly", "monthly", "quarterly")
_LINKS = {cadence.capitalize(): f"/reviews/{cadence}" for cadence in CADENCES}


def _page(
    look: Look, title: str, key: tuple[str, ...], ask: Callable[[Answers], Written],
    links: Mapping[str, str] | None = None,
) -> Shown:  # fmt: skip
    document, data = look.desk.need(key, ask)
    body = fragment(
        "document_body.html.j2", document=document, heading=title, links=links or {}, here=look.path
    )
    return Shown(
        title, body, data, look.answers.snapshot, look.answers.as_of,
        tables=lambda: tables_of(document), workbook=lambda: workbook.of_document(document),
    )  # fmt: skip


def _review(cadence: str) -> View:
    def make(look: Look) -> Shown:
        def ask(answers: Answers) -> Written:
            found = reviewing.review(answers, cadence)
            return review_page.document(answers, found), found.as_dict()

        return _page(look, f"{cadence.capitalize()} review", ("review", cadence), ask, _LINKS)

    return View(
        f"review_{cadence}", f"/reviews/{cadence}", make, Permission.MONEY,
        summary=f"The {cadence} review: what changed, what it means, what to do, who owns it",
    )  # fmt: skip


def _plan(look: Look) -> Shown:
    def ask(answers: Answers) -> Written:
        found = planning.plan(answers)
        return plan_page.document(answers, found), found.as_dict()

    return _page(look, "Plan", ("plan",), ask)


def _vendor(look: Look) -> Shown:
    def ask(answers: Answers) -> Written:
        found = asking.vendor_report(answers)
        return vendor_page.document(answers, found), found.as_dict()

    return _page(look, "Questions to the vendor", ("vendor",), ask)


REVIEWS = tuple(_review(cadence) for cadence in CADENCES)
PLAN = View("plan", "/plan", _plan, Permission.MONEY, summary="Ninety days: maturity, gaps, steps")
VENDOR = View(
    "vendor", "/vendor", _vendor, Permission.MONEY,
    summary="Questions to the vendor, answered from own data",
)  # fmt: skip

"""Written pages: reviews, the ninety-day plan, the questions to a vendor.

They speak of money in sentences, so they need the permission to read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from markupsafe import Markup

from candor.access.permissions import Permission
from candor.answers import Answers
from candor.answers import plan as planning
from candor.answers import review as reviewing
from candor.answers import vendor as asking
from candor.answers.pages_reading import pack
from candor.reports import plan as plan_page
from candor.reports import review as review_page
from candor.reports import vendor as vendor_page
from candor.reports.document import Document
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.scorecard import steps_of
from candor.web.views.written import shown_as

Written = tuple[Document, Mapping[str, Any]]
CADENCES = ("daily", "weekly", "monthly", "quarterly")
LINKS = {
    **{cadence.capitalize(): f"/reviews/{cadence}" for cadence in CADENCES},
    "Archive": "/reviews", "Plan": "/plan", "Vendor": "/vendor",
}  # fmt: skip


def review_question(
    cadence: str, until: str | None = None
) -> tuple[tuple[str, str, str | None], Callable[[Answers], Written]]:
    """The question for a review, and what it is known by; ``until`` as in a URL."""
    return ("review", cadence, until), partial(_reviewed, cadence=cadence, until=until)


def planned(answers: Answers) -> Written:
    """The question for the plan."""
    found = planning.plan(answers)
    return plan_page.document(answers, found), found.as_dict()


def questioned(answers: Answers) -> Written:
    """The question for the vendor's page."""
    found = asking.vendor_report(answers)
    return vendor_page.document(answers, found), found.as_dict()


def _reviewed(answers: Answers, *, cadence: str, until: str | None) -> Written:
    found = reviewing.review(answers, cadence, until=until)
    return review_page.document(answers, found), found.as_dict()


def _page(look: Look, title: str, written: Written, above: Markup | None = None) -> Shown:
    document, data = written
    body = fragment(
        "document_body.html.j2", document=document, heading=title, links=LINKS, here=look.path,
        **({} if above is None else {"above": above}),
    )  # fmt: skip
    return shown_as(look, title, body, data, document)


def _review(cadence: str) -> View:
    def make(look: Look) -> Shown:
        until = look.asked.get("until")
        written = look.desk.need(*review_question(cadence, until))
        period = look.answers.period(grain=pack(cadence).grain, until=until)
        above = fragment("review_steps.html.j2", look=look, asked=look.asked, period=period,
                         steps=steps_of(look, period, with_grain=False))  # fmt: skip
        return _page(look, f"{cadence.capitalize()} review", written, above)

    return View(
        f"review_{cadence}", f"/reviews/{cadence}", make, Permission.MONEY, params=("until",),
        is_document=True,
        summary=f"The {cadence} review: what changed, what it means, what to do, who owns it",
    )  # fmt: skip


def _plan(look: Look) -> Shown:
    return _page(look, "Plan", look.desk.need("plan", planned))


def _vendor(look: Look) -> Shown:
    return _page(look, "Questions to the vendor", look.desk.need("vendor", questioned))


REVIEWS = tuple(_review(cadence) for cadence in CADENCES)
PLAN = View(
    "plan", "/plan", _plan, Permission.MONEY, is_document=True,
    summary="Ninety days: maturity, gaps, steps",
)  # fmt: skip
VENDOR = View(
    "vendor", "/vendor", _vendor, Permission.MONEY, is_document=True,
    summary="Questions to the vendor, answered from own data",
)  # fmt: skip

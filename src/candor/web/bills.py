"""A vendor's bill, uploaded, checked line by line, and its dispute file.

The file is read by a confined process and deleted at once. What was read stays in memory, for the
person who uploaded it only, until the server stops or newer ones take its place; figures follow the
publication of the moment.
"""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from candor.access import audit
from candor.access.permissions import Permission
from candor.access.sessions import form_mark
from candor.answers import Answers, dispute
from candor.answers import resolution as asked
from candor.errors import CandorError, Problem
from candor.reports import assemble, rules_page
from candor.reports.document import Document
from candor.resolution import confined
from candor.resolution.invoice import Invoice
from candor.web import answering, render
from candor.web.doors import Doors
from candor.web.guard import actor_of, request_id, session_of, site_of
from candor.web.views import money
from candor.workspace import Workspace

KINDS = (".csv", ".tsv", ".xlsx")
_KEPT = 20
_FORMS = {"csv": (dispute.as_csv, "text/csv; charset=utf-8"),
          "json": (dispute.as_json, "application/json")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bill:
    """An uploaded invoice: whose, what was read, and the rule it is held against."""

    owner: str
    invoice: Invoice
    rule: str


def mount(doors: Doors) -> None:
    """The routes of this module."""
    may = Permission.MONEY
    doors.add("GET", "/bill", may, page, name="bill", summary="Check a bill")
    doors.add("GET", "/api/bill", may, data, name="api_bill", is_described=True,
              summary="Rules a bill can be checked by")  # fmt: skip
    doors.add("GET", "/api/bill/{bill}", may, result_data, name="api_bill_result", is_described=True,
              summary="A checked bill, line by line")  # fmt: skip
    doors.add("POST", "/bill/check", may, check, name="bill/check", summary="Upload a bill")
    doors.add("GET", "/bill/{bill}", may, result, name="bill_result", summary="A checked bill")
    doors.add(
        "GET", "/bill/{bill}/dispute/{form}", Permission.EXPORT, dispute_file, name="bill_dispute",
        summary="The dispute file of a checked bill",
    )  # fmt: skip


def data() -> Response:
    """The rules a bill can be checked by, and the kinds of file, as JSON."""
    return answering.data({"rules": asked.billing_rules(), "kinds": list(KINDS)})


def page(request: Request) -> Response:
    """The form."""
    body = render.fragment(
        "bill.html.j2", rules=asked.billing_rules(), kinds=KINDS, links=money.LINKS,
        mark=form_mark(session_of(request)),
    )  # fmt: skip
    return answering.shell(request, "Check a bill", body)


def check(
    request: Request,
    rule: Annotated[str, Form(max_length=100)] = "",
    invoice: UploadFile | None = None,
) -> Response:
    """Read what was uploaded and show what it comes to."""
    site, actor = site_of(request), actor_of(request)
    suffix = Path((invoice.filename if invoice else "") or "").suffix.lower()
    problems = []
    if rule not in asked.billing_rules():
        problems.append(Problem("choose the rule it is checked by", "rule"))
    if invoice is None or suffix not in KINDS:
        problems.append(Problem("choose a file", "invoice", ", ".join(KINDS)))
    if problems or invoice is None:
        raise CandorError("bill.invalid", problems)
    workspace = Workspace.open(site.root)
    with tempfile.TemporaryDirectory(dir=workspace.restricted) as folder:
        path = Path(folder) / f"invoice{suffix}"
        path.write_bytes(invoice.file.read())
        read = confined.read(path, zone=workspace.settings.workspace.timezone)
    name = secrets.token_hex(8)
    with site.store.change() as db:
        audit.append(db, actor, "bill.check", rule, at=site.store.now(),
                     request=request_id(request), detail={"lines": len(read.lines)})  # fmt: skip
    site.bills[name] = Bill(actor.id, read, rule)
    while len(site.bills) > _KEPT:
        site.bills.popitem(last=False)
    return RedirectResponse(f"/bill/{name}", 303)


def result(request: Request, bill: str) -> Response:
    """What is owed, disputed, rework, or cannot be checked."""
    kept = _kept(request, bill)
    document = site_of(request).desk.need(("bill", bill), partial(_checked, kept=kept))
    links = render.fragment("bill_links.html.j2", bill=bill,
                            may_take=actor_of(request).may(Permission.EXPORT))  # fmt: skip
    body = render.fragment(
        "document_body.html.j2", document=document, heading="The bill", links={}, above=links
    )
    return answering.shell(request, "The bill", body)


def result_data(request: Request, bill: str) -> Response:
    """The same as JSON."""
    kept = _kept(request, bill)
    found = site_of(request).desk.need(("bill data", bill), partial(_plain, kept=kept))
    return answering.data(found)


def dispute_file(request: Request, bill: str, form: str) -> Response:
    """The disputed lines with their evidence."""
    if form not in _FORMS:
        raise CandorError("page.unknown", Problem("there is no such file"))
    kept, site = _kept(request, bill), site_of(request)
    kind = _FORMS[form][1]
    text = site.desk.need(("dispute", bill, form), partial(_disputed, kept=kept, form=form))
    with site.store.change() as db:
        audit.append(db, actor_of(request), "export", "dispute", at=site.store.now(),
                     request=request_id(request), detail={"form": form})  # fmt: skip
    headers = {"content-disposition": f'attachment; filename="dispute.{form}"'}
    return Response(text.encode("utf-8"), media_type=kind, headers=headers)


def _checked(answers: Answers, *, kept: Bill) -> Document:
    return rules_page.bill(
        asked.audit_invoice(answers, kept.invoice, kept.rule), assemble.colophon(answers, ()),
        title=answers.workspace.settings.workspace.name,
    )  # fmt: skip


def _plain(answers: Answers, *, kept: Bill) -> dict[str, Any]:
    return asked.audit_invoice(answers, kept.invoice, kept.rule).as_dict()


def _disputed(answers: Answers, *, kept: Bill, form: str) -> str:
    write = _FORMS[form][0]
    return write(answers, asked.audit_invoice(answers, kept.invoice, kept.rule))


def _kept(request: Request, bill: str) -> Bill:
    found = site_of(request).bills.get(bill)
    if not isinstance(found, Bill) or found.owner != actor_of(request).id:
        raise CandorError("page.unknown", Problem("there is no such bill; upload it again"))
    return found

"""Sends the pages that are due by mail: each as its reader may see it at that moment.

Whoever lost the permission, the account or the address gets nothing, and the page of mailings says why. Text of
conversations never leaves by mail: only pages that are documents of figures can be sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from candor.access.mailings import Mailing, Mailings, period
from candor.access.people import People, Person
from candor.access.permissions import OPERATOR
from candor.access.store import NAME, Store
from candor.answers.delivery import send_message
from candor.errors import CandorError, Problem
from candor.lake.lock import WriteLock
from candor.reports import letter
from candor.reports.document import Document
from candor.web import looking
from candor.web.aside import Pending
from candor.web.desk import Desk
from candor.web.view import View
from candor.workspace import Workspace

_WAIT = 600.0


def post(
    root: Path,
    environment: Mapping[str, str],
    *,
    now: datetime | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """Send what is due.

    Args:
        root: folder of the workspace.
        environment: holds the password of the mail server.
        now: instant of the tick; the clock's when left out.
        pause: waits between attempts.

    Returns:
        Title of each mailing that was due to why it was not sent, "" where it was.
    """
    workspace = Workspace.open(root)
    if not (workspace.restricted / NAME).exists():
        return {}
    moment, zone = now or datetime.now(UTC), workspace.settings.workspace.timezone
    store = Store(workspace.restricted)
    found: dict[str, str] = {}
    with closing(store), WriteLock(root / "mailings.lock", wait_seconds=60):
        mailings = Mailings(store)
        waiting = [one for one in mailings.every() if one.sent < period(one, moment, zone)]
        if not waiting:
            return {}
        with closing(Desk(root, wait=_WAIT)) as desk:
            for mailing in waiting:
                due = period(mailing, moment, zone)
                if not mailings.claim(mailing, due):
                    continue
                why = _send(workspace, desk, store, mailing, due, environment, pause)
                found[mailing.title] = why
                if why:
                    mailings.failed(OPERATOR, mailing, due, why)
                else:
                    mailings.sent(OPERATOR, mailing, due)
    return found


def sendable(page: str, person: Person) -> View:
    """The view a page of a mailing leads to.

    Raises:
        CandorError: ``mailing.invalid`` where it cannot be sent to this person.
    """
    parts = urlsplit(page)
    found = looking.view_at(parts.path) if page.startswith("/") and not parts.netloc else None
    actor = person.actor()
    if found is None or found[0].holds_text or not found[0].is_document:
        raise CandorError("mailing.invalid", Problem("this page is not sent by mail", "page"))
    view = found[0]
    if not actor.may(view.permission) or (actor.scope and not view.is_scoped):
        raise CandorError("mailing.invalid", Problem("the account may not see this page", "page"))
    return view


def document_for(desk: Desk, page: str, person: Person) -> tuple[str, Document]:
    """Heading and document of a page as a person may see it.

    Raises:
        CandorError: the person may not, or the page refuses.
        Pending: it takes too long.
    """
    view = sendable(page, person)
    parts = urlsplit(page)
    names = (looking.view_at(parts.path) or (view, {}))[1]
    pairs = [pair for pair in parse_qsl(parts.query) if pair[0] != "snapshot"]
    made, _ = looking.shown(desk, view, pairs, names, person.actor())
    if made.document is None:
        raise CandorError("mailing.invalid", Problem("this page is not sent by mail", "page"))
    return made.title, made.document


def _send(
    workspace: Workspace, desk: Desk, store: Store, mailing: Mailing, due: str,
    environment: Mapping[str, str], pause: Callable[[float], None],
) -> str:  # fmt: skip
    """Why it was not sent; "" when it was."""
    section = workspace.settings.alerts
    address = Mailings(store).address(mailing.person)
    person = People(store).get(mailing.person)
    if not section.smtp_host:
        return "no mail server is named in [alerts] of candor.toml"
    if not address:
        return "nobody has said where this mail goes"
    if person.is_disabled:
        return "the account is switched off"
    try:
        heading, document = document_for(desk, mailing.page, person)
    except CandorError as error:
        return "; ".join(problem.what for problem in error.problems)
    except Pending:
        return "the page took too long to work out"
    made = letter.message(
        document, heading, sender=section.email_from or address, to=address,
        mark=f"{mailing.id}.{due}", page=mailing.page,
    )  # fmt: skip
    return send_message(made, section, environment, pause=pause) or ""

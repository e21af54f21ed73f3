"""A mail as events: the message, its thread where it began, who took over, and the writer's address.

Only this module maps mails. The first mail of a thread tells of the conversation; its revision is the
last instant known of the thread, so a fuller export outranks an earlier one. E-mail knows no states:
nothing here closes a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, Notes, RecordRefused, SourceOptions
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import earliest_wins
from candor.sources.mbox import bodies, context, mails, people
from candor.sources.mbox.context import Head, Threads
from candor.sources.shapes import text_of

_PRIORITIES = {"1": "high", "2": "high", "3": "normal", "4": "low", "5": "low"}
# What a field of ours holds, and what differs between two copies of one mail: no field of the mail.
_LEFT = re.compile(
    r"(?:message-id|in-reply-to|references|date|from|sender|to|cc|bcc|reply-to|subject|x-priority"
    r"|content-.*|mime-version|auto-submitted|precedence|received.*|return-path|delivered-to|envelope-to"
    r"|x-original-to|dkim-.*|domainkey-.*|arc-.*|authentication-results|x-received|x-google-.*|x-gm-.*"
    r"|x-gmail-.*|x-mozilla-.*|x-uid.*|x-keywords|x-spam-.*|x-ms-exchange-.*|status|x-status|lines)"
)


@lru_cache(maxsize=1 << 12)
def _is_left(name: str) -> bool:
    return _LEFT.fullmatch(name) is not None


def of_mail(
    mail: mails.Mail, threads: Threads, options: SourceOptions, notes: Notes
) -> Iterator[EventDict]:
    """Everything one mail says.

    Raises:
        RecordRefused: it has neither a date nor a date of delivery.
    """
    declared = threads.declared
    head: Head = context.head_of(mail, declared) if mail.seen is None else mail.seen
    headers, at, identity, envelope = head.headers, head.at, head.identity, head.envelope
    if at is None:
        at = people.delivered_at(mail.separator)
        notes.add("date_missing", "mails dated by their delivery")
    if at is None:
        raise RecordRefused(ReasonCode.TS_UNPARSED, "Date", "a date as mails write it")
    if identity.startswith("sha256:"):
        notes.add("id_missing", "mails without Message-ID")
    thread = threads.root(identity)
    if identity in threads.guessed:
        notes.add("thread_by_subject", "mails that refer to nothing but a subject")
    members = threads.members(thread)
    if members and members[0][1] == identity:
        yield _conversation(thread, headers, at, envelope, declared, threads)
    yield _message(mail, headers, identity, thread, at, envelope, options, notes)
    yield from _handoff(thread, identity, at, threads)
    if envelope.actor == "customer":
        yield {
            "type": "identity",
            "identity_id": f"{thread}:{envelope.sender}",
            "occurred_at": at,
            # The first sight of an address is enough, whichever mail is read first.
            "revision": earliest_wins(at),
            "customer_id": envelope.sender,
            "alias_kind": "email",
            "alias": envelope.sender,
            "is_removed": False,
        }


def _conversation(
    thread: str,
    headers: people.Headers,
    at: int,
    envelope: people.Envelope,
    declared: people.Declared,
    threads: Threads,
) -> EventDict:
    written_to = next((one for one in envelope.recipients if declared.is_own(one)), None)
    spam = str(people.header(headers, "x-spam-flag") or "").lower() == "yes"
    labels = str(people.header(headers, "x-gmail-labels") or "").lower().split(",")
    priority = text_of(people.header(headers, "x-priority"))
    customer = threads.customer(thread)
    return {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": at,
        "revision": threads.members(thread)[-1][0],
        "started_at": at,
        "channel": "email",
        "direction": "proactive" if declared.is_own(envelope.sender) else "inbound",
        "customer_id": customer,
        "language": text_of(people.header(headers, "content-language")),
        "entry_point": written_to,
        "subject": text_of(people.header(headers, "subject")),
        "priority": _PRIORITIES.get((priority or "")[:1]),
        "is_test": customer in declared.tests,
        "is_spam": spam or "spam" in (label.strip() for label in labels),
    }


def _message(
    mail: mails.Mail,
    headers: people.Headers,
    identity: str,
    thread: str,
    at: int,
    envelope: people.Envelope,
    options: SourceOptions,
    notes: Notes,
) -> EventDict:
    body = bodies.read(mail.content(), notes, headers)
    if envelope.actor is None:
        notes.add("actor_unknown", "mails without a sender")
    if envelope.machine is not None:
        notes.add(envelope.machine, "mails that a machine sent")
    if mail.is_cut:
        notes.add("mail_cut", "mails longer than a record may be; their end was not read")
    kept: dict[str, Any] = {
        "quoted": body.quoted,
        "signature": body.signature,
        "attachments": body.attachments or None,
        "machine": envelope.machine,
        "is_cut": mail.is_cut or None,
        "recipients": list(envelope.recipients) or None,
        "headers": {
            name: list(values) if len(values) > 1 else values[0]
            for name, values in headers.items()
            if not _is_left(name)
        }
        or None,
    }
    kind = None if envelope.is_public else "note"
    declared = options.settings.get("ai_text_kind")
    if kind is None and envelope.actor == "ai_agent" and body.text and declared == "question_mark":
        kind = kind_of_text(body.text)
    return {
        "type": "message",
        "message_id": identity,
        "thread_id": thread,
        "occurred_at": at,
        "actor": envelope.actor,
        "actor_id": envelope.sender or None,
        "is_public": envelope.is_public,
        "text": body.text,
        "kind": kind,
        "language": text_of(people.header(headers, "content-language")),
        "extra": {key: value for key, value in kept.items() if value is not None} or None,
    }


def _handoff(thread: str, identity: str, at: int, threads: Threads) -> Iterator[EventDict]:
    """The first mail of a person after an AI agent wrote: somebody took the thread over."""
    machine = threads.first(thread, "ai_agent")
    if machine is None or threads.first(thread, "human_agent", machine[0]) != (at, identity):
        return
    yield {
        "type": "handoff",
        "handoff_id": f"{thread}:1",
        "thread_id": thread,
        "occurred_at": at,
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": None,
        "is_planned": False,
        "accepted_at": at,
        "is_failed": False,
        "extra": {"inferred_from": "senders"},
    }

"""Which mails of an export belong together, and what a mail needs to know of the others.

Only this module reads the headers of all mailboxes ahead. A mail belongs to the thread of the first
mail it refers to (References, then In-Reply-To). One that refers to nothing, and whose subject says
that it is a reply, belongs to the last earlier mail of the same subject with the same customer, within
a number of days. Memory grows with mails, about 500 bytes each. Instants are epoch microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from candor.sources.base import FileRefused, SourceOptions
from candor.sources.instants import DAY
from candor.sources.mbox import mails, people
from candor.sources.shapes import Read

SUBJECT_DAYS = 30


@dataclass(slots=True)
class Head:
    """What the headers of a mail say.

    Attributes:
        headers: every header.
        at: when it was written; None when it does not say.
        identity: its id.
        envelope: its people.
    """

    headers: people.Headers
    at: int | None
    identity: str
    envelope: people.Envelope


def head_of(mail: mails.Mail, declared: people.Declared) -> Head:
    """What the headers of a mail say, read once while the mail is kept."""
    headers = mail.headers()
    return Head(
        headers,
        people.written_at(headers),
        mails.identity_of(headers, mail.raw),
        people.envelope_of(headers, declared),
    )


@dataclass(slots=True)
class Noted:
    """What is kept of a mail."""

    at: int
    parent: str | None
    subject: str
    is_reply: bool
    actor: str | None
    is_public: bool
    customer: str | None


@dataclass(slots=True)
class Threads:
    """The mails of an export by thread."""

    declared: people.Declared
    subject_days: int = SUBJECT_DAYS
    mails: dict[str, Noted] = field(default_factory=dict)
    guessed: dict[str, str] = field(default_factory=dict)
    _roots: dict[str, str] = field(default_factory=dict)
    _members: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def close(self) -> None:
        """Find the threads, once every mail was noted."""
        by_subject: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        for identity, mail in self.mails.items():
            if mail.subject and mail.customer:
                by_subject[mail.subject, mail.customer].append((mail.at, identity))
        for found in by_subject.values():
            found.sort()
            for (before, earlier), (at, identity) in pairwise(found):
                mail = self.mails[identity]
                near = at - before <= self.subject_days * DAY
                if mail.parent is None and mail.is_reply and near:
                    self.guessed[identity] = earlier
        members: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for identity, mail in self.mails.items():
            members[self.root(identity)].append((mail.at, identity))
        for found in members.values():
            found.sort()
        self._members = dict(members)

    def root(self, identity: str) -> str:
        """The thread of a mail: the id of the first mail it goes back to."""
        passed: dict[str, None] = {}
        here = identity
        while here not in self._roots:
            passed[here] = None
            mail = self.mails.get(here)
            above = None if mail is None else mail.parent or self.guessed.get(here)
            if above is None:
                break
            if above in passed:
                here = min(passed)  # Mails that refer to each other in a ring.
                break
            here = above
        found = self._roots.get(here, here)
        for one in passed:
            self._roots[one] = found
        return found

    def members(self, thread: str) -> list[tuple[int, str]]:
        """``(instant, id)`` of the thread's mails, in time."""
        return self._members.get(thread, [])

    def first(self, thread: str, actor: str, since: int | None = None) -> tuple[int, str] | None:
        """The first public mail of an actor, at or after an instant if one is given."""
        for at, identity in self.members(thread):
            mail = self.mails[identity]
            if mail.actor == actor and mail.is_public and (since is None or at >= since):
                return at, identity
        return None

    def customer(self, thread: str) -> str | None:
        """The other side: whoever of it wrote first, else whoever was written to first."""
        known = [self.mails[identity] for _, identity in self.members(thread)]
        wrote = next((one.customer for one in known if one.actor == "customer"), None)
        return wrote or next((one.customer for one in known if one.customer), None)


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Threads:
    """The threads of all mailboxes; what cannot be read is told when its own turn comes."""
    days = options.settings.get("subject_days")
    threads = Threads(people.Declared.of(options), SUBJECT_DAYS if days is None else int(days))
    for path in files:
        try:
            for record in read(path):
                _note(threads, record.value)
        except FileRefused:
            continue
    threads.close()
    return threads


def _note(threads: Threads, mail: mails.Mail) -> None:
    head = mail.seen = head_of(mail, threads.declared)
    headers, identity, envelope = head.headers, head.identity, head.envelope
    at = people.delivered_at(mail.separator) if head.at is None else head.at
    if at is None:
        return
    above = [*people.ids(headers, "references"), *people.ids(headers, "in-reply-to")]
    parent = next((one for one in above if one != identity), None)
    subject, is_reply = people.subject_of(headers)
    threads.mails[identity] = Noted(
        at,
        parent,
        subject,
        is_reply,
        envelope.actor,
        envelope.is_public,
        envelope.customer(threads.declared),
    )

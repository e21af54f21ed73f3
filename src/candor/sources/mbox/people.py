"""Who wrote a mail, to whom, and whether a machine did: read from its headers alone.

Only this module decides who acted. Staff are the addresses and domains that the user declares; a
name beside an address says nothing. Automatic replies (RFC 3834), bounces and lists are flagged, and
what a machine sends is the system's, whoever's machine it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from candor.sources.base import SourceOptions
from candor.sources.instants import SECOND
from candor.sources.shapes import list_of

Headers = Mapping[str, Sequence[str]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CTIME = re.compile(
    r"\b([A-Z][a-z]{2})\s+(\d{1,2})\s+(\d{2}:\d{2}(?::\d{2})?)\s+(?:[+-]\d{4}\s+|[A-Z]{3,4}\s+)?(\d{4})"
)
_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|r[ée]p|fwd?|wg|tr|rv)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE
)
# What nearly every mail writes; anything else goes through the standard library, ten times slower.
_ONE_ADDRESS = re.compile(
    r'\s*(?:[^<>"(),;:@\\]*<([^<>"(),;:@\\\s]+@[^<>"(),;:@\\\s]+)>|([^<>"(),;:@\\\s]+@[^<>"(),;:@\\\s]+))\s*'
)
_DATE = re.compile(
    r"\s*(?:[A-Z][a-z]{2},\s+)?(\d{1,2})\s+([A-Z][a-z]{2})\s+(\d{4})\s+(\d\d):(\d\d):(\d\d)\s+([+-])(\d\d)(\d\d)"
    r"(?:\s*\([^()]*\))?\s*"
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        start=1,
    )
}
_OF_MACHINES = (
    "content-type", "auto-submitted", "x-autoreply", "x-autorespond", "x-autoresponder",
    "precedence", "list-id",
)  # fmt: skip
_ID = re.compile(r"<([^<>\s]+)>")
_BOUNCERS = frozenset(("mailer-daemon", "postmaster"))


@dataclass(frozen=True, slots=True)
class Declared:
    """Whom the user declared.

    Attributes:
        own: addresses of staff, and domains as ``@shop.example``, in lower case.
        ai: addresses through which an AI agent writes, in lower case.
        ai_headers: names of headers that only the AI agent's mails have, in lower case.
        tests: addresses of testers, in lower case.
    """

    own: frozenset[str]
    ai: frozenset[str]
    ai_headers: frozenset[str]
    tests: frozenset[str]

    @classmethod
    def of(cls, options: SourceOptions) -> Declared:
        """What the options declare."""

        def words(name: str) -> frozenset[str]:
            return frozenset(str(one).lower() for one in list_of(options.settings.get(name)))

        ai = frozenset(one.lower() for one in options.ai_actor_ids)
        return cls(words("own_addresses") | ai, ai, words("ai_headers"), words("test_addresses"))

    def is_own(self, address: str) -> bool:
        """Whether an address is one of staff."""
        return address in self.own or f"@{address.rpartition('@')[2]}" in self.own


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers say of a mail's people.

    Attributes:
        sender: address in lower case; "" when there is none.
        recipients: addresses in lower case, of To and Cc.
        actor: who wrote.
        machine: ``auto_reply``, ``bounce``, ``list`` or None.
        is_public: a customer wrote or received it.
    """

    sender: str
    recipients: tuple[str, ...]
    actor: str | None
    machine: str | None
    is_public: bool

    def customer(self, declared: Declared) -> str | None:
        """The address of the other side."""
        for address in (self.sender, *self.recipients):
            if address and not declared.is_own(address):
                return address
        return None


def envelope_of(headers: Headers, declared: Declared) -> Envelope:
    """People of a mail."""
    sender = next(iter(addresses(headers, "from", "sender")), "")
    recipients = addresses(headers, "to", "cc")
    machine = machine_of(headers, sender)
    is_own = declared.is_own(sender)
    actor: str | None
    if machine in {"auto_reply", "bounce"}:
        actor = "system"
    elif sender in declared.ai or (is_own and declared.ai_headers & headers.keys()):
        actor = "ai_agent"
    elif is_own:
        actor = "human_agent"
    else:
        actor = "customer" if sender else None
    everybody_is_own = bool(recipients) and all(declared.is_own(one) for one in recipients)
    return Envelope(sender, recipients, actor, machine, not (is_own and everybody_is_own))


def addresses(headers: Headers, *names: str) -> tuple[str, ...]:
    """Addresses of the named headers, in lower case, each once."""
    values = [value for name in names for value in headers.get(name, ())]
    if len(values) == 1 and (match := _ONE_ADDRESS.fullmatch(values[0])):
        return ((match[1] or match[2]).lower(),)
    found = [address.strip().lower() for _, address in getaddresses(values)]
    # Machines that deliver mail may have no address but a name.
    whole = [address for address in found if "@" in address]
    return tuple(dict.fromkeys(whole or [address for address in found if address]))


def machine_of(headers: Headers, sender: str) -> str | None:
    """Whether a machine wrote a mail by itself."""
    first = {name: headers[name][0].strip().lower() for name in _OF_MACHINES if name in headers}
    is_report = first.get("content-type", "").startswith("multipart/report")
    if sender.partition("@")[0] in _BOUNCERS or is_report:
        return "bounce"
    submitted = first.get("auto-submitted", "no").partition(";")[0].strip()
    declares = {"x-autoreply", "x-autorespond", "x-autoresponder"} & first.keys()
    if submitted != "no" or declares or first.get("precedence") == "auto_reply":
        return "auto_reply"
    if "list-id" in first or first.get("precedence") in {"bulk", "list", "junk"}:
        return "list"
    return None


def written_at(headers: Headers) -> int | None:
    """When the mail says it was written; None when it does not."""
    for value in headers.get("date", ()):
        try:
            match = _DATE.fullmatch(value)
            if match is not None and match[2] in _MONTHS:
                return _numeric(match)
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        # A zone of -0000 means a time in UTC of unknown origin (RFC 5322).
        return _micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return None


def _numeric(match: re.Match[str]) -> int:
    """The instant of a date in the usual form.

    Raises:
        ValueError: there is no such date or time.
    """
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    moment = datetime(
        int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC
    )
    offset = (int(hours) * 60 + int(minutes)) * 60 * SECOND
    return _micros(moment) - (offset if sign == "+" else -offset)


def delivered_at(separator: str) -> int | None:
    """When the mail was delivered, by the line above it, which is in UTC (RFC 4155)."""
    match = _CTIME.search(separator)
    if match is None:
        return None
    month, day, clock, year = match.groups()
    clock = clock if clock.count(":") == 2 else f"{clock}:00"
    try:
        moment = datetime.strptime(f"{day} {month} {year} {clock} +0000", "%d %b %Y %H:%M:%S %z")
    except ValueError:
        return None
    return _micros(moment)


def _micros(moment: datetime) -> int:
    delta = moment.astimezone(UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND


def subject_of(headers: Headers) -> tuple[str, bool]:
    """The subject without marks of reply and forwarding, in lower case, and whether it had any."""
    subject = " ".join(next(iter(headers.get("subject", ())), "").split())
    bare = _PREFIX.sub("", subject) if ":" in subject else subject
    return bare.lower(), bare != subject


def ids(headers: Headers, name: str) -> list[str]:
    """Ids that a header names, in its order."""
    values = headers.get(name)
    return [] if values is None else list(dict.fromkeys(_ID.findall(" ".join(values))))


def header(headers: Headers, name: str) -> Any:
    """The first value of a header; None when there is none."""
    return next(iter(headers.get(name, ())), None)

"""Webhooks in: one door for each configured source, its sender proved, its bodies kept as lines.

Knows what a body may be for the connector that will read it; reading, masking and quarantine happen
at ingest. A body whose form is wrong is refused, because its sender should hear of it; a record
that is wrong in itself is kept and set aside with its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from candor.errors import CandorError, Problem, nearest
from candor.rates import Rates
from candor.receiving.inbox import Inbox
from candor.receiving.signatures import SCHEMES, SHORTEST_SECRET, Unsigned, check, standard_key
from candor.settings import SourceSection
from candor.sources.mapping import load_mapping
from candor.sources.readers.json_strict import JsonFault, decode, decode_at, space_end
from candor.workspace import Workspace

LARGEST_BODY = 1_000_000
_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/x-jsonlines"})
_READABLE = ("canonical", "generic", "intercom")
_PINGS = frozenset({"ping"})


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A request that is not kept.

    Args:
        status: of the answer.
        problem: for the sender's operator.
        wait: seconds after which it may be sent again; 0 for none told.
    """

    def __init__(self, status: HTTPStatus, problem: Problem, wait: int = 0) -> None:
        super().__init__(problem.what)
        self.status, self.problem, self.wait = status, problem, wait


@dataclass
class Hook:
    """The door of one source.

    Attributes:
        source: its name.
        connector: that will read what comes.
        scheme: how the sender signs.
        secrets: every active one.
        tolerance: seconds a signed time may lie from now.
        inbox: where bodies wait.
        rates: how often may be sent.
        clock: unix seconds.
        counts: answers by outcome: kept, repeated, ping, unsigned, refused, limited, failed.
    """

    source: str
    connector: str
    scheme: str
    secrets: tuple[str, ...]
    tolerance: float
    inbox: Inbox
    rates: Rates
    clock: Callable[[], float] = time.time
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, headers: Mapping[str, str], body: bytes, address: str) -> str:
        """Keep one delivery durably.

        Args:
            headers: names in lower case.
            body: as it came, at most ``LARGEST_BODY`` bytes.
            address: where it came from.

        Returns:
            ``kept``, ``repeated`` or ``ping``.

        Raises:
            Refused: and nothing was kept.
            OSError: the disk refused; it must be sent again.
        """
        outcome = "failed"
        try:
            outcome = self._taken(headers, body, address)
        except Refused as refused:
            outcome = {401: "unsigned", 429: "limited"}.get(refused.status, "refused")
            raise
        finally:
            self.counts[outcome] = self.counts.get(outcome, 0) + 1
        return outcome

    def _taken(self, headers: Mapping[str, str], body: bytes, address: str) -> str:
        try:
            check(SCHEMES[self.scheme], self.secrets, headers, body, now=self.clock(),
                  tolerance=self.tolerance)  # fmt: skip
        except Unsigned as unsigned:
            # Strangers must not use up what the sender may send.
            self._limit(f"stranger {address}")
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                Problem(unsigned.what, "", f"a signature by the scheme '{self.scheme}'"),
            ) from None
        self._limit("sender")
        lines = self._lines(headers.get("content-type", "").partition(";")[0].strip(), body)
        if not lines:
            return "ping"
        return "kept" if self.inbox.keep_lines("hook", lines) else "repeated"

    def _limit(self, who: str) -> None:
        if wait := self.rates.wait(who):
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                Problem("too many requests", "", "", f"send it again after {wait} s"), wait,
            )  # fmt: skip

    def _lines(self, kind: str, body: bytes) -> bytes:
        """A delivery as lines of JSON; empty for one that means nothing.

        Raises:
            Refused: it is in no form that the connector reads.
        """
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _unreadable(f"byte {error.start} is not UTF-8", "UTF-8") from None
        if kind in _LINES:
            if self.connector != "canonical":
                raise Refused(
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                    Problem("lines are taken for canonical events only", "Content-Type",
                            "application/json"),
                )  # fmt: skip
            # A broken line is one record: it is set aside with its reason, the others are stored.
            kept = [line.strip() for line in text.split("\n")]
            return b"".join(_line(line) for line in kept if line)
        if kind != "application/json":
            known = "application/json, application/x-ndjson"
            raise Refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                Problem(f"'{kind[:60]}' is not taken", "Content-Type", known),
            )
        try:
            document = decode(text)
        except JsonFault as fault:
            raise _unreadable(f"{fault.code}: {fault.detail}", "one JSON document") from None
        if self.connector == "intercom":
            if not isinstance(document, dict) or document.get("type") != "notification_event":
                raise _unreadable("it is no notification of Intercom", "type 'notification_event'")
            return b"" if document.get("topic") in _PINGS else _line(text)
        records = document if isinstance(document, list) else [document]
        if not all(isinstance(record, dict) for record in records):
            raise _unreadable("it is no object, and no list of objects", "one record or a list")
        return b"".join(_line(part) for part in _elements(text))


def hook_of(
    workspace: Workspace, source: str, inbox: Inbox, environment: Mapping[str, str]
) -> Hook:
    """The door of a configured source.

    Args:
        workspace: whose candor.toml.
        source: name of a block ``[sources.NAME]`` with ``[sources.NAME.hook]``.
        inbox: where its bodies wait.
        environment: holds the secrets.

    Raises:
        CandorError: it cannot be opened like this; every mistake at once.
    """
    section = workspace.settings.sources.get(source)
    if section is None or section.hook is None:
        known = [name for name, one in workspace.settings.sources.items() if one.hook]
        raise CandorError(
            "receive.no_hook",
            Problem(
                f"'{source}' takes no webhooks", "candor.toml", f"a block [sources.{source}.hook]",
                nearest(source, known) if known else "",
            ),
            exit_code=2,
        )  # fmt: skip
    hook = section.hook
    variable = hook.secret_env or f"CANDOR_HOOK_{source.upper()}"
    secrets = tuple(environment.get(variable, "").split())
    problems = _unfit(workspace, source, section) + _weak(secrets, variable, hook.scheme)
    if problems:
        raise CandorError("receive.hook", problems, exit_code=2)
    return Hook(
        source, section.connector, hook.scheme, secrets, float(hook.tolerance_seconds), inbox,
        Rates(hook.burst, hook.per_second),
    )  # fmt: skip


def _unfit(workspace: Workspace, source: str, section: SourceSection) -> list[Problem]:
    """Why the connector cannot read records that come one by one."""
    where = f"[sources.{source}] connector"
    if section.connector not in _READABLE:
        return [
            Problem(
                f"'{section.connector}' needs more than the record that a webhook brings", where,
                ", ".join(_READABLE), "use `candor pull`, and webhooks to know when",
            )
        ]  # fmt: skip
    if section.connector != "generic":
        return []
    mapping = load_mapping(workspace.root / section.mapping)
    problems = []
    if mapping.format.type != "jsonl" or mapping.format.encoding is not None:
        problems.append(
            Problem("webhooks bring JSON", f"{section.mapping}: format", "{type: jsonl}")
        )
    if mapping.looks_around:
        problems.append(
            Problem(
                "a rule needs the records around one, and a webhook brings one", section.mapping,
                "no once_per, take, fill or $record",
            )
        )  # fmt: skip
    return problems


def _weak(secrets: tuple[str, ...], variable: str, scheme: str) -> list[Problem]:
    if not secrets:
        return [
            Problem(
                "there is no secret to check signatures with", variable,
                "the secret that the sender signs with; several while it is being changed",
                f"export {variable}=…",
            )
        ]  # fmt: skip
    problems = []
    for number, secret in enumerate(secrets, 1):
        where = f"{variable}, secret {number}"
        if len(secret) < SHORTEST_SECRET:
            problems.append(
                Problem("a secret is too short", where, f"{SHORTEST_SECRET} characters or more")
            )
        elif scheme == "standard":
            try:
                standard_key(secret)
            except ValueError:
                problems.append(Problem("it is not base64", where, "whsec_ and base64"))
    return problems


def _elements(text: str) -> Iterator[str]:
    """The elements of an array that was found to be right, or the one value, as they stand."""
    at = space_end(text, 0)
    if text[at] != "[":
        yield text
        return
    at = space_end(text, at + 1)
    while text[at] != "]":
        _, end = decode_at(text, at)
        yield text[at:end]
        at = space_end(text, end)
        if text[at] == ",":
            at = space_end(text, at + 1)


def _line(text: str) -> bytes:
    """A JSON text on one line: its line breaks are white space, because inside strings none stands."""
    return text.replace("\r", " ").replace("\n", " ").encode() + b"\n"


def _unreadable(what: str, expected: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, Problem(what, "body", expected))

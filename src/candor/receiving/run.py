"""Listening until told to stop: what came is stored every few minutes and at the end.

Spans lie in ``restricted/received`` for some hours, because a session that goes on needs its
beginning; a webhook's record says everything itself and goes once it was stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote

from candor import ingesting, window
from candor.errors import CandorError, Problem
from candor.outcomes import IngestResult
from candor.receiving.hooks import Hook, hook_of
from candor.receiving.inbox import Inbox
from candor.receiving.server import TOKEN, Address, server
from candor.workspace import Workspace

_SPANS = "otel"


@dataclass
class Door:
    """One source that is sent to us.

    Attributes:
        source: its name.
        inbox: where bodies wait.
        hook: of a webhook; None for spans.
        seen: requests of the inbox when it was stored last; -1 before the first time, because
            files of an earlier process may wait.
    """

    source: str
    inbox: Inbox
    hook: Hook | None = None
    seen: int = -1


def doors(
    workspace: Workspace, sources: Sequence[str], environment: Mapping[str, str]
) -> list[Door]:
    """What is to be opened for sources.

    Args:
        workspace: whose candor.toml.
        sources: names: ``otel`` or a source that uses it for spans, others for webhooks.
        environment: holds the secrets of webhooks.

    Raises:
        CandorError: a source takes no webhooks or cannot, or two take spans.
    """
    found: list[Door] = []
    problems: list[Problem] = []
    for source in dict.fromkeys(sources):
        section = workspace.settings.sources.get(source)
        takes_spans = (section.connector if section else source) == _SPANS
        inbox = Inbox(workspace.restricted / "received" / quote(source, safe=""))
        try:
            hook = None if takes_spans else hook_of(workspace, source, inbox, environment)
        except CandorError as error:
            problems += error.problems
            continue
        if takes_spans and any(door.hook is None for door in found):
            problems.append(Problem("spans are taken for one source at a time", source))
        found.append(Door(source, inbox, hook))
    if problems:
        raise CandorError("receive.hook", problems, exit_code=2)
    return found


def address(
    host: str, port: int, environment: Mapping[str, str], *, takes_spans: bool = True
) -> Address:
    """Where to listen.

    Args:
        host: address of this machine.
        port: 0 for any.
        environment: holds the token of spans.
        takes_spans: webhooks are signed and need no token.

    Raises:
        CandorError: ``receive.open``: others could reach it and there is no token.
    """
    token = environment.get(TOKEN, "").strip()
    is_own = host == "localhost" or _is_loopback(host)
    if takes_spans and not token and not is_own:
        raise CandorError(
            "receive.open",
            Problem(
                f"anybody who reaches {host} could send spans", "--host",
                f"a token in the environment variable {TOKEN}, or an address of this machine",
                f"export {TOKEN}=…, and send it as 'Authorization: Bearer …'",
            ),
            exit_code=2,
        )  # fmt: skip
    return Address(host, port, token)


def seconds(text: str, option: str) -> float:
    """Seconds of a duration such as ``5m``.

    Raises:
        CandorError: ``receive.duration``.
    """
    try:
        return window.duration(text) / window.SECOND
    except ValueError as error:
        raise CandorError(
            "receive.duration", Problem(str(error), option, "5m, 90s or 24h"), exit_code=2
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def receive(
    workspace: Workspace,
    opened: Sequence[Door],
    where: Address,
    *,
    every_seconds: float,
    keep_hours: float,
    until: threading.Event,
    told: Callable[[str, IngestResult], None],
    ready: Callable[[int], None],
) -> None:
    """Listen until told to stop, storing what came every few minutes and at the end.

    Args:
        workspace: where to store.
        opened: see ``doors``.
        where: where to listen.
        every_seconds: time between two ingests.
        keep_hours: how long files of spans stay, so that sessions that go on are read whole.
        until: set to stop.
        told: given source and outcome of each ingest.
        ready: given the port once it listens.
    """
    spans = next((door.inbox for door in opened if door.hook is None), None)
    hooks = {door.source: door.hook for door in opened if door.hook is not None}
    with server(where, spans, hooks) as listening:
        thread = threading.Thread(target=listening.serve_forever, name="candor-receiver")
        thread.start()
        try:
            ready(listening.server_address[1])
            while True:
                is_over = until.wait(every_seconds)
                for door in opened:
                    _store(workspace, door, keep_hours, told)
                if is_over:
                    break
        finally:
            listening.shutdown()
            thread.join()
    for door in opened:
        _store(workspace, door, keep_hours, told)


def _store(
    workspace: Workspace, door: Door, keep_hours: float, told: Callable[[str, IngestResult], None]
) -> None:
    if door.inbox.requests == door.seen:
        return
    door.seen = door.inbox.requests
    if not door.inbox.close():
        return
    result = ingesting.ingest(workspace, door.source, [door.inbox.folder])
    told(door.source, result)
    if not result.refused:
        door.inbox.forget(keep_hours if door.hook is None else 0.0)

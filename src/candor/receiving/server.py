"""The HTTP server of what is received: bounded, silent about what it was sent, one answer a request.

Spans go to ``/v1/traces`` and ``/v1/logs``, webhooks to ``/hooks/SOURCE``. A 200 means that the body
is on the disk.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from candor.errors import CandorError, Problem
from candor.receiving import hooks as hooking
from candor.receiving import spans
from candor.receiving.hooks import Hook, Refused
from candor.receiving.inbox import Inbox

TOKEN = "CANDOR_RECEIVE_TOKEN"  # noqa: S105 - the name of a variable
PORT = 4318
_HOOKS = "/hooks/"
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and the token that spans must carry ("" for none)."""

    host: str
    port: int
    token: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: bytes = b"{}"
    kind: str = "application/json"
    wait: int = 0


def server(
    where: Address, inbox: Inbox | None, hooks: Mapping[str, Hook] | None = None
) -> ThreadingHTTPServer:
    """A server that keeps what it is sent; the caller runs and closes it.

    Args:
        where: to listen.
        inbox: of spans; None takes none.
        hooks: by source.

    Raises:
        CandorError: ``receive.port``.
    """
    open_hooks = dict(hooks or {})

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            self.read_whole = False
            try:
                answer = self._answered()
            except Refused as refused:
                answer = _Answer(refused.status, b"{}", wait=refused.wait)
                if self.path.startswith(_HOOKS):
                    answer = _told(refused)
            except OSError as error:
                if isinstance(error, ConnectionError | TimeoutError):
                    raise
                # Nobody knows what the disk holds: not kept, as far as the sender is concerned.
                answer = _Answer(HTTPStatus.SERVICE_UNAVAILABLE, wait=_RETRY_SECONDS)
            if not self.read_whole:
                # What stands unread in the connection is not another request.
                self.close_connection = True
            self._send(answer)

        def _answered(self) -> _Answer:
            path = self.path.partition("?")[0]
            if path.startswith(_HOOKS):
                return self._hooked(unquote(path.removeprefix(_HOOKS)))
            kind = spans.PATHS.get(path)
            if kind is None or inbox is None:
                raise spans.refused(HTTPStatus.NOT_FOUND)
            if where.token:
                sent = self.headers.get("Authorization", "").encode()
                if not hmac.compare_digest(sent, f"Bearer {where.token}".encode()):
                    raise spans.refused(HTTPStatus.UNAUTHORIZED)
            form = spans.form_of(self.headers.get_content_type())
            body = self._body(spans.PACKED_BYTES)
            spans.take(inbox, kind, form, body, self.headers.get("Content-Encoding", "identity"))
            if form == "pb":
                return _Answer(HTTPStatus.OK, b"", "application/x-protobuf")
            return _Answer(HTTPStatus.OK)

        def _hooked(self, source: str) -> _Answer:
            hook = open_hooks.get(source)
            if hook is None:
                raise Refused(HTTPStatus.NOT_FOUND, Problem("there is no such door"))
            if self.headers.get("Content-Encoding", "identity") != "identity":
                raise Refused(
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                    Problem("packed bodies are not taken", "Content-Encoding", "identity"),
                )
            body = self._body(hooking.LARGEST_BODY)
            headers = {name.lower(): value for name, value in self.headers.items()}
            outcome = hook.take(headers, body, str(self.client_address[0]))
            return _Answer(HTTPStatus.OK, json.dumps({"outcome": outcome}).encode())

        def _body(self, most: int) -> bytes:
            told = self.headers.get("Content-Length", "")
            if not (told.isascii() and told.isdigit()):
                raise _sized(HTTPStatus.LENGTH_REQUIRED, most)
            if int(told) > most:
                raise _sized(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, most)
            body = self.rfile.read(int(told))
            if len(body) != int(told):
                raise _sized(HTTPStatus.BAD_REQUEST, most)
            self.read_whole = True
            return body

        def _send(self, answer: _Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            if answer.wait:
                self.send_header("Retry-After", str(answer.wait))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Nothing: a request's path may hold what nobody masked."""

    try:
        made = ThreadingHTTPServer((where.host, where.port), Receiver)
    except OSError as error:
        raise CandorError(
            "receive.port",
            Problem(
                f"candor cannot listen there ({error.strerror})", f"{where.host}:{where.port}",
                "a free port of this machine", "choose another with --port",
            ),
        ) from None  # fmt: skip
    made.daemon_threads = True
    return made


def _sized(status: HTTPStatus, most: int) -> Refused:
    what = {
        HTTPStatus.LENGTH_REQUIRED: "the length of the body is not told",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large",
        HTTPStatus.BAD_REQUEST: "the body ended early",
    }[status]
    return Refused(status, Problem(what, "Content-Length", f"at most {most:,} bytes"))


def _told(refused: Refused) -> _Answer:
    error = CandorError(f"hook.{refused.status.name.lower()}", refused.problem)
    return _Answer(refused.status, json.dumps(error.as_dict()).encode(), wait=refused.wait)

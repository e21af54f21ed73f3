"""A server on this machine that behaves like vendors' interfaces do, also on their bad days.

Handlers answer requests from lists of records; faults are queued and befall the next requests.
"""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None


@dataclass
class Reply:
    """What is answered."""

    value: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: int = 0


Handler = Callable[[Request], Reply | None]


class Vendor:
    """A server with its handlers, what it was asked, and faults to come."""

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.requests: list[Request] = []
        self.faults: deque[Reply | None] = deque()
        self.address = ""

    def asked(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.path == path]

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if self.faults:
            fault = self.faults.popleft()
            if fault is not None:
                return fault
        for handler in self.handlers:
            reply = handler(request)
            if reply is not None:
                return reply
        return Reply({"error": "not found"}, 404)


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    """Serve until the block ends."""

    class Talker(BaseHTTPRequestHandler):
        def _talk(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length) if length else b""
            reply = vendor.answer(
                Request(
                    self.command,
                    parts.path,
                    {key: values[-1] for key, values in parse_qs(parts.query).items()},
                    {key.lower(): value for key, value in self.headers.items()},
                    json.loads(sent) if sent else None,
                )
            )
            body = json.dumps(reply.value).encode() if reply.raw is None else reply.raw
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) - reply.cut])

        do_GET = do_POST = _talk  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Talker)
    httpd.daemon_threads = True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    vendor.address = f"http://127.0.0.1:{httpd.server_address[1]}"
    try:
        yield vendor
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def by_cursor(path: str, key: str, records: list[Any], size: int, **keys: str) -> Handler:
    """Pages by an opaque cursor that knows where it is."""
    parameter, token = keys.get("parameter", "cursor"), keys.get("token", "next")

    def handle(request: Request) -> Reply | None:
        if request.path != path:
            return None
        told = request.query.get(parameter)
        start = int(base64.b64decode(told).decode().partition(":")[2]) if told else 0
        page = records[start : start + size]
        after = base64.b64encode(f"at:{start + len(page)}".encode()).decode()
        is_last = start + size >= len(records)
        return Reply({key: page, token: None if is_last else after})

    return handle


def by_offset(path: str, records: list[Any], size: int, parameter: str = "page") -> Handler:
    """Numbered pages, the whole answer a list."""

    def handle(request: Request) -> Reply | None:
        if request.path != path:
            return None
        number = int(request.query.get(parameter, "1"))
        return Reply(records[(number - 1) * size : number * size])

    return handle


def by_link(vendor: Vendor, path: str, records: list[Any], size: int) -> Handler:
    """Pages linked by a header."""

    def handle(request: Request) -> Reply | None:
        if request.path != path:
            return None
        start = int(request.query.get("from", "0"))
        headers = {}
        if start + size < len(records):
            headers["Link"] = f'<{vendor.address}{path}?from={start + size}>; rel="next"'
        return Reply(records[start : start + size], headers=headers)

    return handle

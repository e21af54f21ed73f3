"""What surrounds every request: an id, the allowed hosts, a limit on bodies, and the headers.

Plain ASGI, so that it also holds for answers to requests no route knows.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from candor.sources.readers.limits import LIMITS
from candor.web.site import Site

LARGEST_BODY = 1_000_000
LARGER_BODIES = {"/connect/upload": LIMITS.packed_bytes}
"""Routes that take files, and the most bytes of their bodies; they read them once they know who."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-robots-tag": "noindex, nofollow",
}
_METHODS = frozenset({"GET", "HEAD", "POST"})
log = logging.getLogger("candor.web")


class Surroundings:
    """Wraps the application.

    Args:
        app: what is wrapped.
        site: whose hosts count.
    """

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app, self.site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, request = time.perf_counter(), secrets.token_hex(8)
        scope["candor.request"] = request
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(message["headers"], request, scope["path"])
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(told, *refusal)
        else:
            await self.app(scope, _limited(receive, _largest(scope)), told)
        key = f"{status // 100}xx"
        self.site.counts[key] = self.site.counts.get(key, 0) + 1
        route = scope.get("route")
        log.info(
            json.dumps(
                {
                    "request": request, "method": scope["method"], "status": status,
                    "route": getattr(route, "path", ""),
                    "ms": round(1000 * (time.perf_counter() - began), 1),
                }
            )
        )  # fmt: skip

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in self.site.hosts:
            return 400, "this server does not answer under that name"
        if scope["method"] not in _METHODS:
            return 405, "only GET, HEAD and POST are answered"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > _largest(scope):
            return 413, "the request is too large"
        return None

    def _headers(
        self, given: list[tuple[bytes, bytes]], request: str, path: str
    ) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in given}
        added = {**HEADERS, "x-request-id": request, "cache-control": "no-store"}
        if self.site.embedders and path.startswith("/s/"):
            # A shared page holds nothing that acts; only it may stand inside pages of named origins.
            added |= {
                "content-security-policy": POLICY.replace(
                    "frame-ancestors 'none'", f"frame-ancestors {' '.join(self.site.embedders)}"
                ),
                "cross-origin-resource-policy": "cross-origin",
            }
            del added["x-frame-options"]
        if self.site.is_secure:
            added["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        return [
            *given,
            *((name.encode(), value.encode()) for name, value in added.items()
              if name.encode() not in present),
        ]  # fmt: skip


def _largest(scope: Scope) -> int:
    return LARGER_BODIES.get(scope["path"], LARGEST_BODY)


def _limited(receive: Receive, largest: int) -> Receive:
    """The body, cut off where it grows beyond the limit whatever its header says."""
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > largest:
            return {"type": "http.disconnect"}
        return message

    return limited


async def _refuse(send: Send, status: int, what: str) -> None:
    body = json.dumps(refused("request.refused", what)).encode()
    await send(
        {
            "type": "http.response.start", "status": status,
            "headers": [(b"content-type", b"application/json"),
                        (b"content-length", str(len(body)).encode())],
        }
    )  # fmt: skip
    await send({"type": "http.response.body", "body": body})


def refused(code: str, what: str, expected: str = "", fix: str = "") -> dict[str, Any]:
    """The one JSON shape of an error."""
    return {
        "error": code,
        "problems": [{"what": what, "where": "", "expected": expected, "fix": fix}],
    }

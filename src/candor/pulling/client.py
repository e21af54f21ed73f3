"""The only way from a pull to the network: one host, over TLS, politely.

The host's name is resolved once per connection, every address is checked, and the connection goes to
a checked address with the name in TLS; redirects are not followed, no proxy of the environment is
used, answers are bounded. An answer's body and the secrets never stand in an error. Too many
requests, server errors and broken answers are tried again after the wait the server asked for, else
after a growing one. Seconds and bytes.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from candor.errors import CandorError, Problem
from candor.pulling.description import Auth, Limits

_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 522, 524))
_FIRST_WAIT = 1.0
_MINUTE = 60.0
Resolver = Callable[[str, int], Sequence[str]]


class Unavailable(Exception):  # noqa: N818 - an outcome the caller decides upon
    """The server did not give what was asked for.

    Args:
        status: its answer; 0 when there was none.
        reason: for people; holds no secret and nothing of the answer's body.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as it came, and what it says."""

    body: bytes
    value: Any
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and waiting, replaceable in tests."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def credentials(auth: Auth, environment: Mapping[str, str], renamed: Mapping[str, str]) -> str:
    """The value of the header that proves who asks; "" when none is needed.

    Raises:
        CandorError: ``pull.secret_missing`` with every variable that is not set.
    """
    names = {name: renamed.get(name, name) for name in auth.names}
    missing = [name for name in names.values() if not environment.get(name)]
    if missing:
        raise CandorError(
            "pull.secret_missing",
            [
                Problem(
                    f"the environment variable {name} is not set", "", "the secret of the source",
                    f"export {name}=… in the shell that runs candor; it is stored nowhere",
                )
                for name in missing
            ],
        )  # fmt: skip
    held = {name: environment[actual].strip() for name, actual in names.items()}
    if auth.kind == "bearer":
        return f"Bearer {held[auth.token_env]}"
    if auth.kind == "header":
        return held[auth.token_env]
    if auth.kind == "basic":
        password = held[auth.password_env] if auth.password_env else auth.password
        pair = f"{held[auth.user_env]}{auth.user_suffix}:{password}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return ""


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


class Client:
    """Asks one interface.

    Args:
        address: where it is; its path stands before every other path.
        headers: sent with every request, the credentials among them.
        limits: how fast and how long to ask.
        allow_private: permit http, and addresses that are not public.
        clock: time and waiting.
        resolver: addresses of a host.
    """

    def __init__(
        self,
        address: str,
        headers: Mapping[str, str],
        limits: Limits,
        *,
        allow_private: bool = False,
        clock: Clock | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._base = urlsplit(address.rstrip("/"))
        self._headers = {"User-Agent": "candor", "Accept": "application/json", **headers}
        self._limits = limits
        self._allow_private = allow_private
        self._clock = clock or Clock()
        self._resolver = resolver
        self._asked_at: float | None = None
        self.requests = 0
        allowed = ("https", "http") if allow_private else ("https",)
        if self._base.scheme not in allowed or not self._base.hostname or self._base.username:
            raise CandorError(
                "pull.address",
                Problem(
                    "the address is not allowed", "", "https://host, without a user in it",
                    "set allow_private = true in candor.toml for a server in your own network",
                ),
            )  # fmt: skip

    def own(self, link: str) -> str:
        """Path and query of a link of the same host.

        Raises:
            Unavailable: the link leads elsewhere: credentials are not carried there.
        """
        target = urlsplit(link)
        if target.netloc and (target.scheme, _origin(target)) != (
            self._base.scheme, _origin(self._base),
        ):  # fmt: skip
            raise Unavailable(0, "the link to the next page leads to another host")
        return target.path + (f"?{target.query}" if target.query else "")

    def ask(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        method: str = "GET",
        is_whole_path: bool = False,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """One page, tried until it came or cannot come.

        Args:
            path: after the address's own.
            query: parameters.
            body: sent as JSON.
            method: of HTTP.
            is_whole_path: ``path`` stands for itself.
            form: sent as a form, instead of ``body``.

        Raises:
            Unavailable: with the status of the last answer.
        """
        target = path if is_whole_path else self._base.path + path
        if query:
            target += ("&" if "?" in target else "?") + urlencode(query)
        payload, kind = None, ""
        if form is not None:
            payload, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            payload, kind = json.dumps(body).encode(), "application/json"
        shown = target.partition("?")[0]
        failed = Unavailable(0, f"{shown} was not asked")
        for attempt in range(self._limits.retries + 1):
            self._keep_pace()
            try:
                return self._once(method, target, payload, kind)
            except _Again as again:
                failed = Unavailable(again.status, f"{shown}: {again.reason}")
                wait = _FIRST_WAIT * 2**attempt if again.wait is None else again.wait
                if wait > self._limits.longest_wait_seconds:
                    raise Unavailable(
                        again.status, f"{shown}: the server asks to wait {wait:.0f} s; pull later"
                    ) from None
                if attempt < self._limits.retries:
                    self._clock.sleep(wait)
            except Unavailable as error:
                raise Unavailable(error.status, f"{shown}: {error.reason}") from None
        raise failed

    def _keep_pace(self) -> None:
        """No more requests a minute than the description allows."""
        now = self._clock.monotonic()
        pause = _MINUTE / self._limits.per_minute
        if self._asked_at is not None and now - self._asked_at < pause:
            self._clock.sleep(pause - (now - self._asked_at))
        self._asked_at = self._clock.monotonic()

    def _once(self, method: str, target: str, payload: bytes | None, kind: str) -> Answer:
        self.requests += 1
        connection = self._connection()
        response: http.client.HTTPResponse | None = None
        headers = dict(self._headers)
        if payload is not None:
            headers["Content-Type"] = kind
        try:
            connection.request(method, target, payload, headers)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            if response.status != http.client.OK:
                raise self._refusal(response.status, told)
            body = response.read(self._limits.page_bytes + 1)
            # ``read`` with a size does not complain of a body that ends early.
            missing = response.length
        except (TimeoutError, ssl.SSLError, OSError, http.client.HTTPException) as error:
            raise _Again(0, f"no answer ({type(error).__name__})") from None
        finally:
            if response is not None:
                response.close()
            connection.close()
        if len(body) > self._limits.page_bytes:
            raise Unavailable(200, f"a page of more than {self._limits.page_bytes} bytes")
        if missing:
            raise _Again(200, "the answer broke off")
        try:
            return Answer(body, json.loads(body), told)
        except (ValueError, RecursionError):
            raise _Again(200, "the answer is no whole JSON document") from None

    def _refusal(self, status: int, headers: Mapping[str, str]) -> Exception:
        if status in _AGAIN:
            return _Again(status, f"the server answered {status}", self._wanted_wait(headers))
        if 300 <= status < 400:
            return Unavailable(status, f"the server answered {status} and sends elsewhere")
        return Unavailable(status, f"the server answered {status}")

    def _wanted_wait(self, headers: Mapping[str, str]) -> float | None:
        """Seconds the server asks to wait, told as a number or as a date."""
        told = headers.get("retry-after", "").strip()
        if not told:
            return None
        if told.replace(".", "", 1).isdigit():
            return float(told)
        try:
            return max(parsedate_to_datetime(told).timestamp() - self._clock.now(), 0.0)
        except (TypeError, ValueError):
            return None

    def _connection(self) -> http.client.HTTPConnection:
        host = str(self._base.hostname)
        is_tls = self._base.scheme == "https"
        port = self._base.port or (443 if is_tls else 80)
        try:
            addresses = self._resolver(host, port)
        except OSError:
            raise _Again(0, "the host's name cannot be resolved") from None
        if not addresses:
            raise _Again(0, "the host has no address")
        if not self._allow_private and not all(_is_public(one) for one in addresses):
            raise Unavailable(0, "the host has an address that is not public")
        made: http.client.HTTPConnection = (
            _Pinned(host, port, addresses[0], self._limits.timeout_seconds)
            if is_tls
            else http.client.HTTPConnection(host, port, timeout=self._limits.timeout_seconds)
        )
        return made


class _Again(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, status: int, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.wait = status, reason, wait


class _Pinned(http.client.HTTPSConnection):
    """A TLS connection to a checked address, in the name of its host."""

    def __init__(self, host: str, port: int, address: str, timeout: float) -> None:
        self._checked = ssl.create_default_context()
        super().__init__(host, port, timeout=timeout, context=self._checked)
        self._address = address

    def connect(self) -> None:
        """Connect to the address that was checked, and to no other."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._checked.wrap_socket(plain, server_hostname=self.host)


def _origin(parts: SplitResult) -> tuple[str | None, int]:
    return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast

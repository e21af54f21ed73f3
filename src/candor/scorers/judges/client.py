"""Calls an OpenAI-compatible endpoint: one conversation, no tools, strict limits, every failure named.

Redirects, proxies of the environment and answers above a size are refused. Plain http is allowed to
this machine only. Retries wait with jitter, or as long as the server asks up to a limit; after five
failures in a row the circuit opens and nothing more is sent. An error's body is never shown.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from candor.errors import CandorError, Problem
from candor.scorers.judges.answer import JudgeError

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 256 * 1024
TRIES, BREAK_AFTER = 3, 5
_LOCAL = ("localhost", "127.0.0.1", "::1")
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to ask.

    Attributes:
        url: base, e.g. ``https://api.example.com/v1``.
        model: asked for.
        key: bearer token, or "".
        temperature: of the decoding. max_tokens: of the answer.
        timeout: seconds for a whole answer. longest_wait: seconds between tries at most.
    """

    url: str
    model: str
    key: str = ""
    temperature: float = 0.0
    max_tokens: int = 1_500
    timeout: float = 60.0
    longest_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came: its text, the model that names itself, and the tokens it counts."""

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None


class Circuit:
    """Counts failures in a row over all callers; open means stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed = 0

    def report(self, *, ok: bool) -> None:
        """Tell how a call ended."""
        with self._lock:
            self._failed = 0 if ok else self._failed + 1

    @property
    def is_open(self) -> bool:
        """Whether nothing more should be sent."""
        return self._failed >= BREAK_AFTER


class Client:
    """Asks one endpoint; use as a context manager."""

    def __init__(self, endpoint: Endpoint, *, sleep: Callable[[float], None] = time.sleep) -> None:
        try:
            import httpx
        except ImportError:
            raise CandorError(
                "judge.no_httpx",
                Problem("the package httpx is not installed", "", "pip install 'candor-cx[judge]'"),
            ) from None
        parts = urlsplit(endpoint.url)
        is_local = parts.hostname in _LOCAL
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise CandorError(
                "judge.url",
                Problem(
                    f"'{endpoint.url}' cannot be asked",
                    "judges: url",
                    "https, or http on this machine",
                ),
            )
        self._httpx = httpx
        self._endpoint = endpoint
        self._sleep = sleep
        self.circuit = Circuit()
        self._client = httpx.Client(
            trust_env=False, follow_redirects=False,
            timeout=httpx.Timeout(endpoint.timeout, connect=min(5.0, endpoint.timeout)),
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, system: str, user: str) -> Reply:
        """One answer.

        Raises:
            JudgeError: after the last try.
        """
        body = {
            "model": self._endpoint.model,
            "temperature": self._endpoint.temperature,
            "max_tokens": self._endpoint.max_tokens,
            "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": user},
            ],
        }
        for number in range(TRIES):
            try:
                reply = self._once(body)
            except _TryAgainError as failed:
                if number + 1 == TRIES or self.circuit.is_open:
                    self.circuit.report(ok=False)
                    raise JudgeError(failed.reason, failed.told) from None
                pause = failed.wait if failed.wait is not None else 2.0**number
                self._sleep(min(pause * _jitter(), self._endpoint.longest_wait))
            except JudgeError:
                self.circuit.report(ok=False)
                raise
            else:
                self.circuit.report(ok=True)
                return reply
        raise AssertionError("unreachable")

    def _once(self, body: dict[str, Any]) -> Reply:
        headers = {"Content-Type": "application/json"}
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key}"
        url = self._endpoint.url.rstrip("/") + "/chat/completions"
        try:
            with self._client.stream("POST", url, json=body, headers=headers) as response:
                if response.status_code in _AGAIN:
                    reason = "rate_limited" if response.status_code == 429 else "http_error"
                    raise _TryAgainError(reason, str(response.status_code), _asked_wait(response))
                if response.status_code != 200:
                    raise JudgeError("http_error", str(response.status_code))
                raw = self._read(response)
        except self._httpx.TimeoutException:
            raise _TryAgainError("timeout") from None
        except self._httpx.HTTPError as error:
            raise _TryAgainError("unreachable", type(error).__name__) from None
        return _reply(raw)

    def _read(self, response: httpx.Response) -> bytes:
        """The body, within size and time: a slow trickle is a timeout too."""
        ends = time.monotonic() + self._endpoint.timeout
        raw = bytearray()
        for piece in response.iter_bytes():
            raw += piece
            if len(raw) > MOST_BYTES:
                raise JudgeError("too_large")
            if time.monotonic() > ends:
                raise _TryAgainError("timeout")
        return bytes(raw)


class _TryAgainError(Exception):
    def __init__(self, reason: str, told: str = "", wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.told, self.wait = reason, told, wait


def _jitter() -> float:
    """Between 1 and 1.25, so that callers do not return in step."""
    return 1 + time.monotonic_ns() % 1_000 / 4_000


def _asked_wait(response: httpx.Response) -> float | None:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None


def _reply(raw: bytes) -> Reply:
    try:
        given = json.loads(raw)
        choice = given["choices"][0]
        text = choice["message"]["content"]
        model = given.get("model")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise JudgeError("wrong_shape", "no chat completion") from None
    if choice.get("finish_reason") == "length":
        raise JudgeError("truncated")
    if not isinstance(text, str):
        raise JudgeError("wrong_shape", "no text")
    usage = given.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    return Reply(
        text, model if isinstance(model, str) else "", _count(counted.get("prompt_tokens")),
        _count(counted.get("completion_tokens")),
    )  # fmt: skip


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

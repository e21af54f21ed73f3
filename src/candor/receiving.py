"""Takes traces and logs in over OTLP/HTTP, keeps them durably, and stores them every few minutes.

Only this module listens for spans. A request is answered once it is on the disk, so that a client
that heard nothing sends it again and nothing is lost; what it sends twice is recognised. Bodies are
checked before they are kept, bounded before and after unpacking, and never interpreted further here.
Files lie in ``restricted/received`` for some hours, because a session that goes on needs its
beginning. Reference: the OTLP specification, section OTLP/HTTP (``/v1/traces``, ``/v1/logs``;
protobuf or JSON; gzip).
"""

from __future__ import annotations

import hmac
import io
import os
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from candor import ingesting, window
from candor.errors import CandorError, Problem
from candor.lake import durable
from candor.outcomes import IngestResult
from candor.sources.otel import wire
from candor.sources.readers.json_strict import JsonFault, decode
from candor.workspace import Workspace

TOKEN = "CANDOR_RECEIVE_TOKEN"  # noqa: S105 - the name of a variable
PORT = 4318
_PATHS = {"/v1/traces": "traces", "/v1/logs": "logs"}
_FORMS = {"application/x-protobuf": "pb", "application/json": "jsonl"}
_PACKED_BYTES = 16 << 20
_UNPACKED_BYTES = 64 << 20
_LENGTH_BYTES = 4
_OPEN = ".part"
_HOUR_SECONDS = 3_600


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Inbox:
    """Bodies as they came, appended to files that are closed when they are to be read.

    Args:
        folder: where the files lie; what an earlier process left open is mended and closed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        durable.make_folder(folder, 0o700)
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Path, io.FileIO]] = {}
        self.requests = 0
        for path in sorted(folder.glob(f"*{_OPEN}")):
            _mend(path)
            _close(path)

    def keep(self, kind: str, form: str, body: bytes) -> None:
        """Append a body and flush it to the disk."""
        if form == "pb":
            line = len(body).to_bytes(_LENGTH_BYTES, "big") + body
        else:
            line = body.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
        with self._lock:
            name = f"{kind}.{form}"
            if name not in self._open:
                path = self.folder / f"{kind}-{time.time_ns()}.{form}{_OPEN}"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                self._open[name] = path, io.FileIO(descriptor, "a")
                durable.sync(self.folder)
            _, handle = self._open[name]
            handle.write(line)
            os.fsync(handle.fileno())
            self.requests += 1

    def close(self) -> list[Path]:
        """Close what is open; every closed file, oldest first."""
        with self._lock:
            for path, handle in self._open.values():
                handle.close()
                _close(path)
            self._open = {}
        return sorted(path for path in self.folder.iterdir() if not path.name.endswith(_OPEN))

    def forget(self, older_than_hours: float) -> None:
        """Remove closed files that were stored and are older than some hours."""
        oldest = time.time() - older_than_hours * _HOUR_SECONDS
        for path in self.folder.iterdir():
            if not path.name.endswith(_OPEN) and path.stat().st_mtime < oldest:
                path.unlink()
        durable.sync(self.folder)


def _close(path: Path) -> None:
    if path.stat().st_size:
        path.rename(path.with_name(path.name.removesuffix(_OPEN)))
    else:
        path.unlink()
    durable.sync(path.parent)


def _mend(path: Path) -> None:
    """Cut off what a dying process wrote half: its client was not answered and sends it again."""
    content = path.read_bytes()
    whole = 0
    if path.name.endswith(f".jsonl{_OPEN}"):
        whole = content.rfind(b"\n") + 1
    else:
        while whole + _LENGTH_BYTES <= len(content):
            size = int.from_bytes(content[whole : whole + _LENGTH_BYTES], "big")
            if whole + _LENGTH_BYTES + size > len(content):
                break
            whole += _LENGTH_BYTES + size
    os.truncate(path, whole)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and the token that a request must carry ("" for none)."""

    host: str
    port: int
    token: str


def address(host: str, port: int, environment: Mapping[str, str]) -> Address:
    """Where to listen.

    Raises:
        CandorError: ``receive.open``: others could reach it and there is no token.
    """
    token = environment.get(TOKEN, "").strip()
    is_own = host == "localhost" or _is_loopback(host)
    if not token and not is_own:
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


def server(where: Address, inbox: Inbox) -> ThreadingHTTPServer:
    """A server that keeps what it is sent; the caller runs and closes it."""

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            try:
                form = self._taken()
            except _Refused as refused:
                # What stands unread in the connection is not another request.
                self.close_connection = True
                self._answer(refused.status, "application/json", b"{}")
            else:
                kind = "application/x-protobuf" if form == "pb" else "application/json"
                self._answer(HTTPStatus.OK, kind, b"" if form == "pb" else b"{}")

        def _taken(self) -> str:
            kind = _PATHS.get(self.path.partition("?")[0])
            if kind is None:
                raise _Refused(HTTPStatus.NOT_FOUND)
            if where.token:
                sent = self.headers.get("Authorization", "").encode()
                if not hmac.compare_digest(sent, f"Bearer {where.token}".encode()):
                    raise _Refused(HTTPStatus.UNAUTHORIZED)
            form = _FORMS.get(self.headers.get_content_type())
            if form is None:
                raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            body = _unpacked(self._body(), self.headers.get("Content-Encoding", "identity"))
            _check(body, form)
            inbox.keep(kind, form, body)
            return form

        def _body(self) -> bytes:
            told = self.headers.get("Content-Length", "")
            if not told.isdigit():
                raise _Refused(HTTPStatus.LENGTH_REQUIRED)
            if int(told) > _PACKED_BYTES:
                raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            body = self.rfile.read(int(told))
            if len(body) != int(told):
                raise _Refused(HTTPStatus.BAD_REQUEST)
            return body

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in {"identity", ""}:
        return body
    if encoding != "gzip":
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        found = unpacker.decompress(body, _UNPACKED_BYTES)
    except zlib.error:
        raise _Refused(HTTPStatus.BAD_REQUEST) from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return found


def _check(body: bytes, form: str) -> None:
    """Refuse what the connector could not read: the client should hear of it."""
    try:
        if form == "jsonl":
            if not isinstance(decode(body.decode()), dict):
                raise _Refused(HTTPStatus.BAD_REQUEST)
            return
        framed = len(body).to_bytes(_LENGTH_BYTES, "big") + body
        for _, raw in wire.containers(io.BytesIO(framed), _UNPACKED_BYTES):
            wire.decode(raw or b"")
    except (JsonFault, UnicodeDecodeError, wire.WireFault):
        raise _Refused(HTTPStatus.BAD_REQUEST) from None


def receive(
    workspace: Workspace,
    source: str,
    where: Address,
    *,
    every_seconds: float,
    keep_hours: float,
    until: threading.Event,
    told: Callable[[IngestResult], None],
    ready: Callable[[int], None],
) -> None:
    """Listen until told to stop, storing what came every few minutes and at the end.

    Args:
        workspace: where to store.
        source: the connector ``otel``, or a configured source that uses it.
        where: where to listen.
        every_seconds: time between two ingests.
        keep_hours: how long files stay, so that sessions that go on are read whole.
        until: set to stop.
        told: given the outcome of each ingest.
        ready: given the port once it listens.
    """
    inbox = Inbox(workspace.restricted / "received" / quote(source, safe=""))
    with server(where, inbox) as listening:
        thread = threading.Thread(target=listening.serve_forever, name="candor-receiver")
        thread.start()
        try:
            ready(listening.server_address[1])
            seen = -1
            while True:
                is_over = until.wait(every_seconds)
                # Files of an earlier process wait for the first round.
                if inbox.requests != seen:
                    seen = inbox.requests
                    _store(workspace, source, inbox, keep_hours, told)
                if is_over:
                    break
        finally:
            listening.shutdown()
            thread.join()
    if inbox.requests != seen:
        _store(workspace, source, inbox, keep_hours, told)


def _store(
    workspace: Workspace,
    source: str,
    inbox: Inbox,
    keep_hours: float,
    told: Callable[[IngestResult], None],
) -> None:
    if not inbox.close():
        return
    result = ingesting.ingest(workspace, source, [inbox.folder])
    told(result)
    if not result.refused:
        inbox.forget(keep_hours)

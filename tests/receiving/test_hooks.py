"""Webhooks in: who may send, what is kept, and that an answer means it is kept."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from candor import ingesting, receiving
from candor.answers import delivery
from candor.errors import CandorError
from candor.lake import Lake
from candor.rates import Rates
from candor.receiving import Address, Hook, Inbox, server
from candor.receiving.signatures import SCHEMES, Unsigned, check
from candor.sources import run
from candor.workspace import Workspace

SECRET = "a_secret_of_the_sender"
STANDARD = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
NOW = 1_790_000_000
JSON, LINES = "application/json", "application/x-ndjson"


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in a child is tested elsewhere; here its start would take most of the time."""
    monkeypatch.setattr("candor.ingesting.run.read", partial(run.read, in_child=False))


def mac(message: bytes, secret: str | bytes = SECRET, kind: str = "sha256") -> hmac.HMAC:
    return hmac.new(secret.encode() if isinstance(secret, str) else secret, message, kind)


def signed(scheme: str, body: bytes, at: int = NOW, secret: str = SECRET) -> dict[str, str]:
    """What a sender puts into its headers, written out for each scheme."""
    if scheme in ("candor", "stripe"):
        value = f"t={at},v1={mac(b'%d.' % at + body, secret).hexdigest()}"
        return {f"{scheme}-signature": value}
    if scheme == "standard":
        key = base64.b64decode(secret.removeprefix("whsec_"))
        found = mac(b"msg_1.%d." % at + body, key).digest()
        return {
            "webhook-id": "msg_1", "webhook-timestamp": str(at),
            "webhook-signature": f"v1,{base64.b64encode(found).decode()}",
        }  # fmt: skip
    if scheme == "intercom":
        return {"x-hub-signature": f"sha1={mac(body, secret, 'sha1').hexdigest()}"}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    message = body + stamp.encode() if scheme.endswith("first") else stamp.encode() + body
    found = base64.b64encode(mac(message, secret).digest()).decode()
    return {
        "x-zendesk-webhook-signature": found, "x-zendesk-webhook-signature-timestamp": stamp
    }  # fmt: skip


def _is_taken(scheme: str, headers: dict[str, str], body: bytes, *secrets: str) -> bool:
    try:
        check(SCHEMES[scheme], secrets, headers, body, now=NOW, tolerance=300)
    except Unsigned:
        return False
    return True


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_each_scheme_knows_its_sender_and_nobody_else(scheme: str) -> None:
    secret, other = (STANDARD, "whsec_" + base64.b64encode(b"x" * 24).decode())
    if scheme != "standard":
        secret, other = SECRET, "quite_another_secret"
    for body in (b'{"a": 1}', b""):
        good = signed(scheme, body, secret=secret)
        assert _is_taken(scheme, good, body, secret)
        assert _is_taken(scheme, good, body, other, secret), "a second secret while changing"
        assert not _is_taken(scheme, good, body + b" ", secret), "one byte changed"
        assert not _is_taken(scheme, good, body, other)
        assert not _is_taken(scheme, good, body)
        assert not _is_taken(scheme, {}, body, secret)
        for name in good:
            for bad in ("", "v1,", "t=,v1=", "sha1=", "zz", "sha256=" + "0" * 64, "\xff"):
                assert not _is_taken(scheme, {**good, name: bad}, body, secret), (name, bad)
    if scheme != "intercom":
        for late in (-301, 301):
            assert not _is_taken(scheme, signed(scheme, b"x", NOW + late, secret), b"x", secret)
        for near in (-299, 299):
            assert _is_taken(scheme, signed(scheme, b"x", NOW + near, secret), b"x", secret)


def test_our_own_alerts_can_be_taken_in() -> None:
    header = {"candor-signature": delivery.sign(b'{"alerts": []}', SECRET, NOW)}
    assert _is_taken("candor", header, b'{"alerts": []}', SECRET)


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "message", "message_id": f"m{number}", "thread_id": "t1", "actor": "customer",
        "occurred_at": f"2026-05-01T10:{number // 60:02d}:{number % 60:02d}Z", "text": "hello",
        "is_public": True, **fields,
    }  # fmt: skip


def workspace(root: Path, connector: str = "canonical", scheme: str = "candor", more: str = ""):
    root.mkdir(exist_ok=True)
    (root / "candor.toml").write_text(
        f'[sources.live]\nconnector = "{connector}"\n{more}\n[sources.live.hook]\n'
        f'scheme = "{scheme}"\n',
        "utf-8",
    )
    return Workspace.open(root)


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return workspace(tmp_path / "w")


OPENED: list[receiving.Door] = []


@pytest.fixture(autouse=True)
def _close_doors() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().inbox.close()


def door(made: Workspace, secret: str = SECRET) -> receiving.Door:
    (opened,) = receiving.doors(made, ["live"], {"CANDOR_HOOK_LIVE": secret})
    assert opened.hook is not None
    opened.hook.clock = lambda: NOW
    OPENED.append(opened)
    return opened


def send(port: int, body: bytes, kind: str = JSON, **headers: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/hooks/live", body, {"Content-Type": kind, **headers})
        with connection.getresponse() as response:
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, {**json.loads(response.read()), "headers": found}
    finally:
        connection.close()


@contextmanager
def listening(hook: Hook) -> Iterator[int]:
    with server(Address("127.0.0.1", 0, ""), None, {"live": hook}) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield opened.server_address[1]
        finally:
            opened.shutdown()
            thread.join()


def store(made: Workspace, opened: receiving.Door) -> Any:
    opened.inbox.close()
    return ingesting.ingest(made, "live", [opened.inbox.folder])


def test_what_is_sent_is_stored_once_and_what_is_broken_is_set_aside(made: Workspace) -> None:
    opened = door(made)
    assert opened.hook is not None
    one = json.dumps(event(1), indent=2).encode()
    several = json.dumps([event(2), event(3, text='nine [zeros], "quoted"')]).encode()
    lines = "\r\n".join(
        [json.dumps(event(4)), '{"type": "message"', '{"type": "nonsense"}', "\x01\x02",
         json.dumps(event(5, text="line\u2028separator")), json.dumps(event(6, occurred_at="now"))]
    ).encode()  # fmt: skip
    with listening(opened.hook) as port:
        for body, kind in ((one, JSON), (several, JSON + "; charset=utf-8"), (lines, LINES)):
            status, told = send(port, body, kind, **signed("candor", body))
            assert (status, told["outcome"]) == (200, "kept")
        for _ in range(50):
            status, told = send(port, one, JSON, **signed("candor", one))
            assert (status, told["outcome"]) == (200, "repeated")
        # Sent once more by a sender that writes its JSON differently.
        again = json.dumps(event(1)).encode()
        assert send(port, again, JSON, **signed("candor", again))[1]["outcome"] == "kept"
    result = store(made, opened)
    assert (result.read, result.stored, result.duplicate, result.quarantined) == (10, 5, 1, 4)
    assert result.by_reason == {"JSON_SYNTAX": 2, "ENUM_UNKNOWN": 1, "TS_UNPARSED": 1}
    assert opened.hook.counts == {"kept": 4, "repeated": 50}


def test_a_delivery_that_comes_again_after_it_was_stored_changes_nothing(made: Workspace) -> None:
    body = json.dumps(event(1)).encode()
    first = door(made)
    assert first.hook is not None
    assert first.hook.take({"content-type": JSON, **signed("candor", body)}, body, "a") == "kept"
    assert store(made, first).stored == 1
    # A new process remembers nothing; the lake does.
    second = door(made)
    assert second.hook is not None
    assert second.hook.take({"content-type": JSON, **signed("candor", body)}, body, "a") == "kept"
    result = store(made, second)
    assert (result.stored, result.quarantined) == (0, 0)
    with Lake.open(made.root) as lake:
        assert lake.quarantine_list() == []


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status", "what"),
    [
        (b"{}", JSON, {}, 401, "signed time"),
        (b"{}", JSON, signed("candor", b"{ }"), 401, "signature"),
        (b"{}", JSON, signed("candor", b"{}", NOW - 301), 401, "clock"),
        (b"", JSON, signed("candor", b""), 400, "JSON"),
        (b'{"a": 1', JSON, signed("candor", b'{"a": 1'), 400, "JSON"),
        (b'{"a": 1, "a": 2}', JSON, signed("candor", b'{"a": 1, "a": 2}'), 400, "JSON_DUP_KEY"),
        (b"[1]", JSON, signed("candor", b"[1]"), 400, "no object"),
        (b"\xff", LINES, signed("candor", b"\xff"), 400, "UTF-8"),
        (b"{}", "text/plain", signed("candor", b"{}"), 415, "text/plain"),
        (b"x" * 1_000_001, JSON, {}, 413, "too large"),
    ],
    ids=["no proof", "other body", "old", "empty", "cut", "twice", "no object", "no text", "type",
         "large"],
)  # fmt: skip
def test_what_is_refused_is_not_kept_and_the_sender_is_told_why(
    made: Workspace, body: bytes, kind: str, headers: dict[str, str], status: int, what: str
) -> None:
    opened = door(made)
    assert opened.hook is not None
    with listening(opened.hook) as port:
        try:
            found, told = send(port, body, kind, **headers)
        except (BrokenPipeError, ConnectionResetError):
            assert status == 413, "an answer may come before a body that is too large was sent"
        else:
            assert found == status
            assert what in told["problems"][0]["what"]
            assert SECRET not in json.dumps(told)
        assert send(port, b"{}", JSON, **{"Content-Encoding": "gzip"})[0] == 415
    assert not list(opened.inbox.folder.iterdir())


def test_strangers_use_up_their_own_share_only(made: Workspace) -> None:
    opened = door(made)
    hook = opened.hook
    assert hook is not None
    hook.rates = Rates(burst=3, per_second=0.5, clock=lambda: 0.0)
    body = json.dumps(event(1)).encode()
    with listening(hook) as port:
        assert [send(port, body)[0] for _ in range(5)] == [401, 401, 401, 429, 429]
        good = signed("candor", body)
        assert [send(port, body, **good)[0] for _ in range(4)] == [200, 200, 200, 429]
        status, told = send(port, body, **good)
        assert (status, told["headers"]["retry-after"]) == (429, "2")


def test_a_disk_that_refuses_is_never_answered_with_yes(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = door(made)
    assert opened.hook is not None
    real, failing = os.fsync, [True]

    def refuse(descriptor: int) -> None:
        if failing[0]:
            raise OSError(5, "the disk is gone")
        real(descriptor)

    body = json.dumps(event(1)).encode()
    with listening(opened.hook) as port:
        opened.inbox.keep_lines("hook", b"{}\n")
        monkeypatch.setattr(os, "fsync", refuse)
        status, told = send(port, body, **signed("candor", body))
        assert (status, told["headers"]["retry-after"]) == (503, "5")
        failing[0] = False
        status, told = send(port, body, **signed("candor", body))
        assert (status, told["outcome"]) == (200, "kept"), "it is kept when it is sent again"


def test_many_senders_share_a_flush_and_each_is_answered_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox(tmp_path / "inbox")
    flushed: list[int] = []

    def slow(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        time.sleep(0.02)
        flushed.append(size)

    monkeypatch.setattr(os, "fsync", slow)
    wrong: list[int] = []

    def one(number: int) -> None:
        line = b"%06d\n" % number
        inbox.keep_lines("hook", line)
        (path,) = inbox.folder.glob("*.part")
        place = path.read_bytes().index(line) + len(line)
        if max(flushed, default=0) < place:
            wrong.append(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inbox.close()
    assert wrong == []
    assert len(flushed) < 30, "one flush for each sender would be 60"


CHILD = """
import sys, threading
from pathlib import Path
from candor import receiving
from candor.workspace import Workspace
made = Workspace.open(Path(sys.argv[1]))
(door,) = receiving.doors(made, ["live"], {"CANDOR_HOOK_LIVE": sys.argv[2]})
receiving.receive(made, [door], receiving.Address("127.0.0.1", 0, ""), every_seconds=600,
    keep_hours=1, until=threading.Event(), told=lambda *_: None,
    ready=lambda port: print(port, flush=True))
"""


def test_what_was_answered_survives_a_kill(made: Workspace) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(made.root), SECRET], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert child.stdout is not None
    port = int(child.stdout.readline())
    answered: set[str] = set()

    def keep_sending(start: int) -> None:
        for number in range(start, start + 5_000):
            body = json.dumps(event(number, occurred_at="2026-05-01T10:00:00Z")).encode()
            try:
                status, _ = send(port, body, **signed("candor", body, int(time.time())))
            except (OSError, http.client.HTTPException):
                return
            if status == 200:
                answered.add(f"m{number}")

    senders = [threading.Thread(target=keep_sending, args=(10_000 * one,)) for one in range(4)]
    for sender in senders:
        sender.start()
    while len(answered) < 40:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    for sender in senders:
        sender.join()
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    reopened = door(made)
    result = store(made, reopened)
    assert result.quarantined == 0
    with Lake.open(made.root) as lake:
        import pyarrow.parquet as pq

        kept = {
            name
            for path in lake.verified_paths("message", lake.snapshot())
            for name in pq.read_table(path, columns=["message_id"])["message_id"].to_pylist()
        }
    assert len(answered) >= 40
    assert answered <= kept


def test_intercom_s_notifications_are_read_by_its_connector(tmp_path: Path) -> None:
    made = workspace(tmp_path / "w", "intercom", "intercom", 'settings = {api_version = "2.15"}')
    opened = door(made)
    hook = opened.hook
    assert hook is not None
    conversation = {
        "type": "conversation", "id": "c1", "created_at": 1782900000, "updated_at": 1782900300,
        "state": "open", "open": True, "source": {
            "type": "conversation", "id": "s1", "delivered_as": "customer_initiated",
            "body": "<p>where is it?</p>", "author": {"type": "user", "id": "u1"},
        },
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "u1"}]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [],
                               "total_count": 0},
    }  # fmt: skip
    told = {"type": "notification_event", "topic": "conversation.user.created", "id": "n1",
            "data": {"type": "notification_event_data", "item": conversation}}  # fmt: skip

    def take(body: dict[str, Any]) -> str:
        raw = json.dumps(body).encode()
        return hook.take({"content-type": JSON, **signed("intercom", raw)}, raw, "a")

    assert take(told) == "kept"
    assert take({"type": "notification_event", "topic": "ping", "data": {}}) == "ping"
    with pytest.raises(receiving.hooks.Refused):
        take(conversation)
    result = store(made, opened)
    assert (result.read, result.stored) == (1, 1)
    assert result.by_type["conversation"] == 1
    assert result.by_type["message"] == 1


MAPPING = (
    "format: {type: jsonl}\nemit:\n  - type: survey\n    key: [id]\n    fields:\n"
    "      thread_id: ticket\n      occurred_at: at\n      instrument: {constant: csat}\n"
    "      score: score\n      scale_min: {constant: 1}\n      scale_max: {constant: 5}\n"
)


def test_a_mapping_reads_the_webhooks_of_any_system(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "m.yaml").write_text(MAPPING)
    made = workspace(tmp_path / "w", "generic", "standard", 'mapping = "m.yaml"')
    opened = door(made, STANDARD)
    assert opened.hook is not None
    body = json.dumps({"id": 1, "ticket": "t1", "at": "2026-05-01T10:00:00Z", "score": 4}).encode()
    headers = {"content-type": JSON, **signed("standard", body, secret=STANDARD)}
    assert opened.hook.take(headers, body, "a") == "kept"
    assert store(made, opened).by_type == {"survey": 1}


def _without_secret(root: Path) -> None:
    receiving.doors(workspace(root), ["live"], {})


def _short_secret(root: Path) -> None:
    receiving.doors(workspace(root), ["live"], {"CANDOR_HOOK_LIVE": "short"})


def _no_base64(root: Path) -> None:
    receiving.doors(workspace(root, scheme="standard"), ["live"], {"CANDOR_HOOK_LIVE": "!" * 20})


def _no_hook(root: Path) -> None:
    receiving.doors(workspace(root), ["other"], {})


def _zendesk(root: Path) -> None:
    receiving.doors(workspace(root, "zendesk", "zendesk"), ["live"], {"CANDOR_HOOK_LIVE": SECRET})


def _looks_around(root: Path) -> None:
    root.mkdir()
    (root / "m.yaml").write_text(MAPPING + "    once_per: [ticket]\n")
    made = workspace(root, "generic", more='mapping = "m.yaml"')
    receiving.doors(made, ["live"], {"CANDOR_HOOK_LIVE": SECRET})


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (_without_secret, "there is no secret"), (_short_secret, "too short"),
        (_no_base64, "not base64"), (_no_hook, "takes no webhooks"),
        (_zendesk, "needs more than the record"), (_looks_around, "records around one"),
    ],
)  # fmt: skip
def test_a_door_that_would_not_be_safe_does_not_open(
    tmp_path: Path, begin: Callable[[Path], None], what: str
) -> None:
    with pytest.raises(CandorError) as told:
        begin(tmp_path / "w")
    assert what in str(told.value)
    assert told.value.exit_code == 2

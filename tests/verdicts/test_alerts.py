"""Alerts: which signals speak, one alert for one trouble, and messages that arrive or are tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.answers import delivery
from candor.answers.alert_book import AlertBook
from candor.answers.delivery import DeliveryError, channels, deliver, sign
from candor.answers.watching import Looked
from candor.errors import CandorError
from candor.measure import BucketSums, MeasureCell
from candor.settings import AlertsSection
from candor.verdicts.alerts import Look, Signal, Watched, is_settled, look
from candor.verdicts.history import History, Observation
from candor.verdicts.stability import Word

FIRST = 20_000
BASELINE = (FIRST, FIRST + 30)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WATCHED = Watched("abandonment_rate", "Abandonment rate", "head of AI", "lower", "share", "day")
WAVE = [20 + (3, -2, 4, -4, 1, -1, 2, -3, 0, 5)[d % 10] for d in range(60)]


def _history(events: list[int], size: int = 50) -> History:
    return History(
        "abandonment_rate", "share", "day",
        tuple(Observation(FIRST + d, FIRST + d + 1, e / size, size, e) for d, e in enumerate(events)),
    )  # fmt: skip


def _look(events: list[int], day: int, watched: Watched = WATCHED, size: int = 50) -> Look:
    return look(
        watched, _history(events, size), baseline=BASELINE, period=(FIRST + day, FIRST + day + 1)
    )


def test_only_the_bad_side_of_the_period_looked_at_speaks() -> None:
    high, low = ([*WAVE[:45], v, *WAVE[46:]] for v in (48, 1))
    found = _look(high, 45).signal
    assert found is not None
    assert (found.side, found.start, found.key) == (
        "above", FIRST + 45, "abandonment_rate/day/above",
    )  # fmt: skip
    assert "96.0" in found.sentence
    assert _look(high, 46).signal is None
    assert _look(low, 45).signal is None
    either = replace(WATCHED, better="neither")
    below = _look(low, 45, either).signal
    assert below is not None
    assert below.side == "below"


def test_a_drift_inside_the_limits_does_not_page() -> None:
    moved = [*WAVE[:30], *[w + 4 for w in WAVE[30:]]]
    assert all(_look(moved, day).signal is None for day in range(30, 60))


def test_rare_events_page_once_when_their_sum_crosses() -> None:
    worse = [*[1 if d % 3 == 0 else 0 for d in range(30)], *[1] * 30]
    paged = [day for day in range(30, 60) if _look(worse, day, size=30).signal]
    assert len(paged) == 1
    assert 33 < paged[0] < 48


def test_a_short_baseline_says_so() -> None:
    found = look(
        WATCHED, _history(WAVE[:40]), baseline=(FIRST, FIRST + 12), period=(FIRST + 39, FIRST + 40)
    )
    assert (found.signal, found.word) == (None, Word.BASELINE_SHORT)


def test_a_period_is_settled_when_enough_units_are_past_their_windows() -> None:
    def cell(waiting: int) -> MeasureCell:
        sums = BucketSums(95, 1, 1, 95, 95, 1)
        return MeasureCell(
            "m", "m@1", "day", 1, 2, {}, 95 + waiting, {"immature": waiting, "unscored": 0}, {},
            {0: sums}, 9,
        )  # fmt: skip

    assert is_settled(cell(5))
    assert not is_settled(cell(6))


def _signal(day: int, side: Any = "above", watched: Watched = WATCHED) -> Signal:
    return Signal(watched, FIRST + day, side, 0.4, 0.1, 0.05, 0.2, "laney_p", "It was high.")


def _looked(*days: int, until: int, since: int = 0) -> list[Looked]:
    looks = tuple(
        Look(FIRST + day, _signal(day) if day in days else None, Word.STABLE)
        for day in range(since, until)
    )
    return [Looked(WATCHED, looks)]


def test_one_trouble_is_one_alert_and_closes_after_three_quiet_periods(tmp_path: Path) -> None:
    with AlertBook(tmp_path) as book:
        book.enter(_looked(1, 2, until=3))
        (alert,) = book.alerts()
        assert (alert.state, alert.occurrences, alert.first_period) == ("open", 2, FIRST + 1)
        assert book.seen() == {"abandonment_rate": FIRST + 2}
        book.enter(_looked(5, since=3, until=6))
        assert [a.occurrences for a in book.alerts()] == [3]
        book.enter(_looked(since=6, until=9))
        assert book.alerts() == []
        book.enter(_looked(9, since=9, until=10))
        assert [(a.id, a.occurrences) for a in book.alerts()] == [(2, 1)]
        assert len(book.alerts(closed=True)) == 2


def test_what_was_sent_acknowledged_or_snoozed_is_not_due(tmp_path: Path) -> None:
    with AlertBook(tmp_path) as book:
        book.enter(_looked(1, until=2))
        assert [a.id for a in book.due("mail", NOW)] == [1]
        book.delivered(book.alerts(), "mail", NOW, error="no answer")
        assert [a.id for a in book.due("mail", NOW)] == [1]
        book.delivered(book.alerts(), "mail", NOW)
        assert book.due("mail", NOW) == []
        assert [a.id for a in book.due("webhook:x", NOW)] == [1]
        book.snooze(1, NOW + timedelta(days=2))
        assert book.due("webhook:x", NOW) == []
        assert [a.id for a in book.due("webhook:x", NOW + timedelta(days=2))] == [1]
        assert book.acknowledge(1).state == "acknowledged"
        assert book.due("webhook:x", NOW + timedelta(days=2)) == []
        book.enter(_looked(2, since=2, until=3))
        assert [(a.state, a.occurrences) for a in book.alerts()] == [("acknowledged", 2)]
        with pytest.raises(CandorError, match="no living alert 9"):
            book.acknowledge(9)


def test_a_book_that_is_not_kept_leaves_no_file(tmp_path: Path) -> None:
    with AlertBook(tmp_path, keep=False) as book:
        assert book.seen() == {}
    assert list(tmp_path.iterdir()) == []


class _Sink(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((dict(self.headers), body))
        code = type(self).answers.pop(0) if type(self).answers else 204
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def _webhook(*answers: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    sink = type("Sink", (_Sink,), {"answers": list(answers), "got": []})
    server = HTTPServer(("127.0.0.1", 0), sink)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alerts", sink.got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _alerts(tmp_path: Path) -> list[Any]:
    with AlertBook(tmp_path) as book:
        book.enter(_looked(1, until=2))
        return book.alerts()


def _channel(url: str, key: str = "secret") -> delivery.Channel:
    section = AlertsSection(webhooks=(url,))
    (channel,) = channels(section, {delivery.KEY: key}, workspace="Desk", snapshot="s1")
    return channel


def test_a_webhook_body_is_signed_and_can_be_checked(tmp_path: Path) -> None:
    with _webhook() as (url, got):
        assert deliver(_channel(url), _alerts(tmp_path)) is None
    ((headers, body),) = got
    parts = dict(part.split("=") for part in headers[delivery.SIGNATURE].split(","))
    expected = hmac.new(b"secret", f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert parts["v1"] == expected
    assert abs(int(parts["t"]) - datetime.now(UTC).timestamp()) < 30
    document = json.loads(body)
    assert (document["type"], document["snapshot"]) == ("candor.alerts", "s1")
    assert document["alerts"][0]["metric"] == "abandonment_rate"
    assert sign(body, "secret", 5) != sign(body, "secret", 6)


@pytest.mark.parametrize(
    ("answers", "tries", "reason"),
    [
        ((503, 204), 2, None),
        ((503, 500, 429), 3, "the webhook answered 429"),
        ((404,), 1, "the webhook answered 404"),
        ((302,), 1, "the webhook answered 302"),
    ],
)
def test_a_failing_webhook_is_tried_again_where_that_may_help(
    tmp_path: Path, answers: tuple[int, ...], tries: int, reason: str | None
) -> None:
    waited: list[float] = []
    with _webhook(*answers) as (url, got):
        assert deliver(_channel(url), _alerts(tmp_path), pause=waited.append) == reason
    assert len(got) == tries
    assert waited == [1.0, 4.0][: tries - 1]


def test_what_cannot_be_signed_or_reached_is_told(tmp_path: Path) -> None:
    alerts = _alerts(tmp_path)
    assert "not set" in (deliver(_channel("https://example.org/x", key=""), alerts) or "")
    assert "https://" in (deliver(_channel("file:///etc/passwd"), alerts) or "")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = deliver(_channel(f"http://127.0.0.1:{port}/"), alerts, pause=lambda _s: None)
    assert "did not answer" in (told or "")


class _MailSink(threading.Thread):
    """A mail server that takes one message a connection, or answers with a fixed code."""

    def __init__(self, refuse_with: str = "") -> None:
        super().__init__(daemon=True)
        self.refuse_with = refuse_with
        self.messages: list[str] = []
        self.commands: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as wire:
                self._serve(wire)

    def _serve(self, wire: Any) -> None:
        def say(text: str) -> None:
            wire.write(text.encode() + b"\r\n")
            wire.flush()

        say("220 sink")
        for raw in wire:
            line = raw.decode().strip()
            self.commands.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "DATA":
                if self.refuse_with:
                    say(self.refuse_with)
                    continue
                say("354 go on")
                lines = []
                for part in wire:
                    if part == b".\r\n":
                        break
                    lines.append(part.decode())
                self.messages.append("".join(lines))
            elif verb == "QUIT":
                say("221 bye")
                return
            say("250 fine")


@contextmanager
def _mail(refuse_with: str = "") -> Iterator[_MailSink]:
    sink = _MailSink(refuse_with)
    sink.start()
    try:
        yield sink
    finally:
        sink.listener.close()


def _post_office(sink: _MailSink, **environment: str) -> delivery.Channel:
    section = AlertsSection(
        email_to=("team@example.org", "lead@example.org"), email_from="candor@example.org",
        smtp_host="127.0.0.1", smtp_port=sink.port,
    )  # fmt: skip
    (channel,) = channels(section, environment, workspace="Desk\nX", snapshot="s1")
    return channel


def test_a_mail_arrives_with_what_happened_and_whom_to_ask(tmp_path: Path) -> None:
    with _mail() as sink:
        assert deliver(_post_office(sink), _alerts(tmp_path)) is None
    (message,) = sink.messages
    assert "Subject: [Desk X] Outside its limits: Abandonment rate" in message
    assert "It was high." in message
    assert "candor alerts ack 1" in message
    assert "RCPT TO:<lead@example.org>" in " ".join(sink.commands).replace("rcpt", "RCPT").replace(
        "to:", "TO:"
    )


def test_a_busy_mail_server_is_tried_again_and_a_strict_one_is_not(tmp_path: Path) -> None:
    alerts = _alerts(tmp_path)
    with _mail("451 busy") as busy:
        assert (
            deliver(_post_office(busy), alerts, pause=lambda _s: None)
            == "the mail server answered 451"
        )
    assert sum(c.upper() == "DATA" for c in busy.commands) == 3
    with _mail("550 never") as strict:
        assert (
            deliver(_post_office(strict), alerts, pause=lambda _s: None)
            == "the mail server answered 550"
        )
    assert sum(c.upper() == "DATA" for c in strict.commands) == 1


def test_a_password_is_never_sent_in_the_clear(tmp_path: Path) -> None:
    secrets = {delivery.USER: "me", delivery.PASSWORD: "hunter2"}
    with _mail() as sink:
        told = deliver(_post_office(sink, **secrets), _alerts(tmp_path))
    assert told == "the mail server offers no TLS; the password was not sent"
    assert not sink.messages
    assert "hunter2" not in " ".join(sink.commands)


def test_a_delivery_error_holds_no_secret() -> None:
    assert DeliveryError("x").again

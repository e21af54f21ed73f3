"""Sends alerts: mail by SMTP, and JSON to webhooks, signed so that a receiver can check the sender.

Only this module speaks to the network for alerts. A webhook body is signed with HMAC-SHA256 over
``<unix time>.<body>``; the header is ``Candor-Signature: t=<unix time>,v1=<hex>``, so that a replayed
request can be refused by its age. Redirects are not followed. A password is sent over TLS only. What
fails is tried again, and again at the next tick; nothing is lost.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from candor.answers.alert_book import Alert
from candor.settings import AlertsSection

USER, PASSWORD, KEY = "CANDOR_SMTP_USER", "CANDOR_SMTP_PASSWORD", "CANDOR_WEBHOOK_KEY"
SIGNATURE = "Candor-Signature"
ATTEMPTS = 3
_PAUSES = (1.0, 4.0)
_TIMEOUT = 15.0
_TLS_PORT = 465
_TRY_AGAIN = frozenset({408, 425, 429})


class DeliveryError(Exception):
    """Why alerts could not be delivered, in one line.

    Args:
        reason: for people; holds no secret.
        again: whether another attempt may help.
    """

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to deliver.

    Attributes:
        name: stable name in the book, e.g. ``mail`` or ``webhook:https://…``.
        send: delivers alerts or raises `DeliveryError`.
    """

    name: str
    send: Callable[[Sequence[Alert]], None]


def channels(
    section: AlertsSection, environment: Mapping[str, str], *, workspace: str, snapshot: str
) -> list[Channel]:
    """The configured ways to deliver.

    Args:
        section: ``[alerts]`` of candor.toml.
        environment: holds passwords and keys.
        workspace: name shown in messages.
        snapshot: publication the alerts were found in.
    """
    found = []
    if section.email_to and section.smtp_host:

        def mail(alerts: Sequence[Alert]) -> None:
            _send_mail(_mail(alerts, section, workspace, snapshot), section, environment)

        found.append(Channel("mail", mail))
    for url in section.webhooks:

        def post(alerts: Sequence[Alert], url: str = url) -> None:
            _post(url, _body(alerts, workspace, snapshot), environment.get(KEY, ""))

        found.append(Channel(f"webhook:{url}", post))
    return found


def deliver(
    channel: Channel, alerts: Sequence[Alert], *, pause: Callable[[float], None] = time.sleep
) -> str | None:
    """Send by one channel, trying again after a pause.

    Returns:
        None when sent, else why not.
    """
    return _tried(lambda: channel.send(alerts), pause)


def send_message(
    message: EmailMessage,
    section: AlertsSection,
    environment: Mapping[str, str],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> str | None:
    """Send one letter by the mail server of ``[alerts]``, trying again after a pause.

    Returns:
        None when sent, else why not.
    """
    return _tried(lambda: _send_mail(message, section, environment), pause)


def _tried(send: Callable[[], None], pause: Callable[[float], None]) -> str | None:
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            pause(_PAUSES[attempt - 1])
        try:
            send()
        except DeliveryError as error:
            reason = str(error)
            if not error.again:
                break
        else:
            return None
    return reason


def sign(body: bytes, key: str, at: int) -> str:
    """Value of the signature header for a body sent at a unix time."""
    mac = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def _body(alerts: Sequence[Alert], workspace: str, snapshot: str) -> bytes:
    document: dict[str, Any] = {
        "type": "candor.alerts",
        "workspace": workspace,
        "snapshot": snapshot,
        "alerts": [alert.as_dict() for alert in alerts],
    }
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed body goes where it was meant to go, or nowhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _post(url: str, body: bytes, key: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise DeliveryError("a webhook address begins with https://", again=False)
    if not key:
        raise DeliveryError(f"{KEY} is not set, so the webhook cannot be signed", again=False)
    request = urllib.request.Request(  # noqa: S310 — the scheme was checked above
        url, data=body, method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "candor",
            SIGNATURE: sign(body, key, int(time.time())),
        },
    )  # fmt: skip
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        again = error.code >= 500 or error.code in _TRY_AGAIN
        raise DeliveryError(f"the webhook answered {error.code}", again=again) from None
    except (OSError, HTTPException) as error:
        raise DeliveryError(f"the webhook did not answer: {error}") from None


def _mail(
    alerts: Sequence[Alert], section: AlertsSection, workspace: str, snapshot: str
) -> EmailMessage:
    message = EmailMessage()
    title = str(alerts[0].told["title"]) if len(alerts) == 1 else f"{len(alerts)} metrics"
    message["Subject"] = f"[{workspace}] Outside its limits: {title}".replace("\n", " ")
    message["From"] = section.email_from or section.email_to[0]
    message["To"] = ", ".join(section.email_to)
    lines = []
    for alert in alerts:
        lines += [
            str(alert.told["sentence"]),
            f"  owner: {alert.told['owner']} · alert {alert.id} · `candor alerts ack {alert.id}`",
            "",
        ]
    lines.append(f"snapshot {snapshot}")
    message.set_content("\n".join(lines))
    return message


def _send_mail(
    message: EmailMessage, section: AlertsSection, environment: Mapping[str, str]
) -> None:
    user, password = environment.get(USER, ""), environment.get(PASSWORD, "")
    context = ssl.create_default_context()
    try:
        with _server(section, context) as server:
            is_private = isinstance(server, smtplib.SMTP_SSL)
            server.ehlo()
            if not is_private and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                is_private = True
            if user and not is_private:
                raise DeliveryError(
                    "the mail server offers no TLS; the password was not sent", again=False
                )
            if user:
                server.login(user, password)
            refused = server.send_message(message)
            if refused:
                raise DeliveryError(f"the mail server refused {', '.join(sorted(refused))}")
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(
            f"the mail server answered {error.smtp_code}", again=error.smtp_code < 500
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"the mail server did not take it: {error}") from None


def _server(section: AlertsSection, context: ssl.SSLContext) -> smtplib.SMTP:
    if section.smtp_port == _TLS_PORT:
        return smtplib.SMTP_SSL(
            section.smtp_host, section.smtp_port, timeout=_TIMEOUT, context=context
        )
    return smtplib.SMTP(section.smtp_host, section.smtp_port, timeout=_TIMEOUT)

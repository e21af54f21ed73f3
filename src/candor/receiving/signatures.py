"""Who sent a webhook: signatures over the raw body, compared in constant time.

One scheme a sender; each says which headers hold the proof, what is signed and how it is written.
Several secrets may be active while one is changed for another. Where a time is signed, an old or
future one is refused; a scheme without a time is protected from replays by recognising bodies only.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

SHORTEST_SECRET = 16


class Unsigned(Exception):  # noqa: N818 - an answer, not an error
    """The request does not prove who sent it.

    Args:
        what: for the sender's operator; never tells how near a guess was.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request shows.

    Attributes:
        at: signed time, unix seconds; None where the scheme has none.
        message: what is signed.
        shown: signatures offered; one right one is enough.
    """

    at: float | None
    message: bytes
    shown: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Scheme:
    """How one kind of sender signs.

    Attributes:
        proof: reads the headers (lower-case names) and the raw body.
        digest: hash of the HMAC.
        key: bytes of a secret as it is written down.
    """

    proof: Callable[[Mapping[str, str], bytes], Proof]
    digest: str = "sha256"
    key: Callable[[str], bytes] = str.encode


def check(
    scheme: Scheme,
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance: float,
) -> None:
    """Refuse a request that was not signed by the sender, or not lately.

    Args:
        scheme: of the sender.
        secrets: every active one.
        headers: of the request, names in lower case.
        body: as it came.
        now: unix seconds.
        tolerance: how far the signed time may lie from now, seconds.

    Raises:
        Unsigned: there is no proof, it is another one, or it is too old.
    """
    proof = scheme.proof(headers, body)
    is_right = False
    for secret in secrets:
        mac = hmac.new(scheme.key(secret), proof.message, scheme.digest).digest()
        for shown in proof.shown:
            is_right |= hmac.compare_digest(mac, shown)
    if not is_right:
        raise Unsigned("the signature is not that of this body under a secret known here")
    if proof.at is not None and abs(now - proof.at) > tolerance:
        raise Unsigned(f"the signed time lies more than {tolerance:g} s from this server's clock")


def standard_key(secret: str) -> bytes:
    """Bytes of a secret of Standard Webhooks: base64 after ``whsec_``.

    Raises:
        ValueError: it is not base64.
    """
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


def _stamped(header: str) -> Callable[[Mapping[str, str], bytes], Proof]:
    """``t=<unix>,v1=<hex>`` over ``<unix>.<body>``, perhaps with several ``v1``."""

    def proof(headers: Mapping[str, str], body: bytes) -> Proof:
        pairs = [part.strip().partition("=") for part in headers.get(header, "").split(",")]
        at = next((value for name, _, value in pairs if name == "t"), "")
        shown = [_hex(value) for name, _, value in pairs if name == "v1"]
        return Proof(_unix(at, header), at.encode() + b"." + body, shown)

    return proof


def _standard(headers: Mapping[str, str], body: bytes) -> Proof:
    identifier, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not identifier:
        raise Unsigned("the header webhook-id is missing")
    shown = [
        _base64(part.removeprefix("v1,"))
        for part in headers.get("webhook-signature", "").split()
        if part.startswith("v1,")
    ]
    message = f"{identifier}.{at}.".encode() + body
    return Proof(_unix(at, "webhook-timestamp"), message, shown)


def _zendesk(headers: Mapping[str, str], body: bytes, *, body_first: bool) -> Proof:
    name = "x-zendesk-webhook-signature"
    at = headers.get(f"{name}-timestamp", "")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise Unsigned(f"the header {name}-timestamp is no time") from None
    if moment.tzinfo is None:
        raise Unsigned(f"the header {name}-timestamp has no zone")
    message = body + at.encode() if body_first else at.encode() + body
    return Proof(moment.timestamp(), message, [_base64(headers.get(name, ""))])


def _intercom(headers: Mapping[str, str], body: bytes) -> Proof:
    kind, _, value = headers.get("x-hub-signature", "").partition("=")
    return Proof(None, body, [_hex(value)] if kind == "sha1" else [])


def _unix(text: str, header: str) -> float:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Unsigned(f"the header {header} holds no signed time")
    return float(text)


def _hex(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        return b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


SCHEMES: Mapping[str, Scheme] = {
    "candor": Scheme(_stamped("candor-signature")),
    "standard": Scheme(_standard, key=standard_key),
    "stripe": Scheme(_stamped("stripe-signature")),
    "zendesk": Scheme(lambda headers, body: _zendesk(headers, body, body_first=False)),
    "zendesk_body_first": Scheme(lambda headers, body: _zendesk(headers, body, body_first=True)),
    "intercom": Scheme(_intercom, digest="sha1"),
}
"""Every known way to sign, by the name that ``[sources.NAME.hook] scheme`` gives it."""

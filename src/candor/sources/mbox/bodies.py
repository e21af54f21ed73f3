"""The words of a mail: its text, what it quotes, its signature, and its attachments.

Only this module opens MIME parts. Text is preferred to HTML; mails inside mails are attachments, so
their words are not this mail's. Quoted history and signatures are split off, never thrown away.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from candor.sources import markup
from candor.sources.base import Notes
from candor.sources.mbox import parts
from candor.sources.mbox.people import Headers

_WRAPPED_HEAD = re.compile(
    r"^((?:On|Am|Le|El|Il|Op) [^\n]{5,200})\n([^\n]{0,120}(?:wrote|schrieb[^\n]{0,80}|a écrit ?|escribió"
    r"|ha scritto|schreef[^\n]{0,80}):)[ \t]*$",
    re.MULTILINE,
)
_HEADER_BLOCK = re.compile(
    r"^(?:From|Von|De|Da|Van): [^\n]+\n(?:(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Inviato|Verzonden)"
    r": [^\n]+\n)(?:(?:To|An|À|Para|A|Aan|Cc|Kopie): [^\n]+\n)*(?:Subject|Betreff|Objet|Asunto|Oggetto"
    r"|Onderwerp): ",
    re.MULTILINE,
)
# Words without which neither pattern can match; a look for them is cheaper by far.
_SAID = ("wrote", "schrieb", "a écrit", "escribió", "ha scritto", "schreef")
_SUBJECTS = ("Subject: ", "Betreff: ", "Objet: ", "Asunto: ", "Oggetto: ", "Onderwerp: ")
_SIGNATURE = re.compile(r"\n-- ?\n")
_PLAIN = re.compile(r'\s*text/plain\s*(?:;\s*charset\s*=\s*"?([\w.:-]+)"?\s*)?;?\s*', re.IGNORECASE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_REGULAR = re.compile(rb"(?:[!-9;-~]+:[\t -~]*\r?\n(?:[ \t][\t -~]*\r?\n)*)+\r?\n")
"""Headers without a mark or line that a parser might take for the end of one, or of all."""
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_DEEPEST = 30


@dataclass(slots=True)
class Body:
    """What a mail holds.

    Attributes:
        text: what its writer wrote; None when nothing.
        quoted: earlier mails that it repeats.
        signature: what stands below the signature mark.
        attachments: name, type and size in bytes of each.
    """

    text: str | None = None
    quoted: str | None = None
    signature: str | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)


def read(content: bytes, notes: Notes, headers: Headers | None = None) -> Body:
    """The body of a mail.

    Args:
        content: the mail with its headers.
        headers: the same headers, where they were read already.
        notes: where encodings that are unknown are counted.
    """
    plain: list[str] = []
    html: list[str] = []
    body = Body()
    if _REGULAR.match(content) is None or _LONE_RETURN.search(content):
        headers = None  # where lines and headers end is for the standard library to say
    alone = _alone(content, headers, notes)
    if alone is not None:
        plain.append(alone)
    elif not _usual(content, headers, plain, html, body, notes):
        _walk(message_from_bytes(content), plain, html, body, notes, 0)
    text = "\n".join(part for part in plain if part.strip())
    if text:
        found = of_plain(text)
    elif html:
        found = markup.of_html("\n".join(html))
    else:
        return body
    words, mark, below = _SIGNATURE.split(found.text, maxsplit=1)[0], "", ""
    if len(words) < len(found.text) and words.strip():
        mark, below = "--", found.text[len(words) :].strip("\n- ")
    body.text = (words if mark else found.text).strip() or None
    body.signature = below or None
    body.quoted = found.quoted
    return body


def _alone(content: bytes, headers: Headers | None, notes: Notes) -> str | None:
    """The text of a mail that is plain and nothing else; None when it must be opened as MIME."""
    if headers is None or "content-disposition" in headers:
        return None
    encoding = next(iter(headers.get("content-transfer-encoding", ("7bit",)))).strip().lower()
    match = _PLAIN.fullmatch(next(iter(headers.get("content-type", ("text/plain",)))))
    end = _HEADER_END.search(content)
    if match is None or end is None:
        return None
    payload = content[end.end() :]
    if encoding == "quoted-printable":
        payload = quopri.decodestring(payload)
    elif encoding == "base64":
        try:
            payload = binascii.a2b_base64(b"".join(payload.split()), strict_mode=True)
        except binascii.Error:
            return None  # The standard library makes the best of it.
    elif encoding not in {"7bit", "8bit", "binary"}:
        return None
    return _decoded(payload, (match[1] or "utf-8").lower(), notes)


def _usual(
    content: bytes, headers: Headers | None, plain: list[str], html: list[str], body: Body, notes: Notes
) -> bool:  # fmt: skip
    """Whether a mail of several parts was built as nearly all are; then its parts are told."""
    told = None if headers is None else headers.get("content-type")
    end = _HEADER_END.search(content)
    if told is None or len(told) > 1 or end is None:
        return False
    found = parts.leaves(content[end.end() :], told[0])
    for part in found or ():
        if part.kind in {"text/plain", "text/html"} and not part.is_attached and part.name is None:
            text = _decoded(part.payload, part.charset or "utf-8", notes)
            (plain if part.kind == "text/plain" else html).append(text)
        else:
            size = len(part.payload)
            body.attachments.append({"name": part.name, "type": part.kind, "bytes": size})
    return found is not None


def of_plain(text: str) -> markup.Body:
    """A plain text and what it quotes; heads that mail programs wrap or write as a block are known."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if any(word in text for word in _SAID):
        text = _WRAPPED_HEAD.sub(r"\1 \2", text)
    block = _HEADER_BLOCK.search(text) if any(word in text for word in _SUBJECTS) else None
    if block is not None and text[: block.start()].strip():
        above = markup.of_plain(text[: block.start()])
        below = text[block.start() :].strip()
        return markup.Body(above.text, "\n".join(p for p in (above.quoted, below) if p))
    return markup.of_plain(text)


def _walk(
    part: Message, plain: list[str], html: list[str], body: Body, notes: Notes, depth: int
) -> None:
    kind = part.get_content_type()
    if part.is_multipart() and kind != "message/rfc822" and depth < _DEEPEST:
        for inner in part.get_payload():
            if isinstance(inner, Message):
                _walk(inner, plain, html, body, notes, depth + 1)
        return
    name = part.get_filename()
    is_attached = part.get_content_disposition() == "attachment" or name is not None
    if kind in {"text/plain", "text/html"} and not is_attached:
        (plain if kind == "text/plain" else html).append(_text(part, notes))
        return
    payload = part.get_payload(decode=True)
    size = len(payload) if isinstance(payload, bytes) else None
    body.attachments.append({"name": name, "type": kind, "bytes": size})


def _text(part: Message, notes: Notes) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return _decoded(payload, part.get_content_charset() or "utf-8", notes)


def _decoded(payload: bytes, charset: str, notes: Notes) -> str:
    try:
        return payload.decode(charset)
    except (LookupError, UnicodeDecodeError):
        pass
    notes.add("charset_unknown", charset)
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return payload.decode("cp1252", "replace")

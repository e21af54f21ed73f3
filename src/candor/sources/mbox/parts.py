"""The parts of a mail of the usual build, taken apart without building a tree of messages.

Nearly every mail of several parts is made the same way; the standard library parses those line by
line, fifty times slower than they can be split. Whatever is built otherwise in any respect gives None
here, and the standard library opens it. So this module decides nothing of its own: a test holds both
against each other. Reference: RFC 2045, 2046 and 2183.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CONTAINER = re.compile(
    r"\s*multipart/(?:alternative|mixed|related)\s*;\s*(?:[\w-]+=\"?[\w./-]+\"?\s*;\s*)*"
    r"boundary=(?:\"([^\"\\]{1,70})\"|([\w'()+,./:=?-]{1,70}))\s*(?:;\s*[\w-]+=\"?[\w./-]+\"?\s*)*;?\s*",
    re.IGNORECASE,
)
_TYPE = re.compile(
    r"\s*((?!message/|multipart/)[\w.+-]+/[\w.+-]+)\s*((?:;\s*[\w-]+=(?:\"[^\"\\]*\"|[^\s\";]+)\s*)*);?\s*"
)
_DISPOSITION = re.compile(r"\s*([\w-]+)\s*((?:;\s*[\w-]+=(?:\"[^\"\\]*\"|[^\s\";]+)\s*)*);?\s*")
_PARAMETER = re.compile(r";\s*([\w-]+)=(?:\"([^\"\\]*)\"|([^\s\";]+))")
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)", re.DOTALL)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds no others.

    Attributes:
        kind: its content type.
        charset: as told; None when it is not.
        name: of its file, if told.
        is_attached: it is declared to be an attachment.
        payload: its bytes, decoded.
    """

    kind: str
    charset: str | None
    name: str | None
    is_attached: bool
    payload: bytes


def leaves(body: bytes, content_type: str) -> list[Leaf] | None:
    """The parts of a mail's body in their order; None when it is built in another way.

    Args:
        body: what stands below the mail's headers.
        content_type: the header of that name.
    """
    found: list[Leaf] = []
    return found if all(_take(found, body, content_type, 0)) else None


def _take(found: list[Leaf], body: bytes, content_type: str, depth: int) -> Iterator[bool]:
    match = _CONTAINER.fullmatch(content_type)
    pieces = None if match is None or depth > _DEEPEST else _split(body, match[1] or match[2])
    if pieces is None:
        yield False
        return
    for piece in pieces:
        headers = _headers(piece)
        if headers is None:
            yield False
            return
        told, payload = headers
        kind = told.get("content-type", "")
        if kind.lstrip()[:10].lower() == "multipart/":
            yield from _take(found, payload, kind, depth + 1)
            continue
        leaf = _leaf(told, kind, payload)
        yield leaf is not None
        if leaf is not None:
            found.append(leaf)


def _split(body: bytes, boundary: str) -> Sequence[bytes] | None:
    """What stands between the boundaries; None without an end."""
    mark = re.escape(boundary.encode())
    pieces = re.split(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?:\r?\n|\Z)", body)
    closes = [n for n, piece in enumerate(pieces[1::2]) if piece == b"--"]
    # A boundary straight below another one has no line end of its own: nothing for this module.
    if (
        len(pieces) < 5
        or not closes
        or b"--" + boundary.encode()
        in b"\n".join(piece for piece in pieces[2 : 2 * closes[0] + 1 : 2])
    ):
        return None
    return pieces[2 : 2 * closes[0] + 1 : 2]


def _headers(piece: bytes) -> tuple[dict[str, str], bytes] | None:
    """Headers of a part, as they stand, and what is below; None when they are unusual."""
    end = _HEADER_END.search(piece)
    if end is None or piece[:1] in (b"\r", b"\n"):
        return None
    block = piece[: end.start()]
    if not block.isascii() or b"=?" in block or b"*=" in block or b"*0" in block:
        return None
    found: dict[str, str] = {}
    for line in re.split(r"\r?\n", _FOLD.sub("", block.decode("ascii"))):
        field = _FIELD.fullmatch(line)
        if field is None or field[1].lower() in found:
            return None
        found[field[1].lower()] = field[2]
    return found, piece[end.end() :]


def _leaf(told: dict[str, str], kind: str, payload: bytes) -> Leaf | None:
    match = _TYPE.fullmatch(kind)
    disposition = (
        _DISPOSITION.fullmatch(told["content-disposition"])
        if ("content-disposition" in told)
        else None
    )
    if match is None or ("content-disposition" in told and disposition is None):
        return None
    about = _parameters(match[2])
    how = {} if disposition is None else _parameters(disposition[2])
    decoded = _decoded(payload, told.get("content-transfer-encoding", "7bit").strip().lower())
    if decoded is None or about is None or how is None:
        return None
    name = how.get("filename", about.get("name"))
    is_attached = disposition is not None and disposition[1].lower() == "attachment"
    charset = about.get("charset")
    return Leaf(
        match[1].lower(), None if charset is None else charset.lower(),
        None if name is None else name.strip(), is_attached, decoded,
    )  # fmt: skip


def _parameters(text: str) -> dict[str, str] | None:
    """Parameters of a header; None when one stands there twice."""
    pairs = [(m[1].lower(), m[3] if m[2] is None else m[2]) for m in _PARAMETER.finditer(text)]
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def _decoded(payload: bytes, encoding: str) -> bytes | None:
    if encoding in {"7bit", "8bit", "binary"}:
        return payload
    if encoding == "quoted-printable":
        return quopri.decodestring(payload)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(b"".join(payload.split()), strict_mode=True)
        except binascii.Error:
            return None  # The standard library makes the best of it.
    return None

"""HTML and mail bodies as plain text, with quoted history split off.

Only this module turns a vendor's markup into text. It interprets nothing: scripts, styles and
comments are dropped, links are kept as ``label (url)``, and every pass is linear in the length of
the body. Reference: SMTP quoting habits (``>`` lines, "On … wrote:") in common languages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)([^<>]*)>")
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_QUOTE_CLASS = re.compile(r"gmail_quote|yahoo_quoted|moz-cite|zmail_extra|protonmail_quote")
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "div",
        "dl",
        "dt",
        "dd",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "thead",
        "tr",
        "ul",
    ]
)
_DROPPED = frozenset(("script", "style", "head", "title", "template"))
_QUOTE_HEAD = re.compile(
    r"(?:On .{5,200} wrote|Am .{5,200} schrieb.{0,100}|Le .{5,200} a écrit ?|El .{5,200} escribió"
    r"|Il .{5,200} ha scritto|Op .{5,200} schreef.{0,100}):"
    r"|-{2,}\s*(?:Original Message|Ursprüngliche Nachricht|Message d'origine)\s*-{2,}"
    r"|_{20,}"
)
_HEAD_ENDS = frozenset(":-_")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_ONE_PARAGRAPH = re.compile(r"<p>([^<>&]*)</p>")
_LINE_GAPS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Body:
    """What was written, and what it quoted (None when it quoted nothing)."""

    text: str
    quoted: str | None


def of_html(html: str) -> Body:
    """Text of an HTML body; quoted history is what stands in quoting elements or below a heading.

    A body that consists of a quotation only keeps it as its text.
    """
    written: list[str] = []
    quoted: list[str] = []
    out = written
    quote_tag, quote_depth = "", 0
    link: str | None = None
    link_from = 0
    position = 0
    source = _without_comments(html)
    while match := _TAG.search(source, position):
        out.append(_SPACES.sub(" ", unescape(source[position : match.start()]).replace("\n", " ")))
        position = match.end()
        closing, tag, rest = match[1] == "/", match[2].lower(), match[3]
        if tag in _DROPPED and not closing:
            position = _end_of(source, tag, position)
        elif tag == "a" and not closing:
            found = _HREF.search(rest)
            link = unescape(next((part for part in found.groups() if part), "")) if found else None
            link_from = len(out)
        elif tag == "a" and link:
            label = "".join(out[link_from:]).strip()
            address = link.removeprefix("mailto:")
            out.append("" if label in {link, address} else f" ({address})")
            link = None
        elif tag == "img":
            alt = _ALT.search(rest)
            out.append(f"[image: {unescape(alt[1] or alt[2] or '')}]" if alt else "")
        elif tag == "br":
            out.append("\n")
        elif tag == "li" and not closing:
            out.append("\n- ")
        elif tag in {"td", "th"}:
            out.append(" ")
        elif tag in _BLOCKS:
            out.append("\n")
        if quote_depth:
            quote_depth += (-1 if closing else 1) if tag == quote_tag else 0
            if not quote_depth:
                out = written
        elif _opens_quotation(closing, tag, rest):
            quote_tag, quote_depth, out = tag, 1, quoted
    out.append(_SPACES.sub(" ", unescape(source[position:]).replace("\n", " ")))
    text, below = _tidy("".join(written)), _tidy("".join(quoted))
    if not text:
        return Body(below, None)
    body = of_plain(text)
    parts = [part for part in (body.quoted, below) if part]
    return Body(body.text, "\n".join(parts) or None)


def of_plain(text: str) -> Body:
    """Text of a plain mail body, ``>`` lines and everything below a quotation heading split off.

    Words written between or below ``>`` lines are kept; a mail that only quotes keeps it as text.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    head = next((n for n, line in enumerate(lines) if _is_quote_head(line)), None)
    if head is None and ">" not in text:
        return Body(_tidy(text), None)
    after = [] if head is None else lines[head + 1 :]
    cuts_all = head is not None and not any(line.lstrip().startswith(">") for line in after)
    written: list[str] = []
    quoted: list[str] = []
    for number, line in enumerate(lines):
        is_below = head is not None and number >= head and (cuts_all or number == head)
        (quoted if is_below or line.lstrip().startswith(">") else written).append(line)
    if not "".join(written).strip():
        return Body(_tidy(text), None)
    return Body(_tidy("\n".join(written)), _tidy("\n".join(quoted)) or None)


def _is_quote_head(line: str) -> bool:
    bare = line.strip()
    # A look at the last character spares nearly every line the pattern.
    return bare[-1:] in _HEAD_ENDS and _QUOTE_HEAD.fullmatch(bare) is not None


def is_html(body: str) -> bool:
    """Whether a body holds at least one tag or entity."""
    return bool(_TAG.search(body)) or ("&" in body and unescape(body) != body)


def read(body: str) -> Body:
    """A body of unknown kind: HTML when it holds a tag or an entity, else plain text."""
    paragraph = _ONE_PARAGRAPH.fullmatch(body)
    if paragraph is not None:
        # What chats write; the same that ``of_html`` makes of it, without taking it apart.
        text = _tidy(paragraph[1].replace("\n", " "))
        return of_plain(text) if text else Body("", None)
    return of_html(body) if is_html(body) else of_plain(body)


def _opens_quotation(closing: bool, tag: str, rest: str) -> bool:
    if closing or rest.rstrip().endswith("/"):
        return False
    return tag == "blockquote" or bool(_QUOTE_CLASS.search(rest))


def _without_comments(html: str) -> str:
    parts, position = [], 0
    while (start := html.find("<!--", position)) >= 0:
        parts.append(html[position:start])
        end = html.find("-->", start + 4)
        if end < 0:
            return "".join(parts)
        position = end + 3
    parts.append(html[position:])
    return "".join(parts)


def _end_of(source: str, tag: str, position: int) -> int:
    found = re.compile(rf"</{tag}[^<>]*>", re.IGNORECASE).search(source, position)
    return len(source) if found is None else found.end()


def _tidy(text: str) -> str:
    lines = map(str.strip, _SPACES.sub(" ", text).split("\n"))
    return _LINE_GAPS.sub("\n\n", "\n".join(lines)).strip()

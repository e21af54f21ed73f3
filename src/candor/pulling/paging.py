"""What to ask next, and where a stream stands after each page.

Pure: no network, no files. A place says everything that is needed to go on after an interruption; it
holds no record and no secret. Instants are epoch microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from candor.pulling.description import Paging, Span, Stream, filled
from candor.window import SECOND, duration

_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?', re.IGNORECASE)
_MILLISECOND = 1_000


class Drift(Exception):  # noqa: N818 - an outcome the caller tells
    """An answer does not have the shape that the description promises."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream stands.

    Attributes:
        is_open: a run over it has begun and not ended.
        since: start of the times asked for.
        until: their end; times after ``target`` are not asked for in this run.
        target: where this run ends.
        cursor: token, number or link of the next page; None for the first.
        pages: pages read with the present ``since``.
        covered: up to where ended runs reach; None before the first.
        kept: cursor from which the next run goes on.
    """

    is_open: bool = False
    since: int = 0
    until: int = 0
    target: int = 0
    cursor: str | None = None
    pages: int = 0
    covered: int | None = None
    kept: str | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """A place as it was written down."""
        return cls(**told)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Question:
    """One request: a path (whole, when it comes from a link), its query and its body."""

    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None
    is_link: bool = False


def begin(stream: Stream, place: Place, now: int, first: int) -> Place:
    """The place at which a new run over a stream starts.

    Args:
        stream: as described.
        place: where the last run ended.
        now: when the run starts.
        first: from when on data are wanted at all.
    """
    span = stream.time or Span()
    target = max(now - duration(span.lag), first)
    since = first if place.covered is None else max(place.covered - duration(span.overlap), first)
    return replace(
        place, is_open=True, since=since, until=_end(span, since, target), target=target,
        cursor=place.kept, pages=0,
    )  # fmt: skip


def restart(stream: Stream, place: Place, first: int) -> Place:
    """The place from which a stream is read when its cursor is no longer known to the server."""
    since = place.since
    if place.kept is not None:
        # A kept cursor stands for all that came before it: go back to where the last run reached.
        since = first if place.covered is None else place.covered
    return replace(
        place, since=since, until=_end(stream.time or Span(), since, place.target), cursor=None,
        pages=0, kept=None,
    )  # fmt: skip


def _end(span: Span, since: int, target: int) -> int:
    return min(since + duration(span.step), target) if span.step else target


def question(stream: Stream, place: Place) -> Question:
    """What to ask at a place."""
    paging = stream.paging
    if paging.kind == "link" and place.cursor is not None:
        return Question(place.cursor, {}, None, is_link=True)
    values = _times(stream.time or Span(), place)
    query = {name: filled(str(value), values) for name, value in stream.query.items()}
    body = _filled(stream.body, values) if stream.method == "POST" else None
    token = place.cursor
    if paging.kind == "offset" and token is None:
        token = str(paging.start)
    if paging.kind in {"cursor", "offset"} and token is not None:
        if paging.in_body and body is not None:
            _put(body, paging.parameter, token)
        else:
            query[paging.parameter] = token
            if paging.kind == "cursor" and paging.keep:
                # The cursor knows its beginning; some interfaces refuse both.
                query = {
                    name: value
                    for name, value in query.items()
                    if name == paging.parameter or "{since}" not in str(stream.query.get(name))
                }
    return Question(stream.path, query, body)


def _times(span: Span, place: Place) -> dict[str, str]:
    return {"since": written(place.since, span.format), "until": written(place.until, span.format)}


def written(instant: int, form: str) -> str:
    """An instant as an interface wants it."""
    if form == "epoch_seconds":
        return str(instant // SECOND)
    if form == "epoch_milliseconds":
        return str(instant // _MILLISECOND)
    moment = datetime.fromtimestamp(instant // SECOND, UTC)
    return moment.strftime("%Y-%m-%d" if form == "date" else "%Y-%m-%dT%H:%M:%SZ")


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        text = filled(value, values)
        # Times of a body are numbers where the interface counts them.
        return int(text) if text != value and text.isdigit() else text
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return value


def _put(body: Any, path: str, value: str) -> None:
    *parents, last = path.split(".")
    for key in parents:
        body = body.setdefault(key, {})
    body[last] = value


def found(value: Any, path: str) -> Any:
    """What stands under a dotted path; None when it is not there."""
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else None
    return value


def records_of(path: str, value: Any) -> list[Any]:
    """The records of a page, under the first of several paths (``a|b``) that holds a list.

    Raises:
        Drift: they are not where the description says.
    """
    for name in path.split("|"):
        held = found(value, name)
        if isinstance(held, list):
            return held
    keys = ", ".join(sorted(value)[:8]) if isinstance(value, dict) else type(value).__name__
    raise Drift(f"no list of records under '{path or 'the whole answer'}' (found: {keys})")


def next_token(
    paging: Paging, value: Any, headers: Mapping[str, str], count: int, token: str | None
) -> str | None:
    """Token, number or link of the page after this one; None when it was the last."""
    if paging.kind == "none":
        return None
    if (paging.end and found(value, paging.end) is True) or (
        paging.more and found(value, paging.more) is not True
    ):
        return None
    if paging.kind == "offset":
        if count == 0 or count < paging.size:
            return None
        return str(int(token or paging.start) + paging.step)
    if paging.kind == "link" and not paging.token:
        match = _NEXT.search(headers.get("link", ""))
        return match[1] if match else None
    told = found(value, paging.token)
    return None if told in (None, "", False) else str(told)


def advance(
    stream: Stream, place: Place, value: Any, headers: Mapping[str, str], records: list[Any]
) -> Place:
    """Where a stream stands after a page.

    Raises:
        Drift: the server gives the same token again, so that reading would never end.
    """
    paging = stream.paging
    token = next_token(paging, value, headers, len(records), place.cursor)
    last_token = place.cursor
    if paging.keep:
        # Kept even when the page is the last: the next run goes on from here.
        told = found(value, paging.token)
        last_token = str(told) if told not in (None, "") else place.cursor
    if token is not None:
        if token == place.cursor:
            raise Drift("the answer names the page it is as the next one")
        moved = replace(place, cursor=token, pages=place.pages + 1)
        if paging.most_pages and moved.pages >= paging.most_pages:
            return _go_on(stream, moved, records)
        return moved
    if place.until < place.target:
        until = _end(stream.time or Span(), place.until, place.target)
        return replace(place, since=place.until, until=until, cursor=None, pages=0)
    return replace(
        place, is_open=False, cursor=None, pages=0, covered=place.target,
        kept=last_token if paging.keep else None,
    )  # fmt: skip


def _go_on(stream: Stream, place: Place, records: list[Any]) -> Place:
    """The interface gives no more pages of one question: ask anew from its last record on."""
    name = stream.paging.advance_by
    told = found(records[-1], name) if records else None
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        raise Drift(f"no time under '{name}' of the last record to go on from") from None
    since = int(moment.timestamp()) * SECOND
    if moment.tzinfo is None or since <= place.since:
        raise Drift(f"more records of one '{name}' than the interface gives pages for")
    return replace(place, since=since, cursor=None, pages=0)


def detail_path(path: str, identity: Any) -> str:
    """The path of one record."""
    return filled(path, {"id": quote(str(identity), safe="")})

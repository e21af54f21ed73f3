"""One pull: every stream from where it stands to now, then its pages into the lake.

Only this module joins the parts. A stream that fails does not keep the others from being read, and
what it gave before is stored; a refused login ends the whole pull. Pages go through the same ingest
as files, so that everything is masked, counted and recognised when it comes again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from candor import ingesting
from candor.errors import CandorError, Problem, nearest
from candor.outcomes import IngestResult
from candor.pulling import paging
from candor.pulling.client import Answer, Client, Clock, Resolver, Unavailable, credentials, resolve
from candor.pulling.description import (
    Description,
    Detail,
    PullOptions,
    Stream,
    address_of,
    load,
    options_of,
)
from candor.pulling.pages import Pages
from candor.pulling.paging import Drift, Place
from candor.sources import registry
from candor.window import SECOND, duration, parse_instant
from candor.workspace import Workspace

Progress = Callable[[str, float | None], None]
_REFUSED = frozenset((401, 403))
_GONE = frozenset((404, 410))
_ABSENT = 404


@dataclass
class StreamResult:
    """What came of one stream.

    Attributes:
        pages: answers that held records.
        records: records in them.
        gone: records that were deleted while they were being read.
        is_whole: it was read to its end; else the next pull goes on.
        restarts: how often its cursor had expired.
        note: what kept it, "" when nothing did.
    """

    pages: int = 0
    records: int = 0
    gone: int = 0
    is_whole: bool = False
    restarts: int = 0
    note: str = ""


@dataclass
class PullResult:
    """What a pull did; ``ingested`` is None when there was nothing to store."""

    streams: dict[str, StreamResult] = field(default_factory=dict)
    requests: int = 0
    ingested: IngestResult | None = None

    @property
    def has_failed(self) -> bool:
        """Whether something asked for did not come, or could not be stored."""
        held = self.ingested
        refused = bool(held and (held.refused or held.miscounted))
        return refused or any(not one.is_whole for one in self.streams.values())

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor pull --json``."""
        return {
            "requests": self.requests,
            "streams": {
                name: {
                    "pages": one.pages,
                    "records": one.records,
                    "gone": one.gone,
                    "whole": one.is_whole,
                    "restarts": one.restarts,
                    "note": one.note,
                }
                for name, one in self.streams.items()
            },
            "ingested": self.ingested.as_dict() if self.ingested else None,
        }

    def lines(self) -> list[str]:
        """The footer, for people."""
        lines = []
        for name, one in self.streams.items():
            state = "" if one.is_whole else "; the next pull goes on from here"
            gone = f", {one.gone} gone meanwhile" if one.gone else ""
            note = f": {one.note}" if one.note else ""
            lines.append(f"{name}: {one.records:,} records, {one.pages} page(s){gone}{note}{state}")
        lines.append(f"{self.requests} request(s)")
        return lines + (self.ingested.lines() if self.ingested else ["nothing new to store"])


def _silent(_what: str, _share: float | None = None) -> None:
    return


def pull(
    workspace: Workspace,
    source: str,
    *,
    progress: Progress = _silent,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    resolver: Resolver = resolve,
) -> PullResult:
    """Read what is new from a source's interface and store it.

    Args:
        workspace: where to store.
        source: name of a ``[sources.<name>]`` block.
        progress: told what is being done.
        environment: holds the secrets; default the process's.
        clock: time and waiting.
        resolver: addresses of a host.

    Raises:
        CandorError: a mistake in the configuration, a missing secret, or a refused login.
    """
    clock = clock or Clock()
    section = workspace.settings.sources.get(source)
    if section is None:
        raise CandorError(
            "pull.unknown",
            Problem(
                f"no source '{source}' is configured", "candor.toml", f"a block [sources.{source}]",
                nearest(source, tuple(workspace.settings.sources)),
            ),
            exit_code=2,
        )  # fmt: skip
    options = options_of(source, section.pull)
    described = load(options.description or section.connector, workspace.root)
    registry.get(section.connector)
    held = credentials(
        described.auth, os.environ if environment is None else environment, options.environment
    )
    client = Client(
        address_of(described, options, source),
        {**described.headers, **({described.auth.header: held} if held else {})},
        described.limits,
        allow_private=options.allow_private,
        clock=clock,
        resolver=resolver,
    )
    now = int(clock.now() * SECOND)
    first = _first(options, described, now, workspace.settings.workspace.timezone)
    result = PullResult()
    with Pages(workspace.restricted, source) as pages:
        try:
            for stream in _wanted(described, options, source):
                reader = _Reader(stream, client, pages, progress)
                reader.read(now, first, result.streams.setdefault(stream.name, StreamResult()))
        finally:
            result.requests = client.requests
        if pages.waiting():
            covered = [pages.place(stream.name).covered for stream in described.streams]
            reached = [instant for instant in covered if instant is not None]
            result.ingested = ingesting.ingest(
                workspace, source, pages.waiting(), progress=progress,
                covered_until_us=min(reached) if reached else None,
            )  # fmt: skip
            if not result.ingested.refused:
                pages.settled(options.keep_days, keep_latest=described.keep_latest)
    return result


def _first(options: PullOptions, described: Description, now: int, zone: str) -> int:
    """From when on data are wanted."""
    if not options.since:
        return now - duration(described.first)
    try:
        return parse_instant(options.since, zone)
    except ValueError:
        raise CandorError(
            "pull.config", Problem(f"'{options.since}' is no date", "since", "an ISO date")
        ) from None


def _wanted(described: Description, options: PullOptions, source: str) -> Iterator[Stream]:
    known = {stream.name: stream for stream in described.streams}
    unknown = [name for name in options.streams if name not in known]
    if unknown:
        raise CandorError(
            "pull.config",
            [
                Problem(
                    f"unknown stream '{name}'", f"[sources.{source}.pull] streams", "",
                    nearest(name, tuple(known)),
                )
                for name in unknown
            ],
        )  # fmt: skip
    for name, stream in known.items():
        if not options.streams or name in options.streams:
            yield stream


class _Reader:
    """Reads one stream to its end, page after page."""

    def __init__(self, stream: Stream, client: Client, pages: Pages, progress: Progress) -> None:
        self._stream = stream
        self._client = client
        self._pages = pages
        self._progress = progress

    def read(self, now: int, first: int, result: StreamResult) -> None:
        """Every page that is new.

        Raises:
            CandorError: ``pull.refused`` when the login is not accepted.
        """
        stream = self._stream
        place = self._pages.place(stream.name)
        if not place.is_open:
            place = paging.begin(stream, place, now, first)
        try:
            while place.is_open:
                place = self._page(place, first, result)
                self._progress(f"pulling {stream.name}: {result.records:,} records", None)
            result.is_whole = True
        except Drift as drift:
            result.note = f"the interface has changed: {drift}"
        except Unavailable as error:
            if error.status in _REFUSED:
                raise CandorError(
                    "pull.refused",
                    Problem(
                        error.reason, stream.name, "an accepted login with the right to read this",
                        "check the secrets in the environment; what was read before is kept",
                    ),
                ) from None  # fmt: skip
            is_absent = error.status == _ABSENT and stream.optional
            result.is_whole = is_absent
            result.note = "not available, which is not zero" if is_absent else error.reason

    def _page(self, place: Place, first: int, result: StreamResult) -> Place:
        stream = self._stream
        try:
            answer = self._ask(place)
        except Unavailable as error:
            is_expired = place.cursor is not None and error.status in stream.paging.expired
            if not is_expired or result.restarts:
                raise
            result.restarts += 1
            fresh = paging.restart(stream, place, first)
            self._pages.put(stream.name, "json", None, fresh)
            return fresh
        records = paging.records_of(stream.records, answer.value)
        after = paging.advance(stream, place, answer.value, answer.headers, records)
        if after.cursor is not None and stream.paging.kind == "link":
            self._client.own(after.cursor)
        if not records:
            self._pages.put(stream.name, "json", None, after)
            return after
        if stream.detail is None:
            self._pages.put(stream.name, "json", answer.body, after)
        else:
            lines = b"".join(self._details(stream.detail, records, result))
            if stream.detail.keep_page:
                self._pages.put(stream.name, "json", answer.body, place)
            self._pages.put(stream.name, "jsonl", lines or None, after)
        result.pages += 1
        result.records += len(records)
        return after

    def _ask(self, place: Place) -> Answer:
        asked = paging.question(self._stream, place)
        path = self._client.own(asked.path) if asked.is_link else asked.path
        return self._client.ask(
            path, asked.query, asked.body, method=self._stream.method, is_whole_path=asked.is_link
        )

    def _details(self, detail: Detail, records: list[Any], result: StreamResult) -> Iterator[bytes]:
        """Each record as its own request gives it, one a line."""
        for record in records:
            identity = paging.found(record, detail.id)
            if identity is None:
                raise Drift(f"a record without '{detail.id}'")
            path = paging.detail_path(detail.path, identity)
            token: str | None = None
            while True:
                query = {name: str(value) for name, value in detail.query.items()}
                if detail.paging.kind == "offset":
                    query[detail.paging.parameter] = token or str(detail.paging.start)
                try:
                    answer = self._client.ask(path, query)
                except Unavailable as error:
                    if error.status not in _GONE:
                        raise
                    result.gone += 1
                    break
                held = answer.value if isinstance(answer.value, list) else [answer.value]
                for one in held:
                    yield json.dumps(one, ensure_ascii=False).encode() + b"\n"
                token = paging.next_token(
                    detail.paging, answer.value, answer.headers, len(held), token
                )
                if token is None:
                    break

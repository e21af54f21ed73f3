"""The transcripts connector: files of transcripts in, events out.

Only this module joins the parts: a file's ending tells its form. One transcript is one record; files
know nothing of each other, so a file is read once and memory holds one transcript.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError, Problem, nearest
from candor.events.reasons import ReasonCode
from candor.sources.base import Notes, RawRecord, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES, is_lines, top_level_keys
from candor.sources.instants import zones
from candor.sources.readers import bytestream
from candor.sources.readers.limits import LIMITS
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, object_of
from candor.sources.transcripts import diarised, plain, webvtt
from candor.sources.transcripts.mapping import actor_of, of_transcript
from candor.sources.transcripts.turns import ACTORS

SETTINGS = (
    "ai_agent_id",
    "ai_text_kind",
    "channel",
    "join_gap_ms",
    "speaker_prefix",
    "speakers",
    "zone",
)
_TEXTS = ("*.vtt", "*.txt", "*.vtt.gz", "*.txt.gz", "*.vtt.zip", "*.txt.zip")
_ENDINGS = (".gz", ".zip", ".jsonl", ".ndjson", ".json", ".vtt", ".txt", ".transcript")


@dataclass(frozen=True, slots=True)
class Document:
    """One transcript as it stood in its file.

    Attributes:
        stem: name of the file without endings, and the place in it where it holds several.
        content: the text of a WebVTT or plain document, or a JSON record.
        is_vtt: whether a text is WebVTT.
    """

    stem: str
    content: str | Item
    is_vtt: bool = False


class Transcripts(Source):
    """Reads WebVTT, diarised JSON and plain transcripts."""

    name: ClassVar[str] = "transcripts"
    title: ClassVar[str] = "transcripts"
    record_unit: ClassVar[str] = "transcript"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """WebVTT, text, JSON and JSON Lines files under the paths, by name.

        Raises:
            CandorError: ``source.setting``.
        """
        check_settings(options, SETTINGS)
        _check(options)
        return files_under(paths, (*_TEXTS, *JSON_FILES))

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:  # noqa: ARG002
        """One record per transcript."""
        if not is_text(path):
            keys = [] if is_lines(path) else top_level_keys(path)
            is_alone = diarised.VENDOR.kind_of(keys) is not None
            for record in diarised.VENDOR.read(path):
                value = record.value
                if isinstance(value, Item):
                    place = "" if is_alone else f":{record.number}"
                    value = Document(f"{stem(path.name)}{place}", value)
                yield RawRecord(
                    record.number, record.ref, record.raw, value, record.reason, record.detail
                )
            return
        for number, member in enumerate(bytestream.members(path), start=1):
            ref = f"{member.name}:record {number}"
            with member.open() as stream:
                raw = stream.read(LIMITS.line_bytes + 1)
            if len(raw) > LIMITS.line_bytes:
                kept = raw[: LIMITS.kept_raw_bytes]
                wanted = f"a transcript of at most {LIMITS.line_bytes} bytes"
                yield RawRecord(number, ref, kept, None, ReasonCode.SIZE_LIMIT, wanted)
                continue
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                wanted = f"UTF-8 (byte {error.start + 1})"
                yield RawRecord(number, ref, raw, None, ReasonCode.ENC_INVALID, wanted)
                continue
            inner = member.name.rpartition(":")[2]
            is_vtt = ".vtt" in inner.lower() or text.startswith(("WEBVTT", "\ufeffWEBVTT"))
            yield RawRecord(number, ref, raw, Document(stem(inner), text, is_vtt))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one transcript."""
        document: Document = value
        if isinstance(document.content, Item):
            found = diarised.read(document.content.kind, document.content.body)
        else:

            def is_label(word: str) -> bool:
                known = options.settings.get("speaker_prefix") is True or word.lower() == "agent"
                return known or actor_of(word, options) is not None

            read = webvtt.read if document.is_vtt else plain.read
            found = read(document.content, is_label)
        return list(of_transcript(found, document.stem, options, notes))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Files of an archive, lines, or elements of a list."""
        return len(bytestream.members(path)) if is_text(path) else diarised.VENDOR.count(path)


def is_text(path: Path) -> bool:
    """Whether a file's name says that it is WebVTT or plain text."""
    return path.name.lower().removesuffix(".gz").removesuffix(".zip").endswith((".vtt", ".txt"))


def stem(name: str) -> str:
    """A file's name without its folders and endings."""
    found = name.rpartition("/")[2]
    for ending in _ENDINGS:
        found = found.removesuffix(ending)
    return found


def _check(options: SourceOptions) -> None:
    where = f"[sources.{options.name}.settings]"
    problems = []
    for label, actor in object_of(options.settings.get("speakers")).items():
        if actor not in ACTORS:
            problems.append(
                Problem(
                    f"'{actor}' is nobody who speaks",
                    f"{where} speakers: {label}",
                    "one of " + ", ".join(ACTORS),
                    nearest(str(actor), list(ACTORS)),
                )
            )
    zone = options.settings.get("zone")
    if zone is not None and zone not in zones():
        hint = nearest(str(zone), sorted(zones()))
        problems.append(Problem(f"unknown time zone '{zone}'", f"{where} zone", "", hint))
    gap = options.settings.get("join_gap_ms")
    if gap is not None and (not isinstance(gap, int) or isinstance(gap, bool) or gap < 0):
        problems.append(Problem(f"'{gap}' is no gap", f"{where} join_gap_ms", "milliseconds", ""))
    if problems:
        raise CandorError("source.setting", problems)

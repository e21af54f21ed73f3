"""From files to events in the lake: reads through a connector, counts everything, keeps what is bad.

One atomic batch per call. ``read = stored + duplicate + quarantined`` in source records, always; a
file that cannot be read is refused whole and named. After each commit, records whose reason may
settle by itself are offered again; ``replay`` offers all.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from candor import reoffering, screening, window
from candor.errors import CandorError, Problem
from candor.events import ReasonCode
from candor.lake import (
    WAIT_SECONDS,
    Batch,
    Lake,
    QuarantineEntry,
    QuarantineRow,
    RawRejected,
    Replayed,
)
from candor.outcomes import IngestResult, ReplayResult, SetAside
from candor.privacy.keys import load_or_create
from candor.privacy.redaction import DETECTOR_VERSION
from candor.sources import registry, run
from candor.sources.base import Source, SourceOptions
from candor.sources.known import KnownRecords
from candor.sources.mapping import Mapping as MappingFile
from candor.sources.mapping import load_mapping, parse_mapping
from candor.sources.run import PrivacySettings, SourceBatch
from candor.workspace import Workspace

__all__ = [
    "IngestResult",
    "ReplayResult",
    "ingest",
    "quarantined",
    "quarantined_record",
    "replay",
]

Progress = Callable[[str, float | None], None]
_EXAMPLES_OF_A_PIECE = 200


def silent(_what: str, _share: float | None = None) -> None:
    """Progress that nobody watches."""


def ingest(
    workspace: Workspace,
    source: str,
    paths: Sequence[Path],
    *,
    name: str | None = None,
    mapping: Path | None = None,
    progress: Progress = silent,
    covered_until_us: int | None = None,
    is_rehearsal: bool = False,
    wait_seconds: float = WAIT_SECONDS,
) -> IngestResult:
    """Read files through a connector into the lake, one atomic batch per file.

    Args:
        workspace: where to store.
        source: a connector's name, or the name of a ``[sources.<name>]`` block.
        paths: files or folders.
        name: what to store the events under; default the configured or connector's name.
        mapping: mapping file of the generic source.
        progress: told what is being done.
        covered_until_us: how far the files reach, where the block does not say (epoch µs).
        is_rehearsal: read, check and compare with what is stored, but store nothing.
        wait_seconds: how long to wait for another writer.

    Raises:
        CandorError: an unknown source, a mistake in the mapping, or no file at all.
    """
    began = time.monotonic()
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise CandorError(
            "ingest.no_such_file",
            [Problem("there is no such file or folder", str(path)) for path in missing],
            exit_code=2,
        )
    configured = workspace.settings.sources.get(source)
    connector = registry.get(configured.connector if configured else source)
    if mapping is None and configured and configured.mapping:
        mapping = workspace.root / configured.mapping
    options = _options(
        workspace, source, name or source, load_mapping(mapping) if mapping else None
    )
    result = IngestResult()
    privacy = _privacy(workspace)
    signature = _signature(connector, options, privacy)
    zone = workspace.settings.workspace.timezone
    bounds = [
        window.parse_instant(text, zone) if text else None
        for text in (
            (configured.covered_from, configured.covered_until) if configured else ("", "")
        )
    ]
    if bounds[1] is None:
        bounds[1] = covered_until_us
    files = connector.files(paths, options)
    with Lake.open(workspace.root, create=True, wait_seconds=wait_seconds) as lake:
        with lake.batch(options.name) as batch:
            with_rejects: dict[str, reoffering.OriginalFile] = {}
            fresh: dict[Path, str] = {}
            for path in files:
                digest = run.fingerprint(path)
                seen = lake.seen_file(options.name, digest, signature)
                if seen is None:
                    fresh[path] = digest
                else:
                    batch.skip_file(seen)
            result.files = len(files)
            screen = _screen(workspace, privacy)
            known = KnownRecords(privacy.key, lake.known_records(options.name, signature))
            pieces = run.read(
                connector, list(fresh), replace(options, known=known), privacy=privacy
            )
            for path, digest in fresh.items():
                batch.begin_file(digest)
                if _take_file(
                    batch, path, _one_file(pieces), signature=signature, result=result,
                    progress=progress, screen=screen,
                ):  # fmt: skip
                    with_rejects[digest] = reoffering.original(path, options)
            if is_rehearsal:
                progress(f"comparing {result.files} file(s) with what is stored", None)
                report = batch.rehearse()
            else:
                progress(f"storing {result.files} file(s)", None)
                if with_rejects:
                    kept = _kept(
                        connector, source if configured else "", mapping, options, with_rejects
                    )
                    reoffering.keep(workspace.restricted, options.name, kept)
                report = batch.commit(*bounds)
        if not is_rehearsal:
            result.settled = _offer_waiting(workspace, lake, privacy, result, progress)
    result.read, result.stored = report.read, report.stored
    result.duplicate, result.quarantined = report.duplicate, report.quarantined
    result.by_type.update(report.by_type)
    result.by_reason.update(report.by_reason)
    result.seconds = time.monotonic() - began
    return result


def _one_file(pieces: Iterator[SourceBatch]) -> Iterator[SourceBatch]:
    """The pieces up to the end of the file that is being read."""
    for piece in pieces:
        yield piece
        if piece.done:
            return


def _take_file(
    batch: Batch,
    path: Path,
    pieces: Iterable[SourceBatch],
    *,
    signature: str,
    result: IngestResult,
    progress: Progress,
    screen: screening.Screen | None,
) -> bool:
    """Hand the pieces of one file to the batch; a file refused half-way is taken back whole.

    Returns:
        whether records of it were quarantined.
    """
    read = quarantined = 0
    examples: list[SetAside] = []
    for piece in pieces:
        if piece.refused is not None:
            refused = piece.refused
            batch.refuse_file(refused.code, refused.what, path.name)
            result.refused.append(
                Problem(f"{refused.code}: {refused.what}", str(path), refused.expected, refused.fix)
            )
            return False
        tables = piece.tables
        if screen is not None:
            tables, back = screen.sift(tables, piece.quarantine)
            batch.quarantine(_left_out(back, piece.file_sha256))
        for kind, table in tables.items():
            batch.add(kind, table)
        batch.quarantine(piece.quarantine)
        quarantined += len(piece.quarantine)
        examples += [
            SetAside(str(one.reason), one.raw_ref, one.field, one.detail, one.preview)
            for one in piece.quarantine[:_EXAMPLES_OF_A_PIECE]
        ]
        batch.read_count(piece.read)
        batch.known_count(piece.known)
        batch.remember(piece.keys)
        batch.notes(piece.notes)
        batch.unmapped(piece.unmapped)
        read += piece.read
        result.masked.update(piece.masked)
        result.notes.update(piece.notes)
        result.unmapped.update(piece.unmapped)
        # Records left out on purpose are counted there but not read, so the child compares.
        result.miscounted += [
            Problem(f"the records differ from an independent count: {detail}", str(path))
            for kind, detail in piece.notes
            if kind == "count_differs"
        ]
        progress(f"reading {path.name}: {read:,} records", None)
    batch.end_file(signature)
    for one in examples:
        result.show(one)
    return quarantined > 0


def _screen(workspace: Workspace, privacy: PrivacySettings) -> screening.Screen | None:
    """What must not come in, or come back."""
    oldest_us = workspace.settings.retention.oldest_us(time.time_ns() // 1_000)
    return screening.screen(workspace.restricted, privacy.key, privacy.key_id, oldest_us)


def _left_out(back: Iterable[tuple[int, str, bool]], file_sha256: str) -> Iterator[QuarantineRow]:
    """Records that ``Screen.sift`` left out, without their bytes."""
    for number, place, is_partial in back:
        yield QuarantineRow(
            number, place, ReasonCode.SUPPRESSED, detail="erased, or older than is kept",
            file_sha256=file_sha256, is_partial=is_partial,
        )  # fmt: skip


def _sifted(made: Replayed, screen: screening.Screen | None) -> Replayed:
    """What was read again, without what must not come back."""
    if screen is None:
        return made
    tables, back = screen.sift(made.tables, made.rejected)
    return Replayed(tables, (*made.rejected, *_left_out(back, "")))


def _options(
    workspace: Workspace,
    block: str,
    name: str,
    mapping: MappingFile | None,
    kept: reoffering.Kept | None = None,
) -> SourceOptions:
    """How a source is read: by its block of candor.toml, else as it was read before, if it was."""
    configured = workspace.settings.sources.get(block)
    zone = workspace.settings.workspace.timezone
    observed = configured.observed_at if configured else ""
    actors: Iterable[str] = kept.ai_actor_ids if kept else ()
    settings: Mapping[str, Any] = kept.settings if kept else {}
    if configured:
        actors, settings = configured.ai_actor_ids, configured.settings
    return SourceOptions(
        name=name,
        mapping=mapping,
        ai_actor_ids=frozenset(actors),
        observed_at_us=window.parse_instant(observed, zone) if observed else time.time_ns() // 1000,
        settings=settings,
    )


def _kept(
    connector: Source,
    block: str,
    mapping: Path | None,
    options: SourceOptions,
    files: Mapping[str, reoffering.OriginalFile],
) -> reoffering.Kept:
    return reoffering.Kept(
        connector.name,
        block,
        str(mapping.resolve()) if mapping else "",
        options.mapping.text if options.mapping else "",
        tuple(sorted(options.ai_actor_ids)),
        options.settings,
        files,
    )


def _privacy(workspace: Workspace) -> PrivacySettings:
    section = workspace.settings.privacy
    names = list(section.deny_names)
    if section.deny_names_file:
        listed = (workspace.root / section.deny_names_file).read_text(encoding="utf-8")
        names += [line.strip() for line in listed.splitlines() if line.strip()]
    key_id, key = load_or_create(workspace.restricted)
    return PrivacySettings(key=key, key_id=key_id, locales=section.locales, deny_names=tuple(names))


def _signature(connector: Source, options: SourceOptions, privacy: PrivacySettings) -> str:
    """What decides how the bytes of a file are read: other settings read it anew."""
    told = repr(
        (
            connector.name, repr(options.mapping), sorted(options.ai_actor_ids),
            sorted(options.settings.items()), privacy.locales, privacy.deny_names, DETECTOR_VERSION,
        )
    )  # fmt: skip
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def replay(
    workspace: Workspace, *, source: str | None = None, progress: Progress = silent
) -> ReplayResult:
    """Offer quarantined records again, after a mapping, setting or rule was mended.

    Each source is read by its block of candor.toml, else as it was read when the records came; a
    mapping file is read anew from where it lay.

    Args:
        workspace: whose quarantine.
        source: only records stored under this name.
        progress: told what is being done.

    Raises:
        CandorError: no lake yet, or a mistake in the mapping or settings of a source.
    """
    result = ReplayResult()
    privacy = _privacy(workspace)
    screen = _screen(workspace, privacy)

    def read(name: str, records: Sequence[RawRejected]) -> Replayed:
        progress(f"reading {len(records):,} records of {name}", None)
        reader = _reader(workspace, name, privacy)
        made = _sifted(reader.read(records), screen)
        result.not_offered.update(reader.not_offered)
        return made

    with Lake.open(workspace.root) as lake:
        report = lake.replay(read, source=source)
    result.offered, result.stored = report.offered, report.stored
    result.duplicate, result.quarantined = report.duplicate, report.quarantined
    return result


def _offer_waiting(
    workspace: Workspace,
    lake: Lake,
    privacy: PrivacySettings,
    result: IngestResult,
    progress: Progress,
) -> int:
    """Records stored now that had been waiting; a source that cannot be read is noted."""
    screen = _screen(workspace, privacy)

    def read(name: str, records: Sequence[RawRejected]) -> Replayed:
        progress(f"offering {len(records):,} waiting records of {name} again", None)
        try:
            return _sifted(_reader(workspace, name, privacy).read(records), screen)
        except CandorError as error:
            result.notes["waiting_not_read", f"{name}: {error.problems[0].what}"] += len(records)
            return reoffering.unchanged(records)

    return lake.replay(read, waiting_only=True).stored


def _reader(workspace: Workspace, name: str, privacy: PrivacySettings) -> reoffering.Reader:
    """The reader of what is stored under a name."""
    kept = reoffering.recall(workspace.restricted, name)
    block = kept.configured or name if kept else name
    configured = workspace.settings.sources.get(block)
    if kept is None:
        if configured is None:
            raise CandorError(
                "quarantine.no_reader",
                Problem(
                    f"it is not known how '{name}' is read",
                    "restricted/readers",
                    "the connector it was ingested with",
                    f"add a block [sources.{name}] to candor.toml, or ingest its files again",
                ),
            )
        kept = reoffering.Kept(configured.connector, block)
    connector = registry.get(configured.connector if configured else kept.connector)
    mapping = None
    if configured and configured.mapping:
        mapping = load_mapping(workspace.root / configured.mapping)
    elif kept.mapping_path and Path(kept.mapping_path).exists():
        mapping = load_mapping(Path(kept.mapping_path))
    elif kept.mapping_text:
        mapping = parse_mapping(kept.mapping_text, kept.mapping_path)
    options = _options(workspace, block, name, mapping, kept)
    return reoffering.Reader(connector, options, privacy, kept)


def quarantined(workspace: Workspace) -> list[dict[str, Any]]:
    """Open quarantine entries as plain data."""
    with Lake.open(workspace.root) as lake:
        return [_plain(entry) for entry in lake.quarantine_list() if entry.replayed_at_us is None]


def quarantined_record(workspace: Workspace, identifier: str) -> tuple[dict[str, Any], bytes]:
    """One quarantine entry as plain data, and the raw bytes of its record.

    Raises:
        CandorError: unknown id, or bytes that are no longer kept.
    """
    with Lake.open(workspace.root) as lake:
        entry, raw = lake.quarantine_show(identifier)
    if raw is None:
        raise CandorError(
            "quarantine.expired",
            Problem("no raw bytes of this record are kept", entry.raw_ref, "", entry.detail),
        )
    return _plain(entry), raw


def _plain(entry: QuarantineEntry) -> dict[str, Any]:
    return {
        "id": entry.quarantine_id,
        "source": entry.source,
        "reason": entry.reason,
        "field": entry.field,
        "ref": entry.raw_ref,
        "detail": entry.detail,
        "preview": entry.preview,
        "partial": entry.is_partial,
        "seen_at": window.format_instant(entry.seen_at_us),
    }

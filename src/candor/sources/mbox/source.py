"""The mbox connector: mailboxes in, events out.

Only this module joins the parts: it finds the mailboxes, reads their headers ahead and hands each mail
to its mapping. Put all mailboxes of one desk, also the one of sent mails, into one folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError, Problem
from candor.sources.base import Notes, RawRecord, Source, SourceOptions
from candor.sources.configured import check_settings
from candor.sources.mbox import mails
from candor.sources.mbox.context import Threads, read_export
from candor.sources.mbox.mapping import of_mail
from candor.sources.readers.limits import LIMITS
from candor.sources.readers.paths import files_under
from candor.sources.shapes import ReadAhead, Recent

SETTINGS = ("ai_headers", "ai_text_kind", "own_addresses", "subject_days", "test_addresses")


class Mbox(Source):
    """Reads mbox files."""

    name: ClassVar[str] = "mbox"
    title: ClassVar[str] = "e-mail (mbox)"
    record_unit: ClassVar[str] = "mail"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports: ReadAhead[Threads] = ReadAhead((), mails.PATTERNS)
        self._recent = Recent()

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """Mailboxes under the paths, by name.

        Raises:
            CandorError: ``source.setting``; nobody's own addresses are known without being told.
        """
        check_settings(options, SETTINGS)
        where = f"[sources.{options.name}.settings]"
        problems = []
        own = options.settings.get("own_addresses")
        if not isinstance(own, list) or not own:
            problems.append(
                Problem(
                    "nobody is known to be staff, so every mail would be a customer's",
                    f"{where} own_addresses",
                    "addresses or domains of your own",
                    'add own_addresses = ["@shop.example"]',
                )
            )
        days = options.settings.get("subject_days")
        if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 0):
            problems.append(Problem(f"'{days}' is no number of days", f"{where} subject_days"))
        if problems:
            raise CandorError("source.setting", problems)
        return files_under(paths, mails.PATTERNS)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every mail, with the threads it belongs to."""
        key = (sorted(options.ai_actor_ids), dict(options.settings))
        threads = self._exports.of(path, key, lambda files: self._built(files, options))
        for number, ref, raw, mail, *_ in self._recent.again(path, _mails_of):
            yield RawRecord(number, ref, raw, (mail, threads))

    def _built(self, files: Sequence[Path], options: SourceOptions) -> Threads:
        self._recent = Recent()
        return read_export(files, self._ahead, options)

    def _ahead(self, path: Path) -> Iterator[RawRecord]:
        return self._recent.first(path, _mails_of(path), lambda record: len(record.value.raw))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one mail."""
        mail, threads = value
        return list(of_mail(mail, threads, options, notes))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Mails by their separating lines."""
        return mails.count(path)


def _mails_of(path: Path) -> Iterator[RawRecord]:
    """Every mail of a file, its value a ``Mail``."""
    for number, mail in enumerate(mails.read(path), start=1):
        ref = f"{path.name}:byte {mail.offset}:record {number}"
        yield RawRecord(number, ref, mail.raw[: LIMITS.kept_raw_bytes], mail)

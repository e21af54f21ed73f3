"""The Zendesk connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the export ahead, skips records that mean
no event (counted in the notes) and hands each other record to its mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.sources.base import Notes, RawRecord, RecordRefused, RecordSkipped, SourceOptions
from candor.sources.envelopes import is_lines, top_level_keys
from candor.sources.readers import counters
from candor.sources.shapes import note_unknown
from candor.sources.vendor import VendorExport
from candor.sources.zendesk import dialogue, feedback, history, kinds, people, tickets
from candor.sources.zendesk.context import Around, Export, read_export

SETTINGS = (
    "ai_export_version",
    "ai_text_kind",
    "full_lists",
    "intent_field_id",
    "segment_field",
    "survey_scales",
)
_Mapping = Callable[[kinds.Item, Around], Iterable[Any]]
_MAPPINGS: Mapping[str, _Mapping] = {
    "ticket": tickets.of_ticket,
    "deleted_ticket": tickets.of_deleted,
    "ai_export": tickets.of_ai_row,
    "comment": dialogue.of_comment,
    "log_event": dialogue.of_log,
    "chat_event": dialogue.of_chat,
    "audit": history.of_record,
    "ticket_event": history.of_record,
    "rating": feedback.of_rating,
    "survey_response": feedback.of_response,
    "qa_review": feedback.of_review,
    "autoqa_rating": feedback.of_autoqa,
    "autoqa_review": feedback.of_autoqa,
    "calibration": feedback.of_calibration,
    "dispute": feedback.of_dispute,
    "user": people.of_user,
    "organization": people.of_organization,
}


class Zendesk(VendorExport[Export, Around]):
    """Reads a folder of Zendesk exports."""

    name: ClassVar[str] = "zendesk"
    title: ClassVar[str] = "Zendesk"
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    folders: ClassVar[tuple[str, ...]] = tuple(kinds.ENVELOPES)

    def read_export(self, files: Sequence[Path], options: SourceOptions) -> Export:
        """What the records of an export must know of each other."""
        return read_export(files, self.ahead, options.ai_actor_ids)

    def around(self, export: Export, options: SourceOptions, notes: Notes) -> Around:
        """The export, the settings and the notes."""
        return Around(export, options.settings, notes)

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record, told apart by its shape."""
        return kinds.read(path)

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by the mapping of its kind.

        Raises:
            RecordSkipped: the record means no event, as most audits do.
        """
        item, export = value
        if item.kind in {"audit", "ticket_event"}:
            note_unknown(notes, item.kind, item.body, history.KNOWN)
        elif item.kind == "user":
            note_unknown(notes, item.kind, item.body, people.KNOWN_OF_USERS)
        if not _bears_events(item, export):
            raise RecordSkipped(f"{item.kind} that means no event")
        if item.kind == "ticket":
            missing = export.missing(options.settings.get("full_lists", ()))
            tickets.check_thread(item, missing, notes)
        return list(_MAPPINGS[item.kind](item, self.around(export, options, notes)))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Elements of a JSON page or list; None for lines, which may hold pages."""
        if is_lines(path):
            return None
        keys = top_level_keys(path)
        if not kinds.is_page(keys):
            return counters.count_elements(path)
        counts = [counters.count_elements(path, key) for key in keys if key in kinds.ENVELOPES]
        return None if None in counts else sum(count or 0 for count in counts)


def _bears_events(item: kinds.Item, export: Export) -> bool:
    try:
        if item.kind in {"audit", "ticket_event"}:
            return history.bears_events(item, export)
    except (RecordRefused, AttributeError, KeyError, TypeError, ValueError):
        return True  # The mapping will say what is wrong with it.
    if item.kind in kinds.CONTEXT_ONLY:
        return False
    if item.kind == "rating":
        return feedback.is_offered(item)
    if item.kind in {"autoqa_rating", "autoqa_review"}:
        return feedback.is_evaluated(item)
    return item.kind != "user" or people.is_customer(item)

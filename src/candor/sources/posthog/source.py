"""The PostHog connector: one export folder in, events out.

Only this module joins the parts: it finds the files, reads the AI events ahead and hands each record
to its mapping. Memory grows with AI events, not with product events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError
from candor.sources import span_events
from candor.sources.base import (
    FileRefused,
    Notes,
    RawRecord,
    RecordRefused,
    RecordSkipped,
    Source,
    SourceOptions,
)
from candor.sources.configured import check_settings
from candor.sources.posthog import kinds, outcomes, spans_of
from candor.sources.readers.paths import files_under
from candor.sources.shapes import Item, ReadAhead, Recent, list_of
from candor.sources.span_events import Around
from candor.sources.spans import Forest

SETTINGS = (
    *span_events.SETTINGS,
    "ai_agent_id",
    "confirmations",
    "environment_property",
    "experiments",
    "release_property",
    "tool_spans",
)
_FOLDERS = ("events", "persons")
_Export = tuple[Forest, Recent]


def read_export(files: Iterable[Path], options: SourceOptions) -> _Export:
    """Read the AI events of an export ahead; what is wrong is told when its own turn comes."""
    forest, recent, notes = Forest(), Recent(), Notes()
    for path in files:
        try:
            for record in recent.first(path, kinds.read(path)):
                if isinstance(record.value, Item) and record.value.kind == "event":
                    _note(forest, record.value, options, notes)
        except FileRefused:
            continue
    forest.settle()
    return forest, recent


def _note(forest: Forest, item: Item, options: SourceOptions, notes: Notes) -> None:
    if not str(item.body["event"]).startswith("$ai_"):
        return
    try:
        event = kinds.event_of(item.body)
        if spans_of.is_span(event):
            forest.add(spans_of.span_of(event, options.settings, notes))
    except (RecordRefused, AttributeError, LookupError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.


class PostHog(Source):
    """Reads a folder of PostHog batch exports."""

    name: ClassVar[str] = "posthog"
    title: ClassVar[str] = "PostHog"
    record_unit: ClassVar[str] = "event"
    reads_ahead: ClassVar[bool] = True

    def __init__(self) -> None:
        self._exports: ReadAhead[_Export] = ReadAhead(_FOLDERS, kinds.FILES)
        self._rules: dict[str, dict[str, outcomes.Rule]] = {}

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """JSON, JSON Lines and Parquet files under the paths, by name.

        Raises:
            CandorError: ``source.setting`` with every mistake in the declared confirmations.
        """
        check_settings(options, SETTINGS)
        _, problems = self._declared(options)
        if problems:
            raise CandorError("source.setting", problems)
        return files_under(paths, kinds.FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record, with the export it belongs to."""
        settings = dict(options.settings)
        forest, recent = self._exports.of(path, settings, lambda files: read_export(files, options))
        for record in recent.again(path, kinds.read):
            if record.reason is not None:
                yield record
            else:
                yield RawRecord(record.number, record.ref, record.raw, (record.value, forest))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record.

        Raises:
            RecordRefused: an AI event without a trace.
            RecordSkipped: a product event that nobody declared, or a step inside an answer.
        """
        item: Item = value[0]
        if item.kind == "person":
            return list(outcomes.of_person(item.body))
        event = kinds.event_of(item.body)
        around = Around(value[1], options.settings, notes)
        if spans_of.is_span(event):
            span = spans_of.span_of(event, options.settings, notes, around.forest)
            found = list(span_events.of_span(span, around))
            why = "step inside an answer, which means no event"
        elif event.name in kinds.OPINIONS:
            found, why = list(spans_of.of_opinion(event, around)), ""
        elif event.name in kinds.LINKS:
            found, why = list(outcomes.of_link(event)), "id that was linked to itself"
        elif event.name == kinds.FLAG:
            wanted = list_of(options.settings.get("experiments"))
            is_wanted = not wanted or event.properties.get("$feature_flag") in wanted
            found = list(outcomes.of_flag(event)) if is_wanted else []
            why = "flag that is no experiment"
        else:
            rule = self._rules_of(options).get(event.name)
            found = list(outcomes.of_outcome(event, rule)) if rule else []
            why = "product event that no confirmation names"
        if not found:
            raise RecordSkipped(why)
        return found

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, rows, or elements of a page or list."""
        return kinds.count(path)

    def _rules_of(self, options: SourceOptions) -> dict[str, outcomes.Rule]:
        key = repr(options.settings.get("confirmations"))
        if key not in self._rules:
            self._rules = {key: self._declared(options)[0]}
        return self._rules[key]

    @staticmethod
    def _declared(options: SourceOptions) -> tuple[dict[str, outcomes.Rule], list[Any]]:
        where = f"[sources.{options.name}.settings] confirmations"
        return outcomes.rules_of(options.settings.get("confirmations", []), where)

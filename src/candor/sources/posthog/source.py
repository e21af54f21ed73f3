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
    SourceOptions,
)
from candor.sources.posthog import kinds, outcomes, spans_of
from candor.sources.shapes import Item, Read, list_of
from candor.sources.span_events import Around
from candor.sources.spans import Forest, Span
from candor.sources.vendor import VendorExport

SETTINGS = (
    *span_events.SETTINGS,
    "ai_agent_id",
    "confirmations",
    "environment_property",
    "experiments",
    "release_property",
    "tool_spans",
)


def read_export(files: Iterable[Path], read: Read, options: SourceOptions) -> Forest:
    """Read the AI events of an export ahead; what is wrong is told when its own turn comes."""
    forest = Forest()
    for path in files:
        try:
            for record in read(path):
                if isinstance(record.value, Item) and record.value.kind == "event":
                    _note(forest, record.value, options)
        except FileRefused:
            continue
    forest.settle()
    return forest


def _note(forest: Forest, item: Item, options: SourceOptions) -> None:
    if not str(item.body["event"]).startswith("$ai_"):
        return
    try:
        event = kinds.event_of(item.body)
        if spans_of.is_span(event):
            notes = Notes()
            span = spans_of.span_of(event, options.settings, notes)
            forest.add(span)
            item.seen = (event, span, notes)
    except (RecordRefused, AttributeError, LookupError, TypeError, ValueError):
        return  # The mapping will say what is wrong with it.


class PostHog(VendorExport[Forest, Around]):
    """Reads a folder of PostHog batch exports."""

    name: ClassVar[str] = "posthog"
    title: ClassVar[str] = "PostHog"
    record_unit: ClassVar[str] = "event"
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    folders: ClassVar[tuple[str, ...]] = ("events", "persons")
    patterns: ClassVar[Sequence[str]] = kinds.FILES

    def __init__(self) -> None:
        super().__init__()
        self._rules: dict[str, dict[str, outcomes.Rule]] = {}

    def check(self, options: SourceOptions) -> None:
        """Refuse settings that mean nothing.

        Raises:
            CandorError: ``source.setting`` with every mistake in the declared confirmations.
        """
        super().check(options)
        _, problems = self._declared(options)
        if problems:
            raise CandorError("source.setting", problems)

    def read_export(self, files: Sequence[Path], options: SourceOptions) -> Forest:
        """The AI events of an export, by their parents."""
        return read_export(files, self.ahead, options)

    def around(self, export: Forest, options: SourceOptions, notes: Notes) -> Around:
        """The AI events, the settings and the notes."""
        return Around(export, options.settings, notes)

    def read(self, path: Path) -> Iterator[RawRecord]:
        """Every record of a file."""
        return kinds.read(path)

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record.

        Raises:
            RecordRefused: an AI event without a trace.
            RecordSkipped: a product event that nobody declared, or a step inside an answer.
        """
        item: Item = value[0]
        if item.kind == "person":
            return list(outcomes.of_person(item.body))
        around = self.around(value[1], options, notes)
        event = kinds.event_of(item.body) if item.seen is None else item.seen[0]
        if item.seen is not None or spans_of.is_span(event):
            span = self._span(item, event, around)
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

    @staticmethod
    def _span(item: Item, event: kinds.Event, around: Around) -> Span:
        if item.seen is None:
            span = spans_of.span_of(event, around.settings, around.notes, around.forest)
        else:
            _, span, noticed = item.seen
            around.notes.add_all(noticed)
        if span_events.keeps_extra(span, around.forest):
            span.extra = spans_of.extra_of(event)
        return span

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

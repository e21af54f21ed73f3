"""Which event to instrument next: what a missing requirement means in events and their fields.

A definition says in words what the data must hold (``requires`` of a counted metric, ``needs`` of a
derived one); each such text names an event type or a reference file. Without a published snapshot
the lake's list of events decides what is certainly missing; what the events hold is known only
after a measure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from candor.events.registry import registry
from candor.metrics.derived import Derived
from candor.metrics.registry import Catalogue, Metric

_FILE = re.compile(r"\b[a-z_]+\.(?:yaml|csv)\b")
_WORD = re.compile(r"[a-z][a-z_]*")
_SPOKEN: dict[str, tuple[str, tuple[str, ...]]] = {
    "verdict": ("assessment", ()), "verdicts": ("assessment", ()), "label": ("assessment", ()),
    "probability": ("assessment", ("sampling_probability",)),
    "confidence": ("message", ("ai_confidence",)), "latency": ("message", ("latency_ms",)),
    "intent": ("message", ("intent_predicted", "intent_confidence")),
    "intents": ("intents.yaml", ()), "sources": ("message", ("knowledge_ids",)),
    "speech": ("message", ("speech_start_ms", "speech_end_ms")),
    "utterance": ("message", ()), "answer": ("message", ()), "messages": ("message", ()),
    "sentiment": ("message", ("text",)), "scored": ("message", ("text",)),
    "turn": ("message", ("kind",)), "churn": ("account", ()),
    "issue": ("conversation", ("customer_id", "channel")),
    "due": ("conversation", ("due_first_response_at", "due_resolution_at")), "event": ("conversation", ()),
}  # fmt: skip
"""Words by which definitions speak of an event or a field without naming it."""
MOST_WORDS = 3
"""Texts told of one event; the rest are left to the catalogue."""
_BASE = ("conversation", "message")
"""Every workspace has these events; what a text naming them asks for are optional fields."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One missing thing.

    Attributes:
        words: as the definition says it.
        event: event type, or name of a reference file; "" when the text names neither.
        fields: fields such an event must have, and those that the text names.
    """

    words: str
    event: str
    fields: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people: what to send next."""
        if not self.event:
            return self.words
        if self.event not in registry():
            return f"{self.event}: {self.words}"
        told = f"event {self.event}"
        if self.fields:
            told += f" ({', '.join(self.fields)})"
        return told if self.words == self.event else f"{told}: {self.words}"

    @property
    def brief(self) -> str:
        """The same in few words, for a list of things to do; the table beside it says the rest."""
        if self.event in registry():
            return f"{self.event} events"
        return self.event or self.words

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "fields": list(self.fields)}


@cache
def wanted(words: str) -> Wanted:
    """What a requirement asks for."""
    types = registry()
    said = _WORD.findall(words)
    named = [word for word in said if word in types]
    named += [_SPOKEN[word][0] for word in said if word in _SPOKEN]
    # An event beside conversations and messages says more than these two do.
    event = next((name for name in named if name not in _BASE), named[0] if named else "")
    file = _FILE.search(words)
    if not event or event not in types or (file and event in _BASE):
        return Wanted(words, file[0] if file else event, ())
    meant = {*said, *(field for word in said for field in _SPOKEN.get(word, ("", ()))[1])}
    fields = tuple(
        field.name
        for field in types[event].fields
        if field.name in meant or (field.required and event not in _BASE)
    )
    return Wanted(words, event, fields)


def requirements(catalogue: Catalogue, metric: Metric) -> tuple[str, ...]:
    """Everything a metric's data must hold, in words; those of its inputs included."""
    told: dict[str, None] = {}
    if isinstance(metric, Derived):
        told.update(dict.fromkeys(metric.needs))
    for ground in catalogue.grounds(metric.name, needed=True):
        told.update(dict.fromkeys(ground.requires))
    return tuple(told)


def unheard(words: Iterable[str], events: Mapping[str, int]) -> tuple[str, ...]:
    """Requirements that name an event of which there is none.

    Args:
        words: requirements.
        events: event type to the number of stored events.
    """
    types = registry()
    return tuple(
        text for text in words if wanted(text).event in types and not events.get(wanted(text).event)
    )


@dataclass(frozen=True, slots=True)
class Gap:
    """One event to instrument, and what it would make measurable.

    Attributes:
        wanted: the event.
        unlocks: metrics that lack nothing else.
        helps: metrics that lack this and something else.
    """

    wanted: Wanted
    unlocks: tuple[str, ...]
    helps: tuple[str, ...]


def gaps(lacking: Mapping[str, tuple[str, ...]]) -> list[Gap]:
    """Missing events, most useful first.

    Args:
        lacking: metric to the requirements its data do not meet.
    """
    events: dict[str, list[str]] = {}
    for metric, words in lacking.items():
        for text in words:
            events.setdefault(wanted(text).event or text, []).append(metric)
    found = []
    for event, metrics in events.items():
        texts = {text for one in metrics for text in lacking[one]
                 if (wanted(text).event or text) == event}  # fmt: skip
        fields = tuple(
            dict.fromkeys(field for text in sorted(texts) for field in wanted(text).fields)
        )
        alone = {one for one in metrics if {wanted(t).event or t for t in lacking[one]} == {event}}
        told = "; ".join(sorted(texts)[:MOST_WORDS]) + "; …" * (len(texts) > MOST_WORDS)
        known = event if event in registry() or _FILE.fullmatch(event) else ""
        found.append(
            Gap(
                Wanted(told, known, fields),
                tuple(sorted(alone)),
                tuple(sorted(set(metrics) - alone)),
            )
        )
    return sorted(
        found,
        key=lambda gap: (-len(gap.unlocks), -len(gap.helps), gap.wanted.event or gap.wanted.words),
    )

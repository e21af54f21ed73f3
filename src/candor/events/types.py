"""What an event type is: named fields of a closed set of kinds, and the envelope all types share.

Only this module says which kinds of field exist. Nothing here reads files or touches Arrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "string", "id", "timestamp", "date", "int", "float", "bool", "money", "json", "list", "enum"
]
KINDS: tuple[str, ...] = get_args(Kind)
PERSONAL_MARKS = (
    "text",
    "identifier:customer",
    "identifier:account",
    "identifier:alias",
    "identifier:person",
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event type.

    Attributes:
        name: column name.
        kind: what values it holds; ``id`` compares as bytes, ``string`` is NFC-normalised unless it
            is personal text, ``money`` is a decimal with six places, ``json`` an object,
            ``list`` a list of ids.
        required: whether null is refused.
        values: the known values of an ``enum``, else empty.
        doc: one line for the reference page.
        personal: ``text`` (redacted), ``identifier:<kind>`` (keyed pseudonym) or None.
        personal_when: ``(field, value)`` that makes the mark hold only for such rows; None means
            always. Treating it as always is safe.
        minimum: least value of an ``int`` or ``float``, else None.
        maximum: greatest value of an ``int`` or ``float``, else None.
        may_be_future: whether a timestamp may lie ahead of its receipt (due dates, renewals).
    """

    name: str
    kind: Kind
    required: bool = False
    values: tuple[str, ...] = ()
    doc: str = ""
    personal: str | None = None
    personal_when: tuple[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    may_be_future: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event.

    Attributes:
        name: snake case, the ``type`` of canonical records.
        doc: one line saying what one event is.
        key: names of the natural key's fields, all of them required; may hold ``occurred_at``.
        fields: the type's own fields in storage order, without the envelope.
        question: what the event answers, in a leader's words.
        rule: how events of this type come about.
        caveat: what not to conclude from it.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    question: str = ""
    rule: str = ""
    caveat: str = ""

    def field(self, name: str) -> Field:
        """The type's own field ``name``.

        Raises:
            KeyError: there is none.
        """
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether the type has a field of its own called ``name``."""
        return any(one.name == name for one in self.fields)


ENVELOPE: tuple[Field, ...] = (
    Field("event_id", "id", doc="Identity, derived from source, type, natural key and revision."),
    Field("source", "id", required=True, doc="Name of the configured source."),
    Field("occurred_at", "timestamp", required=True, doc="When it happened by the source's clock."),
    Field(
        "observed_at",
        "timestamp",
        doc="When the source told us; equals occurred_at when the record does not say.",
    ),
    Field("loaded_at", "timestamp", doc="When it was stored."),
    Field(
        "revision",
        "int",
        minimum=0,
        doc="A later revision of the same natural key replaces the earlier one in facts.",
    ),
    Field("raw_ref", "string", doc="Where the raw record is found again."),
    Field("extra", "json", doc="What the record held and no column holds."),
)

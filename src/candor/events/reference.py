"""The reference page of event types in Markdown, printed from the registry."""

from __future__ import annotations

from candor.events.registry import registry
from candor.events.types import ENVELOPE, EventType, Field

_OPENING = """\
# Event types

Everything stored is an event. This page is printed from the definitions; do not edit it.
A name in **bold** must be given. Kinds: `id` (compared as bytes, integers become text), `string`,
`enum` (a closed list of words), `timestamp` (ISO 8601 with its zone, or integer microseconds since
1970 in UTC), `int`, `float`, `bool`, `money` (six decimal places), `json` (an object) and `list`
(of ids). What no column holds is kept in `extra`. *text* is redacted before storage; *identifier*
becomes a keyed pseudonym.
"""


def reference_markdown() -> str:
    """The whole page: the envelope, then every type with its question, rule, caveat and fields."""
    parts = [_OPENING, "## Envelope of every event\n\n" + _table(ENVELOPE)]
    parts += [_section(event_type) for event_type in registry().values()]
    return "\n".join(parts)


def _section(event_type: EventType) -> str:
    key = " + ".join(f"`{name}`" for name in event_type.key)
    return (
        f"## {event_type.name}\n\n{event_type.question}\n\n"
        f"{event_type.doc} Key: {key}.\n\n"
        f"- Rule: {event_type.rule}\n- Caveat: {event_type.caveat}\n\n{_table(event_type.fields)}"
    )


def _table(fields: tuple[Field, ...]) -> str:
    lines = ["| field | kind | meaning |", "|---|---|---|"]
    lines += [_row(field) for field in fields]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    name = f"**{field.name}**" if field.required else field.name
    kind: str = field.kind
    if field.minimum is not None:
        kind += f" ≥ {field.minimum:g}"
    if field.maximum is not None:
        kind += f" ≤ {field.maximum:g}"
    words = f" One of {', '.join(f'`{value}`' for value in field.values)}." if field.values else ""
    mark = f" *{field.personal.split(':')[0]}*" if field.personal else ""
    if field.personal_when:
        mark += f" where `{field.personal_when[0]}` is `{field.personal_when[1]}`"
    return f"| {name} | {kind} | {field.doc}{words}{mark} |"

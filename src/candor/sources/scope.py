"""What an expression of a mapping file sees, and how its values count as numbers and text.

Exact numbers only; what cannot be read as asked is null, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

Compiled = Callable[[Any, "Scope"], Any]
"""``(row, scope) -> value``; the row is the current record or nested element."""
Resolver = Callable[[str], Compiled]

_EXPONENT = 400


@dataclass(slots=True)
class Scope:
    """What an expression may see beside its row.

    Attributes:
        record: the record that the row is an element of.
        index: position of the element in its array, from 0.
        number: position of the record in its file, from 1.
        beside: the elements gone through, each with its index.
        place: where the row stands among them.
        seen: words outside a value map, by field.
    """

    record: Any = None
    index: int = 0
    number: int = 0
    beside: Sequence[tuple[int, Any]] = ()
    place: int = 0
    seen: dict[str, Any] = field(default_factory=dict)

    def moved(self, step: int) -> tuple[Any, Scope] | None:
        """The element ``step`` places further and what is seen from there; None past the ends."""
        place = self.place + step
        if not 0 <= place < len(self.beside):
            return None
        index, row = self.beside[place]
        return row, Scope(self.record, index, self.number, self.beside, place, self.seen)


def number_of(value: Any) -> Any:
    """``value`` as an exact number; None when it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | Decimal):
        return value
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str):
        return None
    try:
        number = Decimal(value.strip()) if "_" not in value else None
    except InvalidOperation:
        return None
    if number is None or not number.is_finite() or abs(number.adjusted()) > _EXPONENT:
        return None
    return number


def text_of(value: Any) -> str | None:
    """``value`` as text; None when it is null, a list or an object."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

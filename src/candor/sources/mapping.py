"""The mapping file of the generic source, as a checked, immutable description.

Only the shape and the entrance live here: ``mapping_check`` finds every mistake at once with its
line, ``mapping_plan`` compiles the description into functions, ``mapping_schema`` publishes it.
A mapping travels between processes as its text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.sources.readers.dialect import Dialect
from candor.sources.times import TimeSpec

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet", "xlsx")
TABLES = frozenset({"csv", "tsv", "parquet", "xlsx"})
CASTS = ("text", "number", "integer", "boolean", "time")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the files are written.

    Attributes:
        type: one of ``FORMATS``.
        dialect: of csv and tsv.
        encoding: declared, or None for UTF-8 and UTF-16 with mark.
        null_values: texts that mean that there is no value.
        decimal: the decimal sign of numbers in text.
        thousands: the sign between groups of digits, "" for none.
        records: key of the array in a JSON document, dots going deeper; None for the document.
        sheet: name of the sheet of a workbook; None when it has only one.
    """

    type: str
    dialect: Dialect = field(default_factory=Dialect)
    encoding: str | None = None
    null_values: frozenset[str] = frozenset()
    decimal: str = "."
    thousands: str = ""
    records: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one field of an event comes from: exactly one of column, constant and expression.

    Attributes:
        target: field of the event, or a name inside ``extra``.
        line: where it stands in the mapping file.
        column: column name, or dotted path in JSON.
        constant: a fixed value (``is_constant`` tells null from absent).
        is_constant: the field has the value ``constant``.
        expression: text of an expression.
        words: value map, or None.
        refuse_unmapped: a word outside the map refuses the event instead of becoming null.
        default: value where the source has none.
        time: how the source writes this time, or None for the mapping's own.
        cast: one of ``CASTS`` or None.
        null_values: further texts that mean null.
        split: separator of a list written as text, or None.
        is_optional: a table without this column is still read.
        take: ``earliest`` or ``latest`` of the thread's rows, or "".
    """

    target: str
    line: int
    column: str | None = None
    constant: Any = None
    is_constant: bool = False
    expression: str | None = None
    words: dict[str, Any] | None = None
    refuse_unmapped: bool = False
    default: Any = None
    time: TimeSpec | None = None
    cast: str | None = None
    null_values: frozenset[str] = frozenset()
    split: str | None = None
    is_optional: bool = False
    take: str = ""


@dataclass(frozen=True, slots=True)
class EventRule:
    """One rule of ``emit``: which event a record or nested element becomes.

    Attributes:
        type: event type.
        line: where it stands.
        fields: fields of the event.
        extra: further columns kept in ``extra`` under a name.
        key: columns whose values make the event's id where no field does.
        when: condition, or "".
        for_each: path of a nested array, or "".
        once_per: columns; one event per distinct values and file, from their first record.
        among: condition; elements of the array that do not meet it are passed over, also as
            neighbours, or "".
    """

    type: str
    line: int
    fields: tuple[FieldRule, ...]
    extra: tuple[FieldRule, ...] = ()
    key: tuple[str, ...] = ()
    when: str = ""
    for_each: str = ""
    once_per: tuple[str, ...] = ()
    among: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """Columns taken over from an earlier row of the same thread where a row has none."""

    thread: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping file.

    Attributes:
        name: how to call it in messages.
        text: the file's text.
        source: proposed name of the source, or "".
        files: shell patterns of file names to look for in folders.
        format: how the files are written.
        time: how they write time unless a field says otherwise.
        rules: what becomes of a record.
        fill: declared fill within the thread, or None.
        skip_when: condition under which a record is left out on purpose, or "".
        keep_unmapped: columns that no rule names go to ``extra``.
    """

    name: str
    text: str = field(repr=False)
    source: str
    files: tuple[str, ...]
    format: FileFormat
    time: TimeSpec
    rules: tuple[EventRule, ...]
    fill: Fill | None = None
    skip_when: str = ""
    keep_unmapped: bool = True

    @property
    def looks_around(self) -> bool:
        """A record means something else, or nothing, without the file around it."""
        return (
            self.fill is not None
            or "$record" in self.text
            or any(rule.once_per or any(one.take for one in rule.fields) for rule in self.rules)
        )

    def __reduce__(self) -> tuple[Callable[[str, str], Mapping], tuple[str, str]]:
        return parse_mapping, (self.text, self.name)


def load_mapping(path: Path) -> Mapping:
    """The mapping in a file.

    Raises:
        CandorError: ``mapping.missing``, ``mapping.syntax`` or ``mapping.invalid`` with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CandorError(
            "mapping.missing",
            Problem(
                "there is no such mapping file", str(path), "a mapping file",
                "let `candor init DIR --from FILE` propose one",
            ),
            exit_code=2,
        ) from None  # fmt: skip
    except UnicodeDecodeError as error:
        raise CandorError(
            "mapping.syntax", Problem(f"byte {error.start} is not UTF-8", str(path), "UTF-8 text")
        ) from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, name: str = "mapping") -> Mapping:
    """The mapping in a text.

    Raises:
        CandorError: ``mapping.syntax`` or ``mapping.invalid`` with every problem and its line.
    """
    from candor.sources.mapping_check import checked_mapping

    return checked_mapping(text, name)

"""The file in which people label: CSV or JSON Lines, the same columns in and out.

One row is one question to one person: an item, a criterion, and their answer. A row without an answer
is not labelled yet; the answer ``unknown`` is an abstention. Nothing here knows the lake.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem, nearest

ITEMS = ("thread_id", "conversation_id", "message_id", "handoff_id")
COLUMNS = (
    "queue", *ITEMS, "criterion", "label", "value", "assessor", "rubric", "sampling_probability",
    "is_blind", "comment", "labelled_at", "revision",
)  # fmt: skip
SHOWN = "transcript"
"""A column that is shown to the person and never read back."""
UNKNOWN = "unknown"
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": None}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Label:
    """One answer of one person.

    Attributes:
        row: line or record in the file, from 1.
        item: kind of item to its id; the narrowest one given is judged.
        criterion: what was judged.
        label, value: the answer as a word or as a number from 0 to 1; both None is an abstention.
        assessor: who answered, as written.
        queue, rubric, comment, labelled_at: as written, "" when not.
        sampling_probability: chance of the item to be asked about; None when not recorded.
        is_blind: answered without seeing any verdict; None when not recorded.
        revision: greater ones replace smaller ones.
    """

    row: int
    item: Mapping[str, str]
    criterion: str
    label: str | None
    value: float | None
    assessor: str
    queue: str = ""
    rubric: str = ""
    comment: str = ""
    labelled_at: str = ""
    sampling_probability: float | None = None
    is_blind: bool | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Form:
    """A file that was read: its answers, and how many rows held none yet."""

    labels: tuple[Label, ...]
    blank: int


def read(path: Path, *, assessor: str = "", criterion: str = "") -> Form:
    """Read a file of labels.

    Args:
        path: ``.csv`` or ``.jsonl``.
        assessor: for rows that name none.
        criterion: for rows that name none.

    Raises:
        CandorError: ``labels.invalid`` with every mistake of every row.
    """
    labels: list[Label] = []
    problems: list[Problem] = []
    blank = 0
    for number, row in _rows(path, problems):
        if not _text(row, "label") and not _text(row, "value"):
            blank += 1
            continue
        found = _label(number, row, f"{path.name}: row {number}", assessor, criterion, problems)
        if found is not None:
            labels.append(found)
    if problems:
        raise CandorError("labels.invalid", problems)
    return Form(tuple(labels), blank)


def items(path: Path) -> list[str]:
    """The conversations a form asks about, in order."""
    problems: list[Problem] = []
    return [_text(row, "conversation_id") for _, row in _rows(path, problems)]


def write(path: Path, rows: Iterable[Mapping[str, Any]], *, shown: bool = False) -> int:
    """Write rows as CSV or, by the ending ``.jsonl``, as JSON Lines; the number written.

    Texts that a spreadsheet would run as a formula get an apostrophe before them in CSV.
    """
    columns = (*COLUMNS, SHOWN) if shown else COLUMNS
    written = 0
    with path.open("w", encoding="utf-8", newline="") as handle:
        if path.suffix == ".jsonl":
            for row in rows:
                told = {name: row[name] for name in columns if row.get(name) is not None}
                handle.write(json.dumps(told, ensure_ascii=False) + "\n")
                written += 1
            return written
        writer = csv.writer(handle)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in columns])
            written += 1
    return written


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return "" if value is None else value


def _rows(path: Path, problems: list[Problem]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    if not path.exists():
        problem = Problem("there is no such file", str(path))
        raise CandorError("labels.no_such_file", problem, exit_code=2)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        if path.suffix in (".jsonl", ".ndjson"):
            for number, line in enumerate(handle, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError:
                    row = None
                if isinstance(row, dict):
                    _check_columns(row, f"{path.name}: row {number}", problems)
                    yield number, row
                else:
                    problems.append(Problem("this is no JSON object", f"{path.name}: row {number}"))
            return
        reader = csv.DictReader(handle)
        if not _check_columns(reader.fieldnames or (), f"{path.name}: header", problems):
            return
        yield from enumerate(reader, start=1)


def _check_columns(names: Iterable[str], where: str, problems: list[Problem]) -> bool:
    known = (*COLUMNS, SHOWN)
    unknown = [name for name in names if name not in known]
    problems += [
        Problem(f"unknown column '{name}'", where, "", nearest(str(name), known))
        for name in unknown
    ]
    return not unknown


def _label(
    number: int, row: Mapping[str, Any], where: str, assessor: str, criterion: str,
    problems: list[Problem],
) -> Label | None:  # fmt: skip
    before = len(problems)
    item = {name: text for name in ITEMS if (text := _text(row, name))}
    if not item:
        problems.append(Problem("it names no item", where, "one of " + ", ".join(ITEMS)))
    criterion = _text(row, "criterion") or criterion
    assessor = _text(row, "assessor") or assessor
    if not criterion:
        problems.append(Problem("it names no criterion", where, "a column or --criterion"))
    if not assessor:
        problems.append(Problem("nobody signed it", where, "a column or --assessor"))
    value = _number(row, "value", where, problems, 0.0)
    chance = _number(row, "sampling_probability", where, problems, 0.000001)
    blind = _text(row, "is_blind").lower()
    if blind not in _FLAGS:
        problems.append(Problem(f"is_blind is '{blind}'", where, "true or false"))
    revision = _text(row, "revision") or "0"
    if not revision.isdecimal():
        problems.append(Problem(f"revision is '{revision}'", where, "a whole number"))
    if len(problems) > before:
        return None
    label = _text(row, "label")
    return Label(
        number, item, criterion, None if label.lower() == UNKNOWN else label or None, value,
        assessor, _text(row, "queue"), _text(row, "rubric"), _text(row, "comment"),
        _text(row, "labelled_at"), chance, _FLAGS[blind], int(revision),
    )  # fmt: skip


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value).strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA else text


def _number(
    row: Mapping[str, Any], name: str, where: str, problems: list[Problem], least: float
) -> float | None:
    text = _text(row, name)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= 1:
        problems.append(Problem(f"{name} is '{text}'", where, f"a number from {least:g} to 1"))
        return None
    return value


def same_items(labels: Sequence[Label]) -> list[Problem]:
    """Rows in which one person answers the same question twice, differently, in one revision."""
    seen: dict[tuple[object, ...], Label] = {}
    problems = []
    for one in labels:
        key = (tuple(one.item.items()), one.criterion, one.assessor, one.rubric, one.revision)
        first = seen.setdefault(key, one)
        if (first.label, first.value) != (one.label, one.value):
            problems.append(
                Problem(
                    f"{one.assessor} answers {one.criterion} twice", f"rows {first.row} and {one.row}",
                    "one answer, or a greater revision for the later one",
                )
            )  # fmt: skip
    return problems

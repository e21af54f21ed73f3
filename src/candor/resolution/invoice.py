"""An invoice as lines: read from CSV, TSV, JSON Lines, JSON, Parquet or XLSX, every mistake at once.

Only this module knows how invoices are written. Columns are found by their names or by common other
names; nothing is guessed from values. A row whose invoice number and line were read before, with the
same content, is the same line and is counted, not billed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem, nearest
from candor.sources.base import FileRefused, RawRecord
from candor.sources.readers import csv, json_array, json_lines, parquet, xlsx
from candor.sources.readers.dialect import Dialect
from candor.window import parse_instant

OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "invoice_id": ("invoice", "invoice_no", "invoice_number", "document_no"),
    "line": ("line_no", "line_number", "line_id", "position", "pos", "item"),
    "vendor": ("supplier", "provider"),
    "period_start": ("from", "start", "period_from", "billing_period_start"),
    "period_end": ("to", "until", "end", "period_to", "billing_period_end"),
    "outcome_billed": ("outcome", "type", "description", "product", "service", "item_description"),
    "amount": ("total", "price", "net_amount", "charge"),
    "currency": ("currency_code",),
    "thread_id": ("conversation_id", "ticket_id", "case_id", "session_id", "chat_id"),
    "quantity": ("qty", "units", "count"),
    "unit_price": (),
    "billed_at": (),
    "vendor_ref": ("reference", "ref"),
    "credit_of": ("credits", "credit_for"),
    "thread_ids": ("conversation_ids", "ticket_ids"),
}
"""Column → names it goes by in invoices."""
REQUIRED = (
    "invoice_id", "line", "vendor", "period_start", "period_end", "outcome_billed", "amount",
    "currency",
)  # fmt: skip
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
_MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice.

    Attributes:
        invoice_id, line: natural key.
        vendor, outcome_billed, currency: as written; the currency in capitals.
        period_start, period_end: epoch microseconds; the end is excluded.
        amount: signed; a credit is negative.
        thread_id: the container billed; None when the line names none.
        thread_ids: of a line that bills several.
        quantity, unit_price: where given.
        vendor_ref, credit_of: where given.
        row: number of the row in its file.
    """

    invoice_id: str
    line: str
    vendor: str
    period_start: int
    period_end: int
    outcome_billed: str
    amount: Decimal
    currency: str
    row: int
    thread_id: str | None = None
    thread_ids: tuple[str, ...] = ()
    quantity: int = 1
    unit_price: Decimal | None = None
    vendor_ref: str = ""
    credit_of: str = ""


@dataclass(frozen=True)
class Invoice:
    """The lines of a file.

    Attributes:
        lines: each natural key once.
        read: rows of the file.
        repeated: rows that repeat a line.
        columns: column of the file that each field was read from.
    """

    lines: tuple[InvoiceLine, ...]
    read: int
    repeated: int
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> Mapping[str, Decimal]:
        """Sum of the amounts by currency."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
        return dict(sorted(sums.items()))


def read(path: Path, *, zone: str = "UTC") -> Invoice:
    """The invoice in a file.

    Args:
        path: the file.
        zone: time zone of periods without an offset.

    Raises:
        CandorError: ``invoice.unreadable`` or ``invoice.invalid`` with every problem, by row.
    """
    problems: list[Problem] = []
    lines: dict[tuple[str, str], InvoiceLine] = {}
    columns: dict[str, str] = {}
    count = repeated = 0
    try:
        for record in _records(path):
            count += 1
            where = f"{path.name}: row {record.number}"
            if record.reason is not None or not isinstance(record.value, dict):
                problems.append(
                    Problem(
                        f"the row cannot be read ({record.reason})",
                        where,
                        record.detail or "an object",
                    )
                )
                continue
            if not columns:
                columns = _columns(path, record.value)
            line = _line(record, columns, where, zone, problems)
            if line is None:
                continue
            key = (line.invoice_id, line.line)
            if key not in lines:
                lines[key] = line
            elif _content(lines[key]) == _content(line):
                repeated += 1
            else:
                problems.append(
                    Problem(
                        f"line {line.line} of invoice {line.invoice_id} stands twice with different content",
                        where, "one row for each line", f"compare it with row {lines[key].row}",
                    )
                )  # fmt: skip
    except FileRefused as refused:
        raise CandorError(
            "invoice.unreadable", Problem(refused.what, str(path), refused.expected, refused.fix)
        ) from None
    if count == 0:
        problems.append(Problem("there is no line", str(path), "one row for each billed outcome"))
    if problems:
        if len(problems) > _MOST_SHOWN:
            rest = len(problems) - _MOST_SHOWN
            problems = [*problems[:_MOST_SHOWN], Problem(f"and {rest} more problems", str(path))]
        raise CandorError("invoice.invalid", problems)
    return Invoice(tuple(lines.values()), count, repeated, columns)


def _records(path: Path) -> Iterator[RawRecord]:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise CandorError(
            "invoice.unreadable",
            Problem(f"unknown kind of file '{path.suffix}'", str(path), ", ".join(_SUFFIXES)),
            exit_code=2,
        )
    if not path.is_file():
        raise CandorError(
            "invoice.unreadable", Problem("there is no such file", str(path)), exit_code=2
        )
    if suffix in (".csv", ".tsv"):
        return csv.read(path, Dialect(delimiter="\t" if suffix == ".tsv" else ","))
    if suffix in (".jsonl", ".ndjson"):
        return json_lines.read(path)
    if suffix == ".json":
        return json_array.read(path)
    return parquet.read(path) if suffix == ".parquet" else xlsx.read(path)


def _columns(path: Path, row: Mapping[str, Any]) -> dict[str, str]:
    plain = {_plain(name): name for name in row}
    found = {}
    for wanted, others in OTHER_NAMES.items():
        for name in (wanted, *others):
            if name in plain:
                found[wanted] = plain[name]
                break
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise CandorError(
            "invoice.invalid",
            [
                Problem(
                    f"there is no column '{name}'", f"{path.name}: header",
                    f"one of {', '.join((name, *OTHER_NAMES[name]))}", nearest(name, sorted(plain)),
                )
                for name in missing
            ],
        )  # fmt: skip
    return found


def _plain(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").replace(".", " ").split())


def _line(
    record: RawRecord, columns: Mapping[str, str], where: str, zone: str, problems: list[Problem]
) -> InvoiceLine | None:
    row = record.value
    before = len(problems)

    def text(name: str) -> str:
        value = row.get(columns[name]) if name in columns else None
        return "" if value is None else str(value).strip()

    def number(name: str, default: Decimal | None) -> Decimal | None:
        written = text(name)
        if not written:
            return default
        try:
            found = Decimal(written)
        except InvalidOperation:
            found = Decimal("nan")
        if not found.is_finite():
            problems.append(
                Problem(
                    f"'{written}' is no number",
                    f"{where}: {columns[name]}",
                    "digits and a point, like 0.99",
                )
            )
            return None
        return found

    def instant(name: str) -> int:
        try:
            return parse_instant(text(name), zone)
        except ValueError:
            problems.append(
                Problem(
                    f"'{text(name)}' is no time",
                    f"{where}: {columns[name]}",
                    "ISO 8601, like 2026-09-01",
                )
            )
            return 0

    problems += [
        Problem("the cell is empty", f"{where}: {columns[name]}", f"the {name}")
        for name in REQUIRED
        if not text(name)
    ]
    if len(problems) > before:
        return None
    start, end = instant("period_start"), instant("period_end")
    amount = number("amount", None)
    quantity = number("quantity", Decimal(1))
    unit_price = number("unit_price", None)
    currency = text("currency").upper()
    if len(currency) != 3 or not currency.isalpha():
        problems.append(
            Problem(
                f"'{text('currency')}' is no currency",
                f"{where}: {columns['currency']}",
                "three letters, like EUR",
            )
        )
    if quantity is not None and (quantity != quantity.to_integral_value() or quantity < 1):
        problems.append(
            Problem(f"a quantity of {quantity}", f"{where}: {columns['quantity']}", "1 or more")
        )
    if len(problems) == before and end <= start:
        problems.append(
            Problem("the period ends before it starts", where, "period_end after period_start")
        )
    if len(problems) > before or amount is None or quantity is None:
        return None
    listed = row.get(columns["thread_ids"]) if "thread_ids" in columns else None
    several = listed if isinstance(listed, list) else str(listed or "").replace(";", " ").split()
    return InvoiceLine(
        text("invoice_id"), text("line"), text("vendor"), start, end, text("outcome_billed"), amount,
        currency, record.number, text("thread_id") or None, tuple(str(one) for one in several),
        int(quantity), unit_price, text("vendor_ref"), text("credit_of"),
    )  # fmt: skip


def _content(line: InvoiceLine) -> tuple[Any, ...]:
    return (
        line.vendor, line.period_start, line.period_end, line.outcome_billed, line.amount,
        line.currency, line.thread_id, line.thread_ids, line.quantity, line.unit_price, line.credit_of,
    )  # fmt: skip

"""An invoice from a stranger, read by a process of its own that has no network and little of all else.

Runs as ``python -m candor.resolution.confined FILE ZONE``; see ``sources.apart``.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.resolution import invoice
from candor.sources import apart
from candor.sources.confinement import Confinement, confine, unpacked_at_most
from candor.sources.readers.limits import MIB

BOUNDS = Confinement(cpu_seconds=20, wall_seconds=60.0, output_bytes=32 * MIB)


def read(path: Path, *, zone: str = "UTC", bounds: Confinement = BOUNDS) -> invoice.Invoice:
    """The invoice in a file.

    Args:
        path: the file; only the child opens it.
        zone: time zone of periods without an offset.
        bounds: time and output the parent grants.

    Raises:
        CandorError: as ``invoice.read``, and ``invoice.unreadable`` when the child ran out of its
            bounds.
    """
    told = apart.ask("candor.resolution.confined", [str(path), zone], bounds)
    if told is None:
        raise CandorError(
            "invoice.unreadable",
            Problem(
                "the file took more time or memory than a file may", path.name, "an invoice",
                "split it, or save it as CSV",
            ),
        )  # fmt: skip
    lines = tuple(_line(one) for one in told["lines"])
    return invoice.Invoice(lines, told["read"], told["repeated"], told["columns"])


def _line(told: dict[str, Any]) -> invoice.InvoiceLine:
    price = told["unit_price"]
    return invoice.InvoiceLine(
        **{
            **told, "amount": Decimal(told["amount"]), "thread_ids": tuple(told["thread_ids"]),
            "unit_price": None if price is None else Decimal(price),
        }
    )  # fmt: skip


def main(arguments: list[str]) -> None:
    """The child: bounded first, then reading."""
    path, zone = Path(arguments[0]), arguments[1]
    confine(BOUNDS, unpacked_at_most(path))

    def question() -> dict[str, Any]:
        found = invoice.read(path, zone=zone)
        return {
            "lines": [asdict(line) for line in found.lines], "read": found.read,
            "repeated": found.repeated, "columns": dict(found.columns),
        }  # fmt: skip

    apart.answer(question)


if __name__ == "__main__":
    main(sys.argv[1:])

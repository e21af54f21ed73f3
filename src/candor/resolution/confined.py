"""An invoice from a stranger, read by a process of its own that has no network and little of all else.

Runs as ``python -m candor.resolution.confined FILE ZONE`` and answers one JSON object on standard
output. The parent takes nothing but that: no pickles, no more bytes than agreed, no more time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.resolution import invoice
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
    search = [entry for entry in sys.path if entry]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module; the path is data
        # -P: a module lying in the current folder must not be imported.
        [sys.executable, "-P", "-m", "candor.resolution.confined", str(path), zone],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search), "PYTHONDONTWRITEBYTECODE": "1",
             "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        start_new_session=True,
    ) as child:  # fmt: skip
        ending = threading.Timer(bounds.wall_seconds, child.kill)
        ending.start()
        try:
            said = child.stdout.read(bounds.output_bytes + 1) if child.stdout else b""
        finally:
            ending.cancel()
            child.kill()
    told = _object(said) if len(said) <= bounds.output_bytes else None
    if told is None:
        raise CandorError(
            "invoice.unreadable",
            Problem(
                "the file took more time or memory than a file may", path.name, "an invoice",
                "split it, or save it as CSV",
            ),
        )  # fmt: skip
    if "error" in told:
        problems = [
            Problem(*(str(one.get(name, "")) for name in ("what", "where", "expected", "fix")))
            for one in told["problems"]
        ]
        raise CandorError(str(told["error"]), problems)
    lines = tuple(_line(one) for one in told["lines"])
    return invoice.Invoice(lines, told["read"], told["repeated"], told["columns"])


def _object(said: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(said)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


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
    try:
        found = invoice.read(path, zone=zone)
    except CandorError as error:
        told: dict[str, Any] = error.as_dict()
    else:
        told = {
            "lines": [asdict(line) for line in found.lines], "read": found.read,
            "repeated": found.repeated, "columns": dict(found.columns),
        }  # fmt: skip
    sys.stdout.write(json.dumps(told, default=str))
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])

"""What uploaded files are: a known vendor's export, or tables for which a mapping is proposed.

The same guesses as ``candor init --from``, made by a confined process: whoever uploads a file may be
anybody's customer. Runs as ``python -m candor.sources.recognising FILE…``; see ``apart``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.sources import apart, vendor_signs
from candor.sources.base import FileRefused
from candor.sources.confinement import Confinement, confine, unpacked_at_most
from candor.sources.propose import propose
from candor.sources.readers.limits import MIB

BOUNDS = Confinement(cpu_seconds=30, wall_seconds=90.0, output_bytes=4 * MIB)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What files seem to be.

    Attributes:
        connector: of a known vendor; ``generic`` when a mapping is needed.
        mapping: the proposed mapping; "" for a vendor's export.
        kinds: name of each file to the connector it speaks for, "" for none.
    """

    connector: str
    mapping: str
    kinds: Mapping[str, str]


def recognise(paths: Sequence[Path], *, bounds: Confinement = BOUNDS) -> Recognised:
    """What files of one source are; only a confined process opens them.

    Args:
        paths: at least one file.
        bounds: time and output granted.

    Raises:
        CandorError: they are exports of different vendors, nothing that could be rows, a table of
            rates, or more than the bounds allow.
    """
    told = apart.ask("candor.sources.recognising", [str(path) for path in paths], bounds)
    if told is None:
        raise CandorError(
            "recognise.unreadable",
            Problem(
                "looking at the file took more time or memory than a file may",
                ", ".join(path.name for path in paths), "one row per conversation or message",
                "split it, or save it as CSV or JSON Lines",
            ),
        )  # fmt: skip
    return Recognised(told["connector"], told["mapping"], told["kinds"])


def look(paths: Sequence[Path]) -> Recognised:
    """The same in this process.

    Raises:
        CandorError: as ``recognise``.
    """
    kinds = {path.name: _vendor(path) for path in paths}
    vendors = sorted(set(kinds.values()) - {""})
    if len(vendors) > 1:
        raise CandorError(
            "recognise.mixed",
            [
                Problem(
                    f"it looks like an export of {kind or 'no known vendor'}", name,
                    "files of one source", "connect the sources one after the other",
                )
                for name, kind in sorted(kinds.items())
            ],
        )  # fmt: skip
    if vendors:
        return Recognised(vendors[0], "", kinds)
    return Recognised("generic", propose(paths), kinds)


def _vendor(path: Path) -> str:
    try:
        return vendor_signs.vendor_of(path)
    except FileRefused as refused:
        raise CandorError(
            "recognise.unreadable",
            Problem(f"{refused.code}: {refused.what}", path.name, refused.expected, refused.fix),
        ) from None


def main(arguments: list[str]) -> None:
    """The child: bounded first, then looking."""
    paths = [Path(argument) for argument in arguments]
    confine(BOUNDS, max(unpacked_at_most(path) for path in paths))

    def question() -> dict[str, Any]:
        found = look(paths)
        return {"connector": found.connector, "mapping": found.mapping, "kinds": dict(found.kinds)}

    apart.answer(question)


if __name__ == "__main__":
    main(sys.argv[1:])

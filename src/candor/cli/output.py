"""What every command prints through: canonical JSON on stdout, narration and errors on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candor.errors import CandorError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON document with sorted keys; a number that is not finite is an error, not ``NaN``."""
    json.dump(value, sys.stdout, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)
    sys.stdout.write("\n")


def say(text: str) -> None:
    """A line of narration on stderr."""
    sys.stderr.write(text + "\n")


_VISIBLE = {number: 0x2400 + number for number in range(32) if chr(number) not in "\n\t"}
_VISIBLE |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}


def printable(text: str) -> str:
    """The text with control characters made visible, so that it cannot steer a terminal."""
    return text.translate(_VISIBLE)


def show(text: str) -> None:
    """A line of an answer on stdout."""
    sys.stdout.write(text + "\n")


def show_fault(error: BaseException, folder: Path | None, *, as_json: bool) -> None:
    """An exception nobody foresaw, in one line; its trace goes to a file, not to the terminal.

    Args:
        error: what was raised.
        folder: workspace whose ``restricted/faults`` takes the trace (it may name data); None or
            an unwritable one takes the folder for temporary files.
        as_json: print the JSON shape of errors.
    """
    import traceback

    trace = "".join(traceback.format_exception(error))
    place = _written(trace, folder)
    what = f"this is a fault of candor, not of your input ({type(error).__name__})"
    fix = f"please report it with {place}" if place else "please report it"
    if as_json:
        print_json(CandorError("candor.fault", Problem(what, place, "", fix)).as_dict())
        return
    say(f"error: {what}; {fix}")


def _written(trace: str, folder: Path | None) -> str:
    """Path of the file that now holds the trace; "" when none can be written."""
    import tempfile
    from datetime import UTC, datetime

    name = f"candor-fault-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
    faults = folder / "restricted" / "faults" if folder else None
    for place in (faults, Path(tempfile.gettempdir())):
        if place is None or (place is faults and not place.parent.is_dir()):
            continue
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(trace)
        return str(place / name)
    return ""


def show_error(error: CandorError, *, as_json: bool) -> None:
    """An error as a person, or with ``--json`` a script, can use it."""
    if as_json:
        print_json(error.as_dict())
        return
    for problem in error.problems:
        head = f"{problem.where}\n  " if problem.where else ""
        say(printable(f"error: {head}{problem.what}"))
        if problem.expected:
            say(printable(f"  expected: {problem.expected}"))
        if problem.fix:
            say(printable(f"  {problem.fix}"))
    say(f"({error.code})")


def _unseen(_what: str, _share: float | None = None) -> None:
    return


@contextmanager
def progress(title: str) -> Iterator[Callable[[str, float | None], None]]:
    """A progress line: call it with what is being done and the share done (None = unknown).

    A bar is drawn only on a terminal; otherwise nothing is printed until the end.
    """
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def update(what: str, share: float | None = None) -> None:
            if share is None:
                bar.update(task, description=what)
            else:
                bar.update(task, description=what, total=1.0, completed=share)

        yield update

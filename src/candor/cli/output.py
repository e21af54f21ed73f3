"""What every command prints through: canonical JSON on stdout, narration and errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from candor.errors import CandorError

if TYPE_CHECKING:
    from collections.abc import Callable


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON document with sorted keys; a number that is not finite is an error, not ``NaN``."""
    json.dump(value, sys.stdout, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=2)
    sys.stdout.write("\n")


def say(text: str) -> None:
    """A line of narration on stderr."""
    sys.stderr.write(text + "\n")


def show_error(error: CandorError, *, as_json: bool) -> None:
    """An error as a person, or with ``--json`` a script, can use it."""
    if as_json:
        print_json(error.as_dict())
        return
    for problem in error.problems:
        head = f"{problem.where}\n  " if problem.where else ""
        say(f"error: {head}{problem.what}")
        if problem.expected:
            say(f"  expected: {problem.expected}")
        if problem.fix:
            say(f"  {problem.fix}")
    say(f"({error.code})")


@contextmanager
def progress(title: str) -> Iterator[Callable[[str, float | None], None]]:
    """A progress line: call it with what is being done and the share done (None = unknown).

    A bar is drawn only on a terminal; otherwise nothing is printed until the end.
    """
    if not sys.stderr.isatty():
        yield lambda _what, _share=None: None
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

"""Asks one question about a stranger's file of a process of its own, confined before it looks.

The child is a module run with ``python -m``; it confines itself, answers one JSON object on standard
output, and ends. The parent believes nothing but that: no pickles, no more bytes than agreed, no
more time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from candor.errors import CandorError, Problem
from candor.sources.confinement import Confinement


def ask(module: str, arguments: Sequence[str], bounds: Confinement) -> dict[str, Any] | None:
    """What the child answers.

    Args:
        module: what is run; its ``main`` uses ``answer``.
        arguments: handed to it as data.
        bounds: time and output the parent grants.

    Returns:
        the object; None when the child ended without one, or went beyond its bounds.

    Raises:
        CandorError: what the child found wrong.
    """
    search = [entry for entry in sys.path if entry]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module; arguments are data
        # -P: a module lying in the current folder must not be imported.
        [sys.executable, "-P", "-m", module, *arguments],
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
    if told is not None and "error" in told:
        problems = [
            Problem(*(str(one.get(name, "")) for name in ("what", "where", "expected", "fix")))
            for one in told["problems"]
        ]
        raise CandorError(str(told["error"]), problems)
    return told


def answer(question: Callable[[], dict[str, Any]]) -> None:
    """In the child: write what the question comes to, or what it found wrong."""
    try:
        told = question()
    except CandorError as error:
        told = error.as_dict()
    sys.stdout.write(json.dumps(told, default=str))
    sys.stdout.flush()


def _object(said: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(said)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

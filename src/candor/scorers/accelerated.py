"""Whether the compiled printing of the scorers is there and worth its loading (extra ``fast``)."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from types import ModuleType

WORTH = 100_000
"""Texts from which loading the compiled code (about a second) pays. A machine compiles it once, in
10 to 20 seconds, and keeps it on disk."""


def kernels(texts: int) -> ModuleType | None:
    """The compiled code for so many texts; None where the plain one does as well."""
    return _compiled() if texts >= WORTH else None


@cache
def _compiled() -> ModuleType | None:
    if find_spec("numba") is None:
        return None
    from candor.scorers import compiled

    return compiled

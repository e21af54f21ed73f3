"""How much is drawn: a fixed set in every run of the tests, new sets where somebody asks.

A test run says the same thing twice of the same code, so the draws of ``make test`` are fixed.
``make fuzz`` sets ``CANDOR_FUZZ`` to a number of examples and draws them from a seed never used
before, which a failure prints.
"""

from __future__ import annotations

import os
import secrets

import pytest

FUZZ = int(os.environ.get("CANDOR_FUZZ", "0"))
"""Examples to draw anew in each comparison; 0 where nobody asked."""

only_when_asked = pytest.mark.skipif(not FUZZ, reason="new draws are made by `make fuzz`")


def new_seed(capsys: pytest.CaptureFixture[str]) -> int:
    """A seed never used before, printed so that a failure can be run again."""
    start = secrets.randbelow(2**32)
    with capsys.disabled():
        print(f" [seed {start}]", end="")
    return start

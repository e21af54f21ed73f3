"""Shared fixtures: where the public reference data lie, when they lie beside the checkout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("CANDOR_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A path under the reference data; skips visibly without it, fails in CI."""

    def locate(relative: str) -> Path:
        path = SHARED / relative
        if not path.exists():
            if os.environ.get("CI") == "true" and os.environ.get("CANDOR_WITHOUT_SHARED") != "1":
                pytest.fail(
                    f"{path} is absent in CI; set CANDOR_WITHOUT_SHARED=1 to run without it"
                )
            pytest.skip(f"needs the public reference data: {path} is absent")
        return path

    return locate

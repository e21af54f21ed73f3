"""Text keeps the contrast of WCAG AA (4.5 to 1) in the light and in the dark palette."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import candor.reports

CSS = (Path(candor.reports.__file__).parent / "templates" / "report.css").read_text()
TEXT = [
    ("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card"), ("accent", "paper"),
    ("accent", "card"), ("good", "good-bg"), ("bad", "bad-bg"), ("amber", "amber-bg"),
    ("grey", "grey-bg"), ("good", "card"), ("bad", "card"), ("amber", "card"), ("ink", "code"),
    ("good", "paper"), ("bad", "paper"), ("amber", "paper"), ("accent", "code"),
]  # fmt: skip


def _palette(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


LIGHT = _palette(CSS.split("@media (prefers-color-scheme: dark)")[0])
DARK = LIGHT | _palette(CSS.split("@media (prefers-color-scheme: dark)")[1].split("* {")[0])


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_can_be_read(palette: dict[str, str], text: str, ground: str) -> None:
    assert _contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_neighbours_on_the_ladder_can_be_told_apart(palette: dict[str, str]) -> None:
    steps = ["confirmed", "assumed", "unknown", "failed"]
    for first, second in itertools.pairwise(steps):
        assert _contrast(palette[first], palette[second]) >= 1.2
    assert _contrast("#ffffff", "#000000") == pytest.approx(21)

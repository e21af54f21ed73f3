"""An independent adaptive window for the one anchor that needs it; no part of the product.

candor keeps daily sums and watches them with cumulative sums. This plain version keeps every value,
looks every 32 of them, and cuts where two halves of the window differ by more than chance allows.
Source of the bound: Bifet & Gavaldà 2007.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

EVERY = 32
SHORTEST = 5
WARM_UP = 10


def first_change(values: Sequence[float], *, delta: float = 0.002) -> int | None:
    """Index of the value at which the window is cut for the first time."""
    for end in range(EVERY, len(values) + 1, EVERY):
        window = values[:end]
        if end > WARM_UP and _differs(window, delta):
            return end - 1
    return None


def _differs(window: Sequence[float], delta: float) -> bool:
    n, total = len(window), math.fsum(window)
    mean = total / n
    variance = math.fsum((v - mean) ** 2 for v in window) / n
    rarity = math.log(2 * math.log(n) / delta)
    before = 0.0
    for size, value in enumerate(window[:-SHORTEST], start=1):
        before += value
        if size < SHORTEST:
            continue
        rest = n - size
        scale = 1 / (size - SHORTEST + 1) + 1 / (rest - SHORTEST + 1)
        allowed = math.sqrt(2 * scale * variance * rarity) + 2 / 3 * rarity * scale
        if abs(before / size - (total - before) / rest) > allowed:
            return True
    return False

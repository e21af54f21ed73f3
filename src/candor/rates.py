"""How often somebody may ask: buckets of requests that refill. Knows nothing of who asks or how."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Rates:
    """One bucket for each key.

    Args:
        burst: requests at once.
        per_second: refill.
        clock: seconds.
    """

    _MOST = 10_000

    def __init__(
        self,
        burst: int = 300,
        per_second: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.burst, self.per_second, self.clock = burst, per_second, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> int:
        """Seconds to wait before asking again; 0 when the request may pass."""
        now = self.clock()
        with self._lock:
            left, at = self._left.pop(key, (float(self.burst), now))
            left = min(float(self.burst), left + (now - at) * self.per_second)
            passes = left >= 1
            self._left[key] = (left - 1 if passes else left, now)
            while len(self._left) > self._MOST:
                self._left.popitem(last=False)
        return 0 if passes else max(1, round((1 - left) / self.per_second))

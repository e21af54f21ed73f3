"""What one running server holds: the desk, the store of accounts, and how it may be reached."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from candor.access.people import People
from candor.access.saved import SavedViews
from candor.access.sessions import Sessions
from candor.access.shares import Shares
from candor.access.store import Store
from candor.web.desk import Desk

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Rates:
    """How often somebody may ask: a bucket of requests that refills.

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


@dataclass
class Site:
    """One server.

    Attributes:
        root: folder of the workspace.
        desk: answers.
        store: accounts, sessions and the audit log.
        hosts: names under which it may be asked for, without port.
        is_secure: whether browsers reach it by https; without, only on the host itself.
        may_share: whether share links can be made.
        embedders: origins whose pages may hold a shared page inside them.
        rates: limits by who asks.
    """

    root: Path
    desk: Desk
    store: Store
    hosts: tuple[str, ...] = LOOPBACK
    is_secure: bool = False
    may_share: bool = False
    embedders: tuple[str, ...] = ()
    rates: Rates = field(default_factory=Rates)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open what stands on the store."""
        self.people = People(self.store)
        self.sessions = Sessions(self.store)
        self.shares = Shares(self.store)
        self.saved = SavedViews(self.store)
        self.bills: OrderedDict[str, object] = OrderedDict()

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; the prefix binds it to this host and to https."""
        return "__Host-candor" if self.is_secure else "candor-local"

    def close(self) -> None:
        """Stop the workers and close the store."""
        self.desk.close()
        self.store.close()

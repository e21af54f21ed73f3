"""What an export says was said: per thread who spoke when, in the vendor's order.

Connectors whose records are single messages read it ahead, because a handoff does not say who came,
and a close does not say when somebody last wrote. Memory grows with messages, about 200 bytes each.
Instants are epoch microseconds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

from candor.sources.instants import SECOND

Actor = Literal["customer", "ai_agent", "human_agent", "system"]
_CODES = {None: 0, "customer": 1, "ai_agent": 2, "human_agent": 3, "system": 4}
_NAMES = {code: name for name, code in _CODES.items()}


class Dialogues:
    """The messages of an export."""

    def __init__(self) -> None:
        self._spoken: dict[str, dict[str, int]] = defaultdict(dict)
        self._seconds: dict[str, dict[int, list[str]]] = {}
        self._sorted: dict[str, list[tuple[int, str | None, bool]]] = {}

    def add(
        self, thread: str, identity: str, at: int, actor: str | None, *, is_public: bool
    ) -> None:
        """Note one message; told twice, it counts once."""
        self._spoken[thread][identity] = at << 4 | _CODES[actor] << 1 | is_public

    def __contains__(self, thread: str) -> bool:
        """Whether anything was said in the thread."""
        return thread in self._spoken

    def place(self, thread: str, identity: str, at: int) -> int:
        """Place of a message among those of its thread and instant, by the vendor's rising ids."""
        seconds = self._seconds.get(thread)
        if seconds is None:
            seconds = {}
            for other, packed in self._spoken.get(thread, {}).items():
                seconds.setdefault(packed >> 4, []).append(other)
            self._seconds[thread] = seconds
        among = seconds.get(at, ())
        return 0 if len(among) < 2 else sum(1 for o in among if _rank(o) < _rank(identity))

    def first(
        self, thread: str, actor: Actor | None = None, since: int | None = None
    ) -> int | None:
        """First public message, of an actor and in or after the second of an instant if given."""
        start = None if since is None else since - since % SECOND
        for at, who, is_public in self._in_order(thread):
            if is_public and (actor is None or who == actor) and (start is None or at >= start):
                return at
        return None

    def last_before(self, thread: str, instant: int) -> int | None:
        """Last message, private ones too, at or before an instant."""
        times = [at for at, _, _ in self._in_order(thread) if at <= instant]
        return times[-1] if times else None

    def latest(self, thread: str) -> int:
        """The last instant anything was said; 0 when nothing was."""
        spoken = self._in_order(thread)
        return spoken[-1][0] if spoken else 0

    def _in_order(self, thread: str) -> list[tuple[int, str | None, bool]]:
        found = self._sorted.get(thread)
        if found is None:
            found = [
                (packed >> 4, _NAMES[packed >> 1 & 7], bool(packed & 1))
                for packed in self._spoken.get(thread, {}).values()
            ]
            found.sort(key=lambda one: (one[0], one[1] or "", one[2]))
            self._sorted[thread] = found
        return found


def _rank(identity: str) -> tuple[int, str]:
    # Numbers as text rise with their length first.
    return len(identity), identity

"""One tick: look at what is due, book it, send what is new. Run it from a scheduler as often as wished.

A tick that finds nothing new changes nothing; one that cannot send tries again at the next.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from candor.answers.alert_book import Alert, AlertBook
from candor.answers.delivery import channels, deliver
from candor.answers.watching import Looked, looks
from candor.lake.lock import WriteLock

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers


@dataclass
class Ticked:
    """What a tick did.

    Attributes:
        looked: periods judged, by metric.
        unjudged: metric to why it cannot be judged yet.
        signals: signals found.
        sent: channel to the alerts sent.
        failed: channel to why nothing could be sent.
        open: living alerts after the tick.
        is_dry: nothing was sent or remembered.
    """

    looked: dict[str, int] = field(default_factory=dict)
    unjudged: dict[str, str] = field(default_factory=dict)
    signals: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, list[int]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    open: list[Alert] = field(default_factory=list)
    is_dry: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "looked": self.looked,
            "unjudged": self.unjudged,
            "signals": self.signals,
            "sent": self.sent,
            "failed": self.failed,
            "open": [alert.as_dict() for alert in self.open],
            "dry_run": self.is_dry,
        }

    def lines(self) -> list[str]:
        """For people."""
        told = [f"looked at {sum(self.looked.values())} periods of {len(self.looked)} metrics"]
        told += [f"signal: {signal['sentence']}" for signal in self.signals]
        told += [f"sent {len(ids)} alerts by {name}" for name, ids in self.sent.items()]
        told += [f"not sent by {name}: {reason}" for name, reason in self.failed.items()]
        if self.unjudged:
            told += [f"not judged: {name}, {why}" for name, why in sorted(self.unjudged.items())]
        return told


def run(
    answers: Answers,
    *,
    dry_run: bool = False,
    now: datetime | None = None,
    environment: Mapping[str, str] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Ticked:
    """Look, book, send.

    Args:
        answers: the opened publication.
        dry_run: send and remember nothing.
        now: instant of the tick; the clock's when left out.
        environment: holds passwords and keys; the process's when left out.
        pause: waits between attempts to send.
    """
    moment = now or datetime.now(UTC)
    root = answers.workspace.root
    with ExitStack() as held:
        if not dry_run:
            # Two ticks at once would count and send everything twice.
            held.enter_context(WriteLock(root / "alerts.lock", wait_seconds=60))
        book = held.enter_context(AlertBook(root, keep=not dry_run))
        found = looks(answers, book.seen())
        ticked = _told(found)
        ticked.is_dry = dry_run
        if dry_run:
            ticked.open = book.alerts()
            return ticked
        book.enter(found)
        settings = answers.workspace.settings
        for channel in channels(
            settings.alerts, os.environ if environment is None else environment,
            workspace=settings.workspace.name, snapshot=answers.snapshot,
        ):  # fmt: skip
            due = book.due(channel.name, moment)
            if not due:
                continue
            error = deliver(channel, due, pause=pause)
            book.delivered(due, channel.name, moment, error=error)
            if error:
                ticked.failed[channel.name] = error
            else:
                ticked.sent[channel.name] = [alert.id for alert in due]
        ticked.open = book.alerts()
    return ticked


def _told(found: list[Looked]) -> Ticked:
    ticked = Ticked()
    for one in found:
        ticked.looked[one.watched.metric] = len(one.looks)
        if one.waits:
            ticked.unjudged[one.watched.metric] = one.waits
        ticked.signals += [each.signal.as_dict() for each in one.looks if each.signal]
    return ticked

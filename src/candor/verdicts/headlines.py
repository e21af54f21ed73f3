"""The sentences at the top of a scorecard: what the figures say, in plain words.

Each sentence is built from intervals and says what it rests on; a figure that was refused is named
as missing, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from candor.verdicts.bands import REASONS, Status
from candor.verdicts.wording import figure, interval, with_interval

if TYPE_CHECKING:
    from candor.verdicts.scorecard import MetricRow

LOOKED = ("containment_rate", "deflection_rate")
TRUE = "true_resolution_rate"
SILENT = "silent_failure_rate"


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence and the metrics it rests on."""

    text: str
    metrics: tuple[str, ...]


def headlines(rows: Mapping[str, MetricRow]) -> tuple[Headline, ...]:
    """The sentences that the available figures support, most important first."""
    found = [_resolution(rows), _doubt(rows), _silent(rows), _changes(rows), _targets(rows)]
    return tuple(headline for headline in found if headline is not None)


def _shown(rows: Mapping[str, MetricRow], name: str) -> MetricRow | None:
    row = rows.get(name)
    return row if row is not None and row.estimate.point is not None else None


def _resolution(rows: Mapping[str, MetricRow]) -> Headline | None:
    looked = next((row for name in LOOKED if (row := _shown(rows, name))), None)
    true = rows.get(TRUE)
    if true is None:
        return None
    names = (TRUE,) if looked is None else (looked.info.name, TRUE)
    opening = (
        f"The AI looked successful in {figure(looked.estimate.point, 'share')} of conversations"
        if looked
        else ""
    )
    if true.estimate.refusal is not None:
        reason = REASONS[true.estimate.refusal].rstrip(".").lower()
        start = f"{opening}; how" if opening else "How"
        return Headline(f"{start} many it truly resolved cannot be said: {reason}.", names)
    resolved = f"truly resolved {with_interval(true.estimate)}"
    text = f"{opening}; it {resolved}" if opening else f"The AI {resolved} of conversations"
    bounds = true.estimate.bounds
    if bounds is not None and bounds.confirmed is not None:
        text += (
            f". The customer or a system of record confirms {figure(bounds.confirmed, 'share')} "
            "of all eligible conversations; the rest is assumed because nothing speaks against it"
        )
    return Headline(text + ".", names)


def _doubt(rows: Mapping[str, MetricRow]) -> Headline | None:
    row = _shown(rows, TRUE)
    if row is None or not row.estimate.unknown or row.estimate.bounds is None:
        return None
    bounds = row.estimate.bounds
    return Headline(
        f"Whether {figure(row.estimate.unknown_share, 'share')} of them were solved is not known. "
        f"Counting all of these as failed gives {figure(bounds.lower, 'share')}, counting all as "
        f"solved {figure(bounds.upper, 'share')}.",
        (TRUE,),
    )


def _silent(rows: Mapping[str, MetricRow]) -> Headline | None:
    row = _shown(rows, SILENT)
    if row is None:
        return None
    estimate = row.estimate
    return Headline(
        f"Of the conversations that looked successful, {figure(estimate.point, 'share')} "
        f"({interval(estimate.low, estimate.high, 'share')}) failed afterwards without anyone "
        "being told: contradicted, or the customer came back.",
        (SILENT,),
    )


def _changes(rows: Mapping[str, MetricRow]) -> Headline | None:
    moved: dict[str, list[str]] = {"better": [], "worse": []}
    names = []
    for row in rows.values():
        direction = str(row.change.direction)
        if row.info.tier == "primary" and direction in moved:
            moved[direction].append(row.info.title)
            names.append(row.info.name)
    parts = [f"{word}: {', '.join(titles)}" for word, titles in moved.items() if titles]
    if not parts:
        return None
    return Headline(f"Since the period before, clearly {'; clearly '.join(parts)}.", tuple(names))


def _targets(rows: Mapping[str, MetricRow]) -> Headline | None:
    having = [row for row in rows.values() if row.target is not None]
    if not having:
        return None
    counts = Counter(row.verdict.status for row in having)
    words = [
        (Status.MET, "met"), (Status.MISSED, "missed"),
        (Status.UNSURE, "undecided at this sample size"), (Status.WITHHELD, "without a figure"),
        (Status.NO_TARGET, "without a good direction"),
    ]  # fmt: skip
    listed = ", ".join(f"{counts[key]} {word}" for key, word in words if counts[key])
    plural = "target" if len(having) == 1 else "targets"
    return Headline(f"Of {len(having)} {plural}: {listed}.", tuple(r.info.name for r in having))

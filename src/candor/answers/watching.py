"""Which metrics are watched, and what a look at their newest periods finds.

Every period is judged once, as soon as enough of its units are past their windows. Daily metrics are
judged by the day against the baseline, primary weekly ones by the week against the first twenty
weeks; the volume of conversations is watched as well, so that a source that falls silent is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from candor import window
from candor.errors import CandorError, Problem, nearest
from candor.measure import MeasureCell
from candor.metrics.definition import Definition
from candor.verdicts.alerts import Look, Watched, is_settled, look
from candor.verdicts.history import History, Observation, history
from candor.verdicts.stability import Word

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

VOLUME = "conversations"
"""Name under which the number of engaged inbound conversations is watched."""
_VOLUME_OF = "involvement_rate"
BASELINE_WEEKS = 20
LOOKBACK = {"day": 31, "week": 8}
"""Periods looked at when nothing was looked at for longer."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Looks at one metric since the last time, oldest first; ``waits`` says why none is possible."""

    watched: Watched
    looks: tuple[Look, ...]
    waits: str = ""


def watched(answers: Answers) -> dict[str, str]:
    """Metric to the grain at which it is watched: those of ``[alerts] metrics``, else the default set.

    The default set: metrics of daily cadence, and primary ones of weekly cadence; diagnostic ones
    are not watched.

    Raises:
        CandorError: ``alerts.metric`` for a name that does not exist.
    """
    known = answers.catalogue.definitions
    chosen = answers.workspace.settings.alerts.metrics
    unknown = [name for name in chosen if name not in known and name != VOLUME]
    if unknown:
        raise CandorError(
            "alerts.metric",
            [
                Problem(
                    f"'{name}' cannot be watched", f"{answers.workspace.config_path}: [alerts] metrics",
                    "a counted metric", nearest(name, sorted(known)),
                )
                for name in unknown
            ],
        )  # fmt: skip
    if chosen:
        return {
            name: "day" if name == VOLUME or known[name].cadence == "daily" else "week"
            for name in chosen
        }
    found = {
        d.name: "day" if d.cadence == "daily" else "week"
        for d in known.values()
        if d.estimator != "count" and _is_watched(d)
    }
    return {**found, VOLUME: "day"}


def looks(answers: Answers, seen: Mapping[str, int]) -> list[Looked]:
    """Everything that can be judged and was not yet.

    Args:
        answers: the opened publication.
        seen: metric to the first day of the last period looked at.
    """
    grains = watched(answers)
    horizon = window.day_of(
        int(answers.about["horizon_us"]), answers.workspace.settings.workspace.timezone
    )
    found = []
    for grain in ("day", "week"):
        names = [name for name, own in grains.items() if own == grain]
        baseline = _baseline(answers, grain)
        if names and baseline is not None:
            cells = _cells(answers, names, grain, baseline[0], horizon)
            found += [
                _looked(
                    answers, name, grain, cells.get(name, []), baseline, horizon, seen.get(name)
                )
                for name in names
            ]
    return found


def _is_watched(definition: Definition) -> bool:
    if definition.cadence == "daily":
        return definition.tier != "diagnostic"
    return definition.cadence == "weekly" and definition.tier == "primary"


def _baseline(answers: Answers, grain: str) -> tuple[int, int] | None:
    frozen = answers.reckoner.baseline
    if frozen is None or frozen.since is None or frozen.until is None:
        return None
    if grain == "day":
        return frozen.since, frozen.until
    start = window.period_start(frozen.since + 6, "week")
    return start, max(start + 7 * BASELINE_WEEKS, window.period_start(frozen.until, "week"))


def _cells(
    answers: Answers, names: Sequence[str], grain: str, since: int, until: int
) -> dict[str, list[MeasureCell]]:
    wanted = dict.fromkeys(_VOLUME_OF if name == VOLUME else name for name in names)
    definitions = [answers.catalogue.definitions[name] for name in wanted]
    found: dict[str, list[MeasureCell]] = {}
    for cell in answers.asked.cells(definitions, grain=grain, since=since, until=until):
        if cell.period_start is not None and cell.available:
            found.setdefault(cell.metric, []).append(cell)
    if VOLUME in names:
        found[VOLUME] = found.get(_VOLUME_OF, [])
    return found


def _looked(
    answers: Answers, name: str, grain: str, cells: Sequence[MeasureCell],
    baseline: tuple[int, int], horizon: int, seen: int | None,
) -> Looked:  # fmt: skip
    subject, past = _subject(answers, name, grain, cells, baseline[0], horizon)
    first = window.period_start(horizon, grain)
    for _ in range(LOOKBACK[grain]):
        first = window.period_start(first - 1, grain)
    start = max(baseline[1], first if seen is None else window.period_end(seen, grain))
    settled = {cell.period_start: is_settled(cell) for cell in cells}
    found = []
    while window.period_end(start, grain) <= horizon:
        if name != VOLUME and not settled.get(start, True):
            break
        end = window.period_end(start, grain)
        found.append(
            look(
                subject, past, baseline=baseline, period=(start, end), thresholds=answers.thresholds
            )
        )
        start = end
    waits = ""
    if baseline[1] >= horizon:
        waits = f"its baseline lasts until {window.to_date(baseline[1])}"
    elif found and found[-1].word is Word.BASELINE_SHORT:
        waits = "its baseline holds too few periods with a figure"
    return Looked(subject, tuple(found), waits)


def _subject(
    answers: Answers, name: str, grain: str, cells: Sequence[MeasureCell], since: int, horizon: int
) -> tuple[Watched, History]:
    currency = answers.workspace.settings.workspace.currency
    if name == VOLUME:
        title, owner = "Conversations a day", "operations"
        return Watched(name, title, owner, "neither", "count", grain), _volume(
            cells, since, horizon
        )
    definition = answers.catalogue.definitions[name]
    past = history(
        cells, metric=name, estimator=definition.estimator, unit=definition.measured_in, grain=grain,
        quantile=definition.quantiles[0] if definition.quantiles else None,
    )  # fmt: skip
    subject = Watched(
        name, definition.title, definition.owner, definition.better, definition.measured_in, grain,
        currency,
    )  # fmt: skip
    return subject, past


def _volume(cells: Sequence[MeasureCell], since: int, horizon: int) -> History:
    """Conversations of every day; a day without any is a real zero here."""
    counts = {cell.period_start: cell.observed for cell in cells}
    return History(
        VOLUME, "value", "day",
        tuple(
            Observation(day, day + 1, float(counts.get(day, 0)), 1) for day in range(since, horizon)
        ),
    )  # fmt: skip

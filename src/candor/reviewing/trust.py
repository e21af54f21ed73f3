"""How far verdicts and scores can be trusted, from the labels that are stored: the calibration report.

Gathers what ``candor labels rates``, ``candor calibrate`` and ``candor confidence`` tell. Nothing is written. What
has too few labels has no figure, and says what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.estimates.reliability import Reliability
from candor.lake.serving import Serving
from candor.reviewing.calibrate import CSAT, Calibration, calibrate
from candor.reviewing.confidence import Confidence, confidence
from candor.reviewing.rates import OWN, Corrected, corrected_rates
from candor.scorers.experience import model as models
from candor.workspace import Workspace

_COUNTS_SQL = """
select
    s.criterion, sum(s.labels), count(*), count(case when s.people > 1 then 1 end), sum(s.known), sum(s.open)
from (
    select
        a.criterion, a.item_id, count(*) as labels, count(distinct a.assessor_id) as people,
        count(a.sampling_ppm) as known, count(case when a.is_abstained then 1 end) as open
    from assessment as a
    where a.assessor_kind = 'human' and a.is_latest and a.item_id is not null and not a.is_test
        and not a.is_spam
    group by a.criterion, a.item_id
) as s
group by s.criterion
order by s.criterion
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """Labels on one criterion.

    Attributes:
        criterion: what people judged.
        labels, items: labels, and items that have one.
        double: items that several people labelled.
        drawn: labels with a recorded chance.
        open: labels that say "cannot tell".
    """

    criterion: str
    labels: int
    items: int
    double: int
    drawn: int
    open: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A score held against people's answers.

    Attributes:
        criterion: answers it was held against.
        found: None where there are too few answers.
        why: what is missing then.
    """

    criterion: str
    found: Calibration | None
    why: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "criterion": self.criterion, "cannot_say": list(self.why),
            "calibration": None if self.found is None else self.found.as_dict(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trust:
    """The whole report.

    Attributes:
        labels: by criterion.
        rates: each machine's verdicts corrected by labels, with agreement and ceiling.
        fits: the experience score against surveys and labels.
        confidence: the AI's own; None where it states none. why: what is missing then.
    """

    labels: tuple[Counted, ...]
    rates: tuple[Corrected, ...]
    fits: tuple[Fit, ...]
    confidence: Confidence | None
    why: tuple[str, ...] = ()

    @property
    def stated(self) -> Reliability | None:
        """How well the AI's confidence holds."""
        return None if self.confidence is None else self.confidence.reliability


def trust(workspace: Workspace) -> Trust:
    """The report of what was published last.

    Args:
        workspace: measured.

    Raises:
        CandorError: ``serving.none``.
    """
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        counted = tuple(
            Counted(str(row[0]), *(int(count) for count in row[1:]))
            for row in engine.rows(_COUNTS_SQL)
        )
    labelled = {one.criterion for one in counted}
    parts = [one.name for one in models.load(workspace.root).parts if one.name in labelled]
    told: Confidence | None = None
    why: tuple[str, ...] = ()
    try:
        told = confidence(workspace)
    except CandorError as error:
        if error.code != "confidence.none":
            raise
        why = _missing(error)
    return Trust(
        counted, tuple(corrected_rates(workspace)),
        tuple(_fit(workspace, name) for name in (CSAT, OWN, *parts)), told, why,
    )  # fmt: skip


def _fit(workspace: Workspace, criterion: str) -> Fit:
    try:
        return Fit(criterion, calibrate(workspace, criterion))
    except CandorError as error:
        if error.code != "calibrate.too_few":
            raise
        return Fit(criterion, None, _missing(error))


def _missing(error: CandorError) -> tuple[str, ...]:
    """What is there and what is needed, without where the workspace lies."""
    return tuple(
        f"{one.what}, needed {one.expected}" if one.expected else one.what for one in error.problems
    )

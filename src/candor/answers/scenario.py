"""Scenarios on one publication: a better AI, another price, another volume, in money and hours.

Reads the figures and the books of a period and hands them to ``candor.economics.what_if``. Nothing is
forecast: what is not changed stays as it was measured. Money is in the workspace currency, times in
seconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from candor.answers.costing import costing
from candor.answers.derived import Ask
from candor.economics.what_if import Bill, Limits, Scenario, bill, change_share, net
from candor.errors import CandorError, Problem
from candor.estimates import make

if TYPE_CHECKING:
    from candor.answers.costing import Costing
    from candor.answers.period import Period
    from candor.answers.snapshot import Answers

QUALITY, HANDLING, BOOKS = "containment_quality", "handle_time", "cost_per_resolution"
MOST = 900.0
"""Per cent; beyond it a scenario says nothing about this data."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a scenario changes; all 0 and no price leaves everything as it is.

    Attributes:
        quality: of containment quality, in per cent of what it is.
        volume: of the conversations, in per cent.
        price: of a charged resolution; None leaves it as it is.

    Raises:
        CandorError: ``scenario.invalid`` with every mistake.
    """

    quality: float = 0.0
    volume: float = 0.0
    price: float | None = None

    def __post_init__(self) -> None:
        problems = [
            Problem(f"{value:g} %", name, f"from -100 to {MOST:g}")
            for name, value in (("quality", self.quality), ("volume", self.volume))
            if not -100 <= value <= MOST
        ]
        if self.price is not None and self.price < 0:
            problems.append(Problem(f"{self.price:g}", "price", "0 or more"))
        if problems:
            raise CandorError("scenario.invalid", problems, exit_code=2)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is changed."""
        return not self.quality and not self.volume and self.price is None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A scenario beside today.

    Attributes:
        changed: what was asked.
        period: the days, in words.
        contained: conversations the AI kept, today.
        share: their quality today with its limits; None when it has no figure.
        price: of a charged resolution today; None when none was charged.
        charged: resolutions charged today.
        human_cost: all-in cost of a conversation that people handle alone; None unknown.
        scenario: of the share; None when there is no figure for it.
        bill: of price and volume; None when costs are not known.
        net: money left in the period; None where a part of it is not known.
        missing: why there is no figure, in words.
    """

    changed: Changed
    period: str
    contained: int
    share: Limits | None
    price: float | None
    charged: int
    human_cost: float | None
    scenario: Scenario | None
    bill: Bill | None
    net: Limits | None
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def what_if(answers: Answers, period: Period, changed: Changed) -> WhatIf:
    """Reckon a scenario on a period.

    Args:
        answers: the publication.
        period: days it is about.
        changed: what is different.
    """
    books = _books(answers, period)
    missing = []
    estimate = answers.made(_cell(answers, QUALITY, period))[0]
    share = None
    if estimate.point is None or estimate.low is None or estimate.high is None:
        missing.append(f"containment quality has no figure ({estimate.refusal})")
    else:
        share = (estimate.point, estimate.low, estimate.high)
    human = None
    if books is None:
        missing.append("what conversations cost is not known (rates.yaml or cost events)")
    else:
        human = books.per_conversation().get("human_only")
        if human is None:
            missing.append("people handled no conversation alone, so its cost is not known")
    seconds = _handling(answers, period)
    if seconds is None:
        missing.append("too few handle times of people are known to say what is freed")
    grown = 1 + changed.volume / 100
    found = None
    if share is not None:
        made = change_share(
            units=round(estimate.eligible * grown), share=share, relative=changed.quality / 100,
            human_cost=human, handle_seconds=seconds,
        )  # fmt: skip
        found = made if isinstance(made, Scenario) else None
    charged, paid = (0, None) if books is None else _charged(answers, period, books)
    if changed.price is not None and books is not None and not charged:
        missing.append("no resolution was charged, so another price changes nothing")
    money = None
    if books is not None and paid is not None:
        money = bill(
            charged=charged, fees=paid, price=changed.price, volume=changed.volume / 100,
            handling=float(books.costed.component("human") + books.costed.component("usage")),
        )  # fmt: skip
    left = None
    if money is not None and found is not None and found.cost is not None:
        left = net(found.cost, money.more)
    return WhatIf(
        changed, period.words, estimate.eligible, share,
        paid / charged if paid is not None and charged else None, charged, human, found, money,
        left, tuple(missing),
    )  # fmt: skip


def _books(answers: Answers, period: Period) -> Costing | None:
    ask = Ask(answers.catalogue.derived[BOOKS], period, {}, None, answers.reckoner)
    found = costing(ask)
    return None if found is None or found.costed.missing else found


def _cell(answers: Answers, metric: str, period: Period) -> Any:
    return answers.reckoner.cells(metric, by=(), grain="all", period=period, where={})[0]


def _handling(answers: Answers, period: Period) -> Limits | None:
    """Mean handle time of people: sums of time need means, not medians."""
    definition = answers.catalogue.get(HANDLING)
    found = make(
        _cell(answers, HANDLING, period), estimator="mean", unit=definition.measured_in,
        level=answers.workspace.settings.estimates.level, evidence=definition.evidence,
        snapshot=answers.snapshot, as_of=answers.as_of, thresholds=answers.thresholds,
    )  # fmt: skip
    if not found.point or found.low is None or found.high is None:
        return None
    return found.point, max(0.0, found.low), found.high


def _charged(answers: Answers, period: Period, books: Costing) -> tuple[int, float]:
    """Resolutions charged in the period, and what they cost."""
    ask = Ask(answers.catalogue.derived[BOOKS], period, {}, None, answers.reckoner)
    count = ask.rows(
        f"select count(*) from claim where {ask.scope('claim')} and is_billable"
        " and path in ('ai_only', 'hybrid', 'human_only')"
    )[0][0]
    return int(count), float(books.costed.component("fees"))

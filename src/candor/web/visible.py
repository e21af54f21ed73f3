"""What a figure's page may show to whom: money, agents, and cells of few customers.

The one place where rows are left out. Every page, file and JSON answer goes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from candor.access import cells
from candor.access.permissions import Actor, Permission
from candor.estimates.estimate import Estimate, Refusal
from candor.verdicts.findings import Finding
from candor.verdicts.scorecard import MetricRow, Scorecard

MONEY = "money"
_PERSONAL = frozenset({"human_agent_id", "team", "account_id"})


def may_see(unit: str, actor: Actor) -> bool:
    """Whether figures in this unit are for this actor."""
    return unit != MONEY or actor.may(Permission.MONEY)


def scorecard(card: Scorecard, actor: Actor) -> Scorecard:
    """The scorecard without what is not for this actor."""
    categories = tuple(
        replace(category, rows=tuple(_row(row, actor) for row in category.rows
                                     if may_see(row.estimate.unit, actor)))
        for category in card.categories
    )  # fmt: skip
    return replace(
        card,
        categories=tuple(category for category in categories if category.rows),
        findings=findings(card.findings, actor),
    )


def breakdown(estimates: Sequence[Estimate], actor: Actor) -> tuple[Estimate, ...]:
    """The cells of one additive breakdown, small ones without their figures."""
    if actor.may(Permission.SMALL_CELLS):
        return tuple(estimates)
    # Where no outcome is known nobody is counted among the customers, yet units are.
    small = cells.hidden([estimate.customers or estimate.eligible for estimate in estimates])
    return tuple(
        emptied(estimate) if at in small else estimate for at, estimate in enumerate(estimates)
    )


def findings(found: Sequence[Finding], actor: Actor) -> tuple[Finding, ...]:
    """Those that speak of nothing this actor may not see."""
    return tuple(one for one in found if _may_read(one, actor))


def is_personal(dimension: str) -> bool:
    """Whether a breakdown names people or accounts."""
    return dimension in _PERSONAL


def _row(row: MetricRow, actor: Actor) -> MetricRow:
    if actor.may(Permission.SMALL_CELLS) or not row.members:
        return row
    kept = tuple(m for m in row.members if (m.estimate.customers or m.estimate.eligible) >= cells.K)
    return replace(row, members=kept)


def _may_read(finding: Finding, actor: Actor) -> bool:
    exhibits = finding.evidence
    if not actor.may(Permission.MONEY) and any(one.unit == MONEY for one in exhibits):
        return False
    named = {name for one in exhibits for name in one.segment} | set(finding.segment)
    return actor.may(Permission.AGENTS) or not named & _PERSONAL


def emptied(estimate: Estimate) -> Estimate:
    """A figure of few customers, without anything that could give it away."""
    return replace(
        estimate,
        eligible=0, observed=0, unknown=0, unknown_reasons={}, excluded={}, total=None, point=None,
        low=None, high=None, n_eff=None, customers=0, k_eff=None, refusal=Refusal.SUPPRESSED,
        caveats=(), bounds=None, detail={}, judged=None,
    )  # fmt: skip

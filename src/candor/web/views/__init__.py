"""Every view there is, in the order of the navigation."""

from candor.web.view import View
from candor.web.views import (
    archive,
    calibration,
    claims,
    conversation,
    gaps,
    glossary,
    health,
    metric,
    money,
    packs,
    resolution,
    scorecard,
    teamwork,
    topics,
)

ALL: tuple[View, ...] = (
    scorecard.VIEW, glossary.VIEW, metric.VIEW, metric.UNITS, conversation.FIND, conversation.VIEW,
    resolution.VIEW, claims.VIEW, money.ECONOMICS, money.INTENTS, *teamwork.ALL, topics.VIEW, topics.ONE, gaps.VIEW, *packs.REVIEWS, archive.VIEW, packs.PLAN, packs.VENDOR, health.VIEW, calibration.VIEW,
)  # fmt: skip

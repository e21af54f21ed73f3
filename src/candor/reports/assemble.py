"""Puts together what a written report holds: the scorecard, how figures were counted, examples.

Asks ``answers``; renders nothing.
"""

from __future__ import annotations

import candor
from candor.answers import Answers
from candor.answers.conversation import ConversationPage
from candor.metrics import printing
from candor.metrics.definition import Definition
from candor.metrics.drill import Outcome
from candor.reports.report import HowCounted, Line, Report, Sample
from candor.verdicts.scorecard import Scorecard

SAMPLED: tuple[tuple[str, Outcome, str], ...] = (
    ("silent_failure_rate", "numerator", "It looked successful and was not."),
    ("true_resolution_rate", "numerator", "Truly resolved by the AI."),
    ("escalation_failure_rate", "numerator", "A human was asked for and none came."),
    ("true_resolution_rate", "unknown", "Nobody can say how it ended."),
)
SAMPLES_EACH = 2
_EXCERPT_LINES = 6
_EXCERPT_CHARS = 280


def report(answers: Answers, card: Scorecard) -> Report:
    """The report of one scorecard.

    Args:
        answers: the opened publication the scorecard came from.
        card: the scorecard.
    """
    catalogue = answers.catalogue
    shown = [catalogue.definitions[row.info.name] for row in card.rows]
    titles = {item.name: item.title for item in catalogue}
    return Report(
        card,
        counted={item.name: _counted(item, titles) for item in shown},
        samples=tuple(_samples(answers, card)),
        provenance={"snapshot": answers.snapshot, **answers.about["provenance"]},
        version=candor.__version__,
    )


def _counted(item: Definition, titles: dict[str, str]) -> HowCounted:
    return HowCounted(
        definition=item.id,
        unit=item.unit,
        include=item.include,
        outcome=item.outcome or item.value or f"{item.numerator} per {item.denominator}",
        exclude=dict(item.exclude),
        confirmation=item.confirmation,
        window=item.window or "",
        unknown=dict(item.unknown),
        sql=printing.statement(item),
        caveat=item.caveat,
        pitfalls=tuple(item.pitfalls),
        guardrails=tuple(titles.get(name, name) for name in item.guardrails),
    )


def _samples(answers: Answers, card: Scorecard) -> list[Sample]:
    found = []
    for metric, outcome, meaning in SAMPLED:
        row = card.row(metric)
        if row is None:
            continue
        for unit in answers.units(metric, outcome, SAMPLES_EACH):
            if unit.conversation_id is None:
                continue
            page = answers.why(unit.conversation_id)
            counted = (
                meaning if outcome == "numerator" else f"not known: {unit.reason.replace('_', ' ')}"
            )
            found.append(
                Sample(
                    conversation=unit.conversation_id,
                    metric=row.info.title,
                    counted_as=counted,
                    reason=_evidence(page, unit.conversation_id),
                    details=_details(page, unit.conversation_id),
                    excerpt=_excerpt(page),
                )
            )
    return found


def _facts(page: ConversationPage, conversation: str) -> dict[str, object]:
    return next(c.facts for c in page.contacts if c.conversation_id == conversation)


def _evidence(page: ConversationPage, conversation: str) -> str:
    """The strongest evidence for the outcome, in words."""
    if page.paradox:
        return page.paradox
    facts = _facts(page, conversation)
    told = {
        "contradicts": "A system of record contradicts it.",
        "confirms": "A system of record confirms it.",
    }.get(str(facts.get("system_verdict")))
    if told:
        return told
    if facts.get("returned_72h"):
        return (
            f"The customer came back within 72 hours on {facts.get('return_channel', 'a channel')}."
        )
    if facts.get("returned_7d"):
        return (
            f"The customer came back within 7 days on {facts.get('return_channel', 'a channel')}."
        )
    if facts.get("customer_verdict"):
        return f"The customer {facts['customer_verdict']} it."
    if facts.get("true_resolution"):
        return "It was answered, nothing speaks against it, and the customer did not come back."
    return "Neither the customer nor a connected system says how it ended."


def _details(page: ConversationPage, conversation: str) -> dict[str, str]:
    facts = _facts(page, conversation)
    names = ("channel", "intent_id", "release", "path", "language")
    return {name.removesuffix("_id"): str(facts[name]) for name in names if name in facts}


def _excerpt(page: ConversationPage) -> tuple[Line, ...]:
    said = [m for m in page.timeline if m.kind == "message" and m.is_public and m.text]
    lines = []
    for moment in said[-_EXCERPT_LINES:]:
        text = moment.text
        cut = text if len(text) <= _EXCERPT_CHARS else text[: _EXCERPT_CHARS - 1] + "…"
        lines.append(Line(moment.actor or "unknown", cut))
    return tuple(lines)

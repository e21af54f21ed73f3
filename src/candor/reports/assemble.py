"""Puts together what a written report holds: the scorecard, how figures were counted, examples.

Asks ``answers``; renders nothing.
"""

from __future__ import annotations

import candor
from candor.answers import Answers, Period
from candor.answers.conversation import ConversationPage
from candor.metrics import printing
from candor.metrics.definition import Definition
from candor.metrics.drill import Outcome
from candor.reports.report import HowCounted, Line, Report, Sample
from candor.verdicts.scorecard import Scorecard

SAMPLED: tuple[tuple[str, Outcome, str], ...] = (
    ("silent_failure_rate", "numerator", "It looked successful and was not"),
    ("true_resolution_rate", "numerator", "Truly resolved by the AI"),
    ("escalation_failure_rate", "numerator", "A human was asked for and none came"),
    ("true_resolution_rate", "unknown", "Nobody can say how it ended"),
)
SAMPLES_EACH = 2
_CANDIDATES = 60
_EXCERPT_LINES = 6
_EXCERPT_CHARS = 280


def report(answers: Answers, card: Scorecard, period: Period) -> Report:
    """The report of one scorecard.

    Args:
        answers: the opened publication the scorecard came from.
        card: the scorecard.
        period: the days it is about; examples are taken from them.
    """
    catalogue = answers.catalogue
    shown = [catalogue.definitions[row.info.name] for row in card.rows]
    titles = {item.name: item.title for item in catalogue}
    return Report(
        card,
        counted={item.name: _counted(item, titles) for item in shown},
        samples=tuple(_samples(answers, card, period)),
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


def _samples(answers: Answers, card: Scorecard, period: Period) -> list[Sample]:
    found = []
    for metric, outcome, meaning in SAMPLED:
        row = card.row(metric)
        if row is None:
            continue
        units = answers.units(metric, outcome, _CANDIDATES, period=period)
        ids = [unit.conversation_id for unit in units if unit.conversation_id]
        # A failure that ended with thanks shows best what no transcript tells.
        for conversation in answers.polite_first(ids)[:SAMPLES_EACH]:
            page = answers.why(conversation)
            verdict = next(
                verdict
                for contact in page.contacts
                if contact.conversation_id == conversation
                for verdict in contact.verdicts
                if verdict.metric == metric
            )
            failed = metric == "silent_failure_rate"
            found.append(
                Sample(
                    conversation=conversation,
                    metric=row.info.title,
                    counted_as=meaning,
                    reason=page.paradox if failed and page.paradox else _sentence(verdict.reason),
                    details=_details(page, conversation),
                    excerpt=_excerpt(page),
                )
            )
    return found


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def _details(page: ConversationPage, conversation: str) -> dict[str, str]:
    facts = next(c.facts for c in page.contacts if c.conversation_id == conversation)
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

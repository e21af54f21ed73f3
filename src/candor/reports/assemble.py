"""Puts together what a written report holds: the scorecard, how figures were counted, examples.

Asks ``answers``; renders nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import candor
from candor.answers import Answers, Period
from candor.answers.conversation import ConversationPage, conversation_page
from candor.answers.views import DEFAULT, Arranged
from candor.metrics import printing
from candor.metrics.derived import Derived
from candor.metrics.drill import Outcome
from candor.metrics.registry import Metric
from candor.reports.document import Colophon
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


def report(answers: Answers, arranged: Arranged, period: Period) -> Report:
    """The report of one scorecard.

    Args:
        answers: the opened publication the scorecard came from.
        arranged: the scorecard in its view.
        period: the days it is about; examples are taken from them.
    """
    catalogue, card = answers.catalogue, arranged.card
    titles = {item.name: item.title for item in catalogue.every}
    return Report(
        card,
        counted={
            row.info.name: how_counted(catalogue.find(row.info.name), titles) for row in card.rows
        },
        samples=tuple(_samples(answers, card, period)),
        provenance={"snapshot": answers.snapshot, **answers.about["provenance"]},
        version=candor.__version__,
        view_title="" if arranged.view.name == DEFAULT else arranged.view.title,
        view_about=arranged.view.about,
        comparisons=arranged.comparisons,
    )


def write_scorecard(out: Path, answers: Answers, arranged: Arranged, period: Period) -> None:
    """A scorecard into a file, as the ending of its name says."""
    from candor.reports import export, html, workbook

    used = [row.estimate.definition for row in arranged.card.rows]
    export.write(
        out,
        page=lambda: html.render(report(answers, arranged, period)),
        book=lambda: workbook.of_scorecard(arranged, colophon(answers, used)),
        data=arranged.as_dict,
    )


def colophon(answers: Answers, definitions: Iterable[str]) -> Colophon:
    """Where the figures of a page come from.

    Args:
        answers: the opened publication.
        definitions: ``name@version`` of what was used.
    """
    return Colophon(
        snapshot=answers.snapshot,
        as_of=answers.as_of,
        version=candor.__version__,
        level=answers.workspace.settings.estimates.level,
        definitions=tuple(sorted(set(definitions))),
        lineage=answers.about["provenance"],
        data_health=answers.about["data_health"],
    )


def how_counted(item: Metric, titles: Mapping[str, str]) -> HowCounted:
    """How a metric is counted, in words and as SQL.

    Args:
        item: its definition.
        titles: metric to title, for naming guardrails.
    """
    described: dict[str, Any] = {
        "definition": item.id,
        "unit": item.unit,
        "confirmation": item.confirmation,
        "caveat": item.caveat,
        "pitfalls": tuple(item.pitfalls),
        "guardrails": tuple(titles.get(name, name) for name in item.guardrails),
        "benchmarks": tuple(one.model_dump() for one in item.benchmarks),
    }
    if isinstance(item, Derived):
        inputs = ", ".join(titles.get(name, name) for name in item.inputs.values())
        made = f"{item.method.replace('_', ' ')} of {inputs}" if inputs else item.method
        return HowCounted(**described, include="; ".join(item.needs), outcome=made)
    return HowCounted(
        **described,
        include=item.include,
        outcome=item.outcome or item.value or f"{item.numerator} per {item.denominator}",
        exclude=dict(item.exclude),
        window=item.window or "",
        unknown=dict(item.unknown),
        sql=printing.statement(item),
    )


def _samples(answers: Answers, card: Scorecard, period: Period) -> list[Sample]:
    found = []
    for metric, outcome, meaning in SAMPLED:
        row = card.row(metric)
        if row is None:
            continue
        only = replace(
            answers.catalogue,
            definitions={metric: answers.catalogue.definitions[metric]}, derived={},
        )  # fmt: skip
        units = answers.units(metric, outcome, _CANDIDATES, period=period)
        ids = [unit.conversation_id for unit in units if unit.conversation_id]
        # A failure that ended with thanks shows best what no transcript tells.
        for conversation in answers.polite_first(ids)[:SAMPLES_EACH]:
            # Of all verdicts on it only this one is told.
            page = conversation_page(
                answers.engine, answers.publication.text, only, conversation, answers.snapshot
            )
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

"""The ninety-day plan as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.answers import Answers
from candor.answers.plan import Plan, Readiness, Step
from candor.reports.assemble import colophon
from candor.reports.document import (
    Block,
    Cell,
    Code,
    Column,
    Document,
    Items,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.reports.told import finding_item
from candor.verdicts import wording
from candor.verdicts.scorecard import CATEGORIES

_MOST_GAPS, _MOST_INTENTS, _NAMED, _MOST_FINDINGS = 8, 12, 6, 3
_DAYS = {30: "Days 1 to 30", 60: "Days 31 to 60", 90: "Days 61 to 90"}


def document(answers: Answers, plan: Plan) -> Document:
    """The page of the plan."""
    titles = {item.name: item.title for item in answers.catalogue.every}
    currency = answers.workspace.settings.workspace.currency
    sections = [
        Section("steps", "Ninety days", tuple(_steps(plan))),
        Section("today", "What can be measured today", tuple(_today(plan, titles))),
        Section("instrument", "What to instrument next", tuple(_gaps(plan, titles))),
        Section("intents", "Where automation pays most", tuple(_intents(plan, currency))),
        Section("targets", "Targets proposed from the baseline", tuple(_targets(plan, currency))),
        Section("inventory", "What the data hold", tuple(_inventory(plan))),
    ]
    if plan.findings:
        found = Items(tuple(finding_item(one) for one in plan.findings[:_MOST_FINDINGS]))
        sections.insert(1, Section("findings", "What is urgent already", (found,)))
    used = [one.estimate.definition for one in plan.proposals]
    return Document(
        kind="ninety-day plan",
        title=answers.workspace.settings.workspace.name,
        period=f"from {plan.as_of[:10]}",
        summary=tuple(_summary(plan, titles)),
        sections=tuple(section for section in sections if section.blocks),
        colophon=colophon(answers, used),
    )


def _summary(plan: Plan, titles: Mapping[str, str]) -> Iterator[str]:
    measurable, of = plan.measurable
    yield f"{measurable} of {of} metrics can be measured on your data today."
    stage = next(one for one in plan.stages if one.name == plan.stage)
    if stage.missing:
        names = ", ".join(titles[name] for name in stage.missing)
        yield f"You are at the stage of {plan.stage}. Missing of its primary figures: {names}."
    else:
        yield f"Every primary figure up to the stage of {plan.stage} can be measured."
    if plan.gaps:
        gap = plan.gaps[0]
        count = len(gap.unlocks) or len(gap.helps)
        word = "unlocks" if gap.unlocks else "helps"
        yield f"What to instrument first: {gap.wanted.brief}. It {word} {count} metrics."
    if plan.proposals:
        yield f"{len(plan.proposals)} targets are proposed from the baseline, ready to copy."


def _steps(plan: Plan) -> Iterator[Block]:
    for days, title in _DAYS.items():
        steps = [step for step in plan.steps if step.days == days]
        if steps:
            yield Table(
                title, (Column("What to do"), Column("Owner"), Column("Done when")),
                tuple(_step(step) for step in steps),
            )  # fmt: skip


def _step(step: Step) -> tuple[Cell, ...]:
    return step.do, step.owner, step.done.replace("`", "")


def _today(plan: Plan, titles: Mapping[str, str]) -> Iterator[Block]:
    heading = (Column("Group"), Column("Can be measured", True), Column("Of", True))
    yield Table(
        "By category", heading,
        tuple((CATEGORIES[one.name][0], one.measurable, one.of) for one in plan.categories),
    )  # fmt: skip
    yield Table(
        "Primary figures by stage", (*heading, Column("Missing")),
        tuple(_stage(one, titles) for one in plan.stages),
    )  # fmt: skip


def _stage(one: Readiness, titles: Mapping[str, str]) -> tuple[Cell, ...]:
    return one.name, one.measurable, one.of, ", ".join(titles[name] for name in one.missing)


def _gaps(plan: Plan, titles: Mapping[str, str]) -> Iterator[Block]:
    if not plan.gaps:
        yield Paragraph("Nothing is missing: every metric can be measured.", strong=True)
        return
    rows: list[tuple[Cell, ...]] = []
    for gap in plan.gaps[:_MOST_GAPS]:
        named = gap.unlocks or gap.helps
        shown = ", ".join(titles[name] for name in named[:_NAMED])
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        rows.append((gap.wanted.sentence, len(gap.unlocks), len(gap.helps), shown + more))
    yield Table(
        "By the number of metrics unlocked",
        (Column("What to send"), Column("Unlocks", True), Column("Helps", True), Column("Which")),
        tuple(rows),
    )
    if len(plan.gaps) > _MOST_GAPS:
        yield Paragraph(f"{len(plan.gaps) - _MOST_GAPS} smaller gaps are left out here.")


def _intents(plan: Plan, currency: str) -> Iterator[Block]:
    if plan.portfolio is None or not plan.portfolio.rows:
        yield Paragraph("The conversations carry no intents, so nothing can be ranked by them.")
        return
    rows = plan.portfolio.rows[:_MOST_INTENTS]
    yield Table(
        "Volume × value × how well the AI solves it; headroom is what more it could solve",
        (Column("Intent"), Column("Conversations", True), Column("Value of one", True),
         Column("Automated", True), Column("AI solves", True), Column("Interval", True),
         Column("Headroom, conversations", True), Column("Headroom, money", True), Column("Note")),
        tuple(_intent(row, currency) for row in rows),
    )  # fmt: skip
    if plan.valued_by:
        yield Paragraph(f"Value of one conversation: {plan.valued_by}.")
    else:
        yield Paragraph("No value is known: give unit_value in intents.yaml to rank by money.")


def _intent(row: Mapping[str, Any], currency: str) -> tuple[Cell, ...]:
    score, head, money = (
        row[key] or {} for key in ("automation_score", "headroom_conversations", "headroom_money")
    )
    risk = f"{row['risk']} risk" if row["risk"] else ""
    policy = "" if row["is_automatable"] else "not to be automated by policy"
    note = "; ".join(text for text in (risk, policy, row["reason"]) if text)
    return (
        row["intent"], row["conversations"], Value(row["value"], "money", currency),
        Value(row["automated"], "share"), Value(score.get("point"), "share"),
        Range(score.get("low"), score.get("high"), "share"), _whole(head.get("point")),
        Value(money.get("point"), "money", currency), note,
    )  # fmt: skip


def _whole(number: float | None) -> Cell:
    return wording.NONE if number is None else round(number)


def _targets(plan: Plan, currency: str) -> Iterator[Block]:
    if not plan.baseline:
        yield Paragraph(
            "There is no baseline yet: it needs a full month of data, or one named under "
            "[baseline] in candor.toml."
        )
        return
    if not plan.proposals:
        yield Paragraph("Every early figure has a target already, or none can be proposed.")
        return
    yield Table(
        f"From {plan.baseline}: met when clearly better than it, amber when about as good",
        (Column("Metric"), Column("Baseline", True), Column("Interval", True),
         Column("Target", True), Column("Amber", True), Column("Owner")),
        tuple(
            (
                one.title, Value(one.estimate.point, one.estimate.unit, currency),
                Range(one.estimate.low, one.estimate.high, one.estimate.unit, currency),
                Value(one.target.target, one.estimate.unit, currency),
                wording.figure(
                    one.target.amber, "points" if one.estimate.unit == "share"
                    else one.estimate.unit, currency,
                ),
                one.target.owner,
            )
            for one in plan.proposals
        ),
    )  # fmt: skip
    yield Code("Lines for targets.yaml", plan.targets_yaml())


def _inventory(plan: Plan) -> Iterator[Block]:
    yield Table(
        "Sources and how far they reach",
        (Column("Source"), Column("From"), Column("Until"), Column("Conversations")),
        tuple(
            (name, str(one["covered_from"] or ""), str(one["covered_until"] or ""),
             "yes" if one["conversations"] else "no")
            for name, one in plan.sources.items()
        ),
    )  # fmt: skip
    there = [one for one in plan.stock if one.stored]
    yield Table(
        "Events that are there", (Column("Event"), Column("Stored", True), Column("What it is")),
        tuple((one.event, one.stored, one.doc) for one in there),
    )  # fmt: skip
    absent = sorted(
        (one for one in plan.stock if not one.stored), key=lambda one: (-one.waiting, one.event)
    )
    if absent:
        yield Table(
            "Events that are missing",
            (Column("Event"), Column("Metrics waiting", True), Column("What it is")),
            tuple((one.event, one.waiting, one.doc) for one in absent),
        )

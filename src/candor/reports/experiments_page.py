"""Experiments as a document: who met which arm, what differs, and whether it may ship."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from candor.answers.experimenting import Against, Experiment
from candor.estimates.estimate import Refusal
from candor.experiments.ratio_mismatch import SampleRatio
from candor.experiments.shipping import Decision
from candor.reports.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Mark,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.reports.teamwork import FEW
from candor.verdicts.bands import REASONS

FEWEST = 10
"""Units below which a count is not shown to everybody."""
_ROLES = {"success": "may win", "guardrail": "must not lose", "watched": "watched"}
_OUTCOMES = {
    "ship": Mark("may ship", "good", "✓"),
    "hold": Mark("hold", "amber", "?"),
    "abort": Mark("abort: something got worse", "bad", "✕"),
}
_METHODS = {"confidence_sequence": "holds over all looks"}


def summary(found: Sequence[Experiment]) -> list[str]:
    """The most important sentences."""
    if not found:
        return ["No experiment is declared, and no exposure is in the data."]
    told = [
        f"{_named(one)}{_arm(one, against)}: {verdict(one, against).word}."
        for one in found for against in one.treatments
    ]  # fmt: skip
    told += [f"{_named(one)}: cannot say, {one.why_not}." for one in found if one.why_not]
    return told


def sections(found: Sequence[Experiment], *, hides_few: bool) -> list[Section]:
    """One section for each experiment."""
    return [
        Section(f"experiment-{at}", _named(one), tuple(_blocks(one, hides_few=hides_few)),
                _intro(one))
        for at, one in enumerate(found)
    ]  # fmt: skip


def verdict(experiment: Experiment, against: Against) -> Mark:
    """What the rule says, in words; before the planned size nothing but a win or a loss is final."""
    if isinstance(against.decision, Refusal):
        reason = REASONS[against.decision].rstrip(".")
        return Mark(f"cannot say: {reason[:1].lower()}{reason[1:]}", "grey", "·")
    if against.decision.outcome == "hold" and not experiment.is_final:
        return Mark("not decided yet", "amber", "?")
    return _OUTCOMES[against.decision.outcome]


def _blocks(one: Experiment, *, hides_few: bool) -> Iterator[Block]:
    yield _arms(one, hides_few=hides_few)
    yield Bullets(tuple(_checks(one)))
    if one.why_not:
        yield Paragraph(f"Cannot say: {one.why_not}.", strong=True)
    for against in one.treatments:
        yield Paragraph(
            f"{_arm(one, against, 'Arm ')}: {verdict(one, against).word}.".lstrip(), strong=True
        )
        decision = against.decision
        if isinstance(decision, Decision) and decision.failing:
            yield Bullets(tuple(f"{text[:1].upper()}{text[1:]}." for text in decision.failing))
        yield _differences(one, against)


def _arms(one: Experiment, *, hides_few: bool) -> Table:
    shares = one.declared.shares if one.declared is not None else {}
    total = sum(one.counts.values())
    rows = []
    for arm, units in one.counts.items():
        is_few = hides_few and 0 < units < FEWEST
        share = Value(units / total, "share") if total and not is_few else Value(None, "share")
        wanted = Value(shares[arm], "share") if arm in shares else Value(None, "share")
        rows.append((arm, FEW if is_few else units, share, wanted))
    columns = (
        Column("Arm"),
        Column("Units", True),
        Column("Share", True),
        Column("Declared", True),
    )
    return Table("Units by the arm they met first", columns, tuple(rows))


def _checks(one: Experiment) -> Iterator[str]:
    ratio = one.sample_ratio
    if isinstance(ratio, SampleRatio):
        verdict = (
            "the arms do not hold what was declared, so nothing else about them is believed"
            if ratio.failed else "the arms hold what was declared"
        )  # fmt: skip
        yield f"Sample ratio: {verdict} (p {ratio.p:.3g} for one look)."
    else:
        yield "Sample ratio: cannot be checked without declared shares and units."
    if one.crossed:
        yield f"{one.crossed} units met another arm later; they stay in their first."
    if one.strange:
        yield f"{one.strange} units met an arm that was not declared; they are left out."
    if one.declared is not None:
        units = sum(one.counts.values())
        yield (
            f"{units} of {one.declared.horizon} planned units: "
            + ("read once, with the limits of one look." if one.is_final else
               "read with limits that hold however often one looks; they are wider for it.")
        )  # fmt: skip


def _differences(one: Experiment, against: Against) -> Table:
    assert one.declared is not None  # noqa: S101 - what is compared was declared
    control = next(iter(one.declared.shares))
    columns = (
        Column("Metric"), Column("Role"), Column("Difference", True), Column("Interval", True),
        Column(control, True), Column(against.arm, True), Column("Accepted loss", True),
        Column("What it says"),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for line in against.lines:
        found = line.comparison.found
        unit = "points" if line.unit == "share" else line.unit
        rows.append(
            (line.title, _ROLES[line.role], Value(found.point, unit, signed=True),
             Range(found.low, found.high, unit), Value(line.control, line.unit),
             Value(line.treatment, line.unit),
             Value(line.margin if line.role == "guardrail" else None, unit),
             _said(line.better, found.low, found.high, found.refusal))
        )  # fmt: skip
    return Table(f"{against.arm} against {control}", columns, tuple(rows))


def _said(better: str, low: float | None, high: float | None, refusal: Refusal | None) -> Mark:
    if refusal is not None or low is None or high is None:
        return Mark(f"cannot say: {_code(refusal)}" if refusal else "cannot say", "grey")
    if low <= 0 <= high:
        return Mark("no clear difference", "amber")
    if better == "neither":
        return Mark("different", "grey")
    return Mark("better", "good") if (low > 0) == (better == "higher") else Mark("worse", "bad")


def _named(one: Experiment) -> str:
    return one.declared.title or one.id if one.declared is not None else one.id


def _intro(one: Experiment) -> str:
    if one.declared is None:
        return ""
    owner = f" Decided by {one.declared.owner}." if one.declared.owner else ""
    return f"One unit is one {one.declared.unit.replace('_', ' and ')}.{owner}"


def _arm(one: Experiment, against: Against, before: str = ", arm ") -> str:
    """The arm, where there is more than one treatment."""
    many = len(one.treatments) > 1
    return f"{before}{against.arm}" if many or before != ", arm " else ""


def _code(refusal: Refusal) -> str:
    """A refusal in a word or two; a metric that is no rate or mean has nothing to compare."""
    known = {Refusal.UNAVAILABLE: "not compared", Refusal.SRM_FAILED: "uneven arms"}
    return known.get(refusal, str(refusal).replace("_", " "))

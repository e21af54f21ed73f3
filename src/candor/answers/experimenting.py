"""Experiments read from a publication: exposures, arms, differences with their intervals, and what may be said.

A unit belongs to the arm it met first; what counts is what happened to it afterwards, whatever served it then. An
experiment that was looked at before its planned size is read with limits that hold over all looks together; at
its planned size once, with Welch's. Nothing is judged that was not declared (``experiments.yaml``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from candor.answers.changes import COMPARABLE
from candor.estimates.estimate import Reckoning, Refusal
from candor.estimates.from_cell import IMMATURE_REASONS, SCALES
from candor.experiments.arms import ArmSums, Comparison
from candor.experiments.declared import FILE, Declared, load
from candor.experiments.fixed_horizon import compare_arms
from candor.experiments.ratio_mismatch import SampleRatio
from candor.experiments.reading import Exposure, Outcome, Reading, read_arms
from candor.experiments.sequential import always_valid
from candor.experiments.shipping import Criterion, Decision, Role, ship_decision
from candor.metrics import compile as sql
from candor.metrics.definition import Definition
from candor.metrics.plan import codes_of, plan
from candor.metrics.reading import column_types

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

_CLOCKS = ("started_at", "occurred_at", "first_at")
_UNITS = {"customer": "person_key", "thread": "thread_key"}
_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of one treatment against the control.

    Attributes:
        metric, title, unit, better: of the definition.
        role: success, guardrail or watched.
        margin: loss that is accepted, in the metric's unit.
        control, treatment: figures of the arms; None without a denominator.
        comparison: treatment minus control.
    """

    metric: str
    title: str
    unit: str
    better: str
    role: Role
    margin: float
    control: float | None
    treatment: float | None
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Against:
    """One treatment against the control.

    Attributes:
        arm: the treatment.
        lines: every declared metric.
        decision: what the rule says, or why nothing is judged.
    """

    arm: str
    lines: tuple[Line, ...]
    decision: Decision | Refusal


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment.

    Attributes:
        id: as exposure events name it.
        declared: what was declared; None where nothing was.
        counts: units by arm, by the arm they met first.
        crossed: units that met another arm later.
        strange: units whose first arm was not declared.
        unexposed: units with outcomes that were never exposed.
        sample_ratio: counts against the declared shares; a refusal without either.
        is_final: the planned size is reached: read once, not for ever.
        treatments: each against the control; empty where nothing can be read.
        why_not: why nothing can be read, in words; "" where something can.
    """

    id: str
    declared: Declared | None
    counts: Mapping[str, int]
    crossed: int
    strange: int
    unexposed: int
    sample_ratio: SampleRatio | Refusal
    is_final: bool
    treatments: tuple[Against, ...]
    why_not: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        ratio = self.sample_ratio
        return {
            "experiment": self.id,
            "declared": None if self.declared is None else self.declared.model_dump(mode="json"),
            "units": dict(self.counts),
            "crossed": self.crossed,
            "undeclared_arm": self.strange,
            "sample_ratio": {"p": ratio.p, "evidence": ratio.evidence, "failed": ratio.failed}
            if isinstance(ratio, SampleRatio) else {"refusal": str(ratio)},
            "reading": "once" if self.is_final else "always_valid",
            "why_not": self.why_not,
            "treatments": [_against(one) for one in self.treatments],
        }  # fmt: skip


def experiments(answers: Answers) -> tuple[Experiment, ...]:
    """Every experiment that was declared or has exposures.

    Raises:
        CandorError: ``experiments.invalid``.
    """
    path = answers.workspace.root / FILE
    declared = {one.id: one for one in load(path, answers.catalogue.names)}
    met = [
        str(row[0])
        for row in answers.reckoner.rows(
            "select distinct experiment_id from exposure where not is_test and not is_spam"
            " order by experiment_id"
        )
    ]
    names = dict.fromkeys([*declared, *met])
    return tuple(_experiment(answers, name, declared.get(name)) for name in names)


def _experiment(answers: Answers, name: str, declared: Declared | None) -> Experiment:
    unit = declared.unit if declared is not None else "customer"
    key = _UNITS.get(unit, "person_key")
    exposures = [
        Exposure(str(row[0]), str(row[1]), int(row[2]))
        for row in answers.reckoner.rows(
            f"select coalesce({key}, event_key), arm, assigned_at from exposure"
            f" where experiment_id = {sql.text_literal(name)} and not is_test and not is_spam"
            " order by 1, 3, 2"
        )
    ]
    if declared is None:
        counts, crossed = _first_arms(exposures)
        return Experiment(
            name, None, counts, crossed, 0, 0, Refusal.NOTHING_OBSERVED, False, (),
            f"it is not declared in {FILE}: a metric chosen after looking proves nothing",
        )  # fmt: skip
    whole = read_arms(declared.design(), exposures, ())
    counts = {arm: sums.n for arm, sums in whole.arms.items()}
    is_final = sum(counts.values()) >= declared.horizon
    why_not = ""
    if not exposures:
        why_not = "no unit has met an arm yet"
    elif declared.unit == "queue_day":
        why_not = "arms of queues and days are counted, not compared, here"
    treatments: tuple[Against, ...] = ()
    if not why_not:
        read = {
            metric: _outcomes(answers, name, answers.catalogue.definitions.get(metric), key)
            for metric in declared.metrics
        }
        treatments = tuple(
            _judged(answers, declared, arm, exposures, read, is_final)
            for arm in list(declared.shares)[1:]
        )
    return Experiment(
        name, declared, counts, whole.crossed, whole.strange, whole.unexposed,
        whole.sample_ratio, is_final, treatments, why_not,
    )  # fmt: skip


def _first_arms(exposures: Sequence[Exposure]) -> tuple[dict[str, int], int]:
    met: dict[str, list[str]] = {}
    for one in exposures:
        met.setdefault(one.unit_id, []).append(one.arm)
    counts: dict[str, int] = {}
    for arms in met.values():
        counts[arms[0]] = counts.get(arms[0], 0) + 1
    return dict(sorted(counts.items())), sum(len(set(arms)) > 1 for arms in met.values())


def _outcomes(
    answers: Answers, experiment: str, definition: Definition | None, key: str
) -> list[Outcome] | None:
    """What a metric adds up to for each unit since it met its arm; None where it cannot be told."""
    if definition is None or definition.estimator not in COMPARABLE:
        return None
    columns = column_types(definition.fact)
    clock = next((name for name in _CLOCKS if name in columns), None)
    if clock is None or key not in columns:
        return None
    codes = codes_of(definition)
    known = f"c0 >= {codes.known}"
    if definition.outcome is not None:
        y, m = f"case when c0 >= {codes.true} then 1 else 0 end", "1"
    else:
        y, m = "v0", "1" if definition.denominator is None else "w0"
    immature = [at for at in range(1, codes.known) if codes.state(at)[1] in IMMATURE_REASONS]
    waiting = f"c0 in ({', '.join(map(str, immature))})" if immature else "false"
    coded = sql.coded(
        plan(definition.fact, [definition], anonymous=False), sql.Scope(), extra=(key, clock)
    )
    rows = answers.reckoner.rows(
        "with met as (select coalesce("
        f"{key}, event_key) as unit, min(assigned_at) as since from exposure where experiment_id ="
        f" {sql.text_literal(experiment)} and not is_test and not is_spam group by 1)"
        f" select met.unit, cast(coalesce(sum(case when {known} then {y} end), 0) as hugeint),"
        f" cast(coalesce(sum(case when {known} then {m} end), 0) as hugeint),"
        f" count(case when {waiting} then 1 end)"
        f" from ({coded}) as told join met on told.{key} = met.unit and told.{clock} >= met.since"
        " group by met.unit order by met.unit"
    )
    scale = SCALES[definition.measured_in]
    return [
        Outcome(str(unit), float(total) / scale, float(den), immature=int(late))
        for unit, total, den, late in rows
    ]


def _judged(
    answers: Answers, declared: Declared, arm: str, exposures: Sequence[Exposure],
    read: Mapping[str, list[Outcome] | None], is_final: bool,
) -> Against:  # fmt: skip
    control = next(iter(declared.shares))
    lines, is_mature, ratio_ok = [], True, True
    for metric in declared.metrics:
        definition = answers.catalogue.find(metric)
        outcomes = read[metric]
        reading = read_arms(declared.design(), exposures, outcomes or ())
        ratio_ok = reading.sample_ratio_ok
        role: Role = (
            "success" if metric in declared.success
            else "guardrail" if metric in declared.guardrails else "watched"
        )  # fmt: skip
        alpha = _ALPHA / (len(declared.success) if role == "success" else 1)
        comparison = (
            Comparison(Reckoning.refused("welch_ratio", Refusal.UNAVAILABLE))
            if outcomes is None
            else _compared(answers, declared, reading, control, arm, alpha, is_final=is_final)
        )
        if outcomes is not None and role != "watched":
            is_mature &= reading.mature_share >= answers.thresholds.mature_share
        figures = _ratio(reading.arms[control]), _ratio(reading.arms[arm])
        lines.append(
            Line(metric, definition.title, definition.measured_in, definition.better, role,
                 declared.guardrails.get(metric, 0.0), *figures, comparison)
        )  # fmt: skip
    criteria = [
        Criterion(line.metric, line.role, line.comparison,
                  "lower" if line.better == "lower" else "higher", line.margin)
        for line in lines
    ]  # fmt: skip
    decision = ship_decision(
        criteria, sample_ratio_ok=ratio_ok, is_mature=is_mature, alpha=_ALPHA
    )  # fmt: skip
    return Against(arm, tuple(lines), decision)


def _compared(
    answers: Answers, declared: Declared, reading: Reading, control: str, arm: str, alpha: float,
    *, is_final: bool,
) -> Comparison:  # fmt: skip
    sides = reading.arms[control], reading.arms[arm]
    found = compare_arms(
        *sides, kind="ratio", mature_share=reading.mature_share,
        sample_ratio_ok=reading.sample_ratio_ok, thresholds=answers.thresholds, level=1 - alpha,
    )  # fmt: skip
    point, error = found.found.point, found.found.se
    if is_final or point is None or not error:
        return found
    units = sides[0].n + sides[1].n
    share = declared.shares[control] + declared.shares[arm]
    planned = max(1, math.ceil(declared.horizon * share))
    return always_valid(
        point, error, units, planned, smaller_arm=min(side.n for side in sides), alpha=alpha
    )


def _ratio(sums: ArmSums) -> float | None:
    return sums.ratio if sums.m > 0 else None


def _against(one: Against) -> dict[str, Any]:
    decision = one.decision
    told = (
        {"refusal": str(decision)}
        if isinstance(decision, Refusal)
        else {"outcome": decision.outcome, "failing": list(decision.failing),
              "superior": list(decision.superior)}
    )  # fmt: skip
    return {
        "arm": one.arm,
        "decision": told,
        "metrics": [
            {
                "metric": line.metric, "role": line.role, "margin": line.margin, "unit": line.unit,
                "control": line.control, "treatment": line.treatment,
                "difference": line.comparison.found.point, "low": line.comparison.found.low,
                "high": line.comparison.found.high, "p": line.comparison.p,
                "method": line.comparison.found.method,
                "refusal": None if line.comparison.found.refusal is None
                else str(line.comparison.found.refusal),
            }
            for line in one.lines
        ],
    }  # fmt: skip

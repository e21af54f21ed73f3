"""Fits the experience score to what people said, and says honestly how good the fit is.

A part (``resolution_quality`` from labels ``resolved``, ``tone`` from ``tone``…) gets new weights for
its features. Surveys give a part of their own, ``csat_inferred``: the chance that the customer would
have been satisfied, from the other parts, which are read as if nobody had been surveyed. Every figure told is about customers that the fit never saw. Below a minimum of labels nothing is
fitted. Nothing changes until the caller writes the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem, nearest
from candor.estimates.additive import Fitted, Floats, Ints, cross_fitted, log_odds
from candor.estimates.pairs import Agreed, Pair, by_criterion
from candor.estimates.reliability import Reliability, Stated, reliability
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.reviewing.rates import TRUTH
from candor.scorers.experience import model as models
from candor.scorers.experience.features import Read
from candor.scorers.experience.model import Model, Part, score
from candor.scorers.experience.run import read_features
from candor.workspace import Workspace

MIN_LABELS, MIN_CLASS, MIN_CUSTOMERS = 60, 15, 20
"""Fewest labels, fewest of the rarer answer, fewest customers: below, nothing is fitted."""
CSAT = "csat"
_GROUPS = ("path", "language", "channel")
_MIN_GROUP = 20
_PART_OF = {"resolved": "resolution_quality", CSAT: models.CSAT}
_LABELS_SQL = """
select
    a.conversation_key, lower(a.label) as label, a.value_ppm, a.weight_ppm, a.assessor_id, a.bucket
from assessment as a
where a.assessor_kind = 'human' and a.criterion = '{criterion}' and a.item_kind = 'conversation'
    and a.is_latest and not a.is_abstained and not a.is_test and not a.is_spam
    and (a.sampling_ppm is not null or coalesce(a.is_blind, true))
    and a.conversation_key is not null
order by a.conversation_key, a.occurred_at, a.assessment_key
"""
_CSAT_SQL = """
select c.conversation_key, null as label, c.csat_ppm as value_ppm, null as weight_ppm, 'survey', c.bucket
from conversation as c
where c.csat_ppm is not null and c.engaged and not c.is_test and not c.is_spam
order by c.conversation_key
"""


@dataclass(frozen=True, slots=True)
class Group:
    """How the fit does in one group: units, mean predicted, share that came true, Brier score."""

    dimension: str
    value: str
    units: int
    predicted: float | None
    came_true: float | None
    brier: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fit and its report.

    Attributes:
        criterion: answers fitted to. part: what was fitted.
        units, customers, positive: answers, customers behind them, share of true.
        before, after: the current model and the fit, on customers neither saw in fitting.
        ridge: how many answers' worth of belief stays with the current weights.
        machine: agreement of the fit (at one half) and people. people: of people, the ceiling.
        groups: by path, language and channel; a group under 20 answers has no figures.
        weights: old and new weight by name.
        is_better: the fit's squared error is smaller, on unseen customers.
        model: the new model's file.
    """

    criterion: str
    part: str
    units: int
    customers: int
    positive: float
    before: Reliability
    after: Reliability
    ridge: float
    machine: Agreed | None
    people: Agreed | None
    groups: tuple[Group, ...]
    weights: Mapping[str, tuple[float, float]]
    is_better: bool
    model: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "criterion": self.criterion, "part": self.part, "units": self.units,
            "customers": self.customers, "positive": self.positive, "ridge": self.ridge,
            "before": _told(self.before), "after": _told(self.after),
            "agreement": _agreed(self.machine), "human_ceiling": _agreed(self.people),
            "groups": [
                {"dimension": g.dimension, "value": g.value, "units": g.units,
                 "predicted": g.predicted, "came_true": g.came_true, "brier": g.brier}
                for g in self.groups
            ],
            "weights": {name: {"was": a, "is": b} for name, (a, b) in self.weights.items()},
            "is_better": self.is_better,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers by conversation, in the order of the features."""

    keys: pa.Array
    truth: Floats
    weight: Floats
    bucket: Ints
    people: Agreed | None


def calibrate(workspace: Workspace, criterion: str) -> Calibration:
    """Fit the experience score to people's answers.

    Args:
        workspace: measured.
        criterion: ``csat`` for surveys, ``resolved``, or a part's name.

    Raises:
        CandorError: ``calibrate.criterion`` for an unknown one, ``calibrate.too_few``.
    """
    model = models.load(workspace.root)
    names = [part.name for part in model.parts]
    part = _PART_OF.get(criterion, criterion)
    if part not in (*names, models.CSAT):
        known = [*_PART_OF, *names]
        raise CandorError(
            "calibrate.criterion",
            Problem(
                f"nothing is scored by '{criterion}'", "--criterion", ", ".join(known),
                nearest(criterion, known),
            ),
            exit_code=2,
        )  # fmt: skip
    publication = Serving(workspace.serving).current()
    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection, lake.snapshot(), types=("message", "assessment"))
        quoted = str(publication.facts).replace("'", "''")
        engine.run(f"attach '{quoted}' as published (read_only)")
        for name in ("conversation", "assessment"):
            engine.run(f"create temp view {name} as from published.{name}")
        as_of = pa.table({"as_of_us": pa.array([publication.about["as_of_us"]], pa.int64())})
        engine.load("setting", as_of, temporary=True)
        answers = _answers(engine, criterion)
        _refuse_few(answers, criterion)
        keys, found = read_features(
            engine, model, answers.keys, without_survey=criterion == CSAT
        )  # fmt: skip
        answers = _ordered(answers, keys)
        groups = engine.arrow("select conversation_key, path, language, channel from conversation")
    if criterion == CSAT:
        return _survey(model, answers, found, groups)
    return _part(model, criterion, part, answers, found, groups)


def _answers(engine: DuckEngine, criterion: str) -> _Answers:
    sql = _CSAT_SQL if criterion == CSAT else _LABELS_SQL.format(criterion=criterion)
    first: dict[int, tuple[int, float, int]] = {}
    said: dict[int, list[tuple[str, int]]] = {}
    for key, label, ppm, weight, who, bucket in engine.rows(sql):
        truth = TRUTH.get(label or "")
        if truth is None and ppm is not None:
            truth = int(ppm >= (750_000 if criterion == CSAT else 500_000))
        if truth is not None:
            first.setdefault(
                int(key), (truth, 1.0 if weight is None else weight / 1e6, int(bucket))
            )
            said.setdefault(int(key), []).append((who, truth))
    pairs = [
        Pair(criterion, str(votes[0][1]), str(other[1]), first[key][2])
        for key, votes in said.items()
        if (other := next((vote for vote in votes if vote[0] != votes[0][0]), None))
    ]
    keys = sorted(first)
    weight = np.array([first[key][1] for key in keys], dtype=np.float64)
    return _Answers(
        pa.array(keys, pa.int64()),
        np.array([first[key][0] for key in keys], dtype=np.float64),
        weight / weight.mean() if keys else weight,
        np.array([first[key][2] for key in keys], dtype=np.int64),
        by_criterion(pairs).get(criterion),
    )


def _refuse_few(answers: _Answers, criterion: str) -> None:
    units = len(answers.truth)
    rarer = int(min(answers.truth.sum(), units - answers.truth.sum()))
    customers = len(set(answers.bucket.tolist()))
    found = [
        Problem(f"{count} {what}", criterion, f"at least {least}", "`candor review-queue`")
        for count, what, least in (
            (units, "answers", MIN_LABELS),
            (rarer, "answers of the rarer kind", MIN_CLASS),
            (customers, "customers", MIN_CUSTOMERS),
        )
        if count < least
    ]
    if found:
        raise CandorError("calibrate.too_few", found)


def _ordered(answers: _Answers, keys: pa.Array) -> _Answers:
    place = {key: number for number, key in enumerate(answers.keys.to_pylist())}
    order = np.array([place[key] for key in keys.to_pylist()], dtype=np.int64)
    return _Answers(
        keys, answers.truth[order], answers.weight[order], answers.bucket[order], answers.people
    )


def _part(
    model: Model, criterion: str, name: str, answers: _Answers, found: Read, groups: pa.Table
) -> Calibration:
    part = next(one for one in model.parts if one.name == name)
    keep = found.abstains[name] == ""
    x = np.column_stack(
        [np.nan_to_num(found.features[one].values, nan=0.0) for one in part.features]
    )[keep]
    kept = _kept(answers, keep)
    _refuse_few(kept, criterion)
    start = [part.intercept, *part.features.values()]
    method = log_odds(start)
    fitted = cross_fitted(x, kept.truth, kept.weight, kept.bucket, method)
    before = method[1](x, np.array(start))
    new = [round(float(weight), 4) for weight in fitted.weights]
    weights = dict(zip(("intercept", *part.features), zip(start, new, strict=True), strict=True))
    changed = Part(name, part.weight, new[0], dict(zip(part.features, new[1:], strict=True)))
    text = _file(model, {name: changed})
    return _report(criterion, name, kept, before, fitted, groups, weights, text)


def _survey(model: Model, answers: _Answers, found: Read, groups: pa.Table) -> Calibration:
    values = {name: one.values for name, one in found.features.items()}
    scores = {
        part.name: score(part, values, found.abstains[part.name] != "").values
        for part in model.parts
    }
    keep = ~np.isnan(models.combine(model, scores)[0])
    features = models.of_parts(scores)
    x = np.column_stack([np.nan_to_num(features[name], nan=0.0) for name in features])[keep]
    kept = _kept(answers, keep)
    _refuse_few(kept, CSAT)
    known = model.inferred or Part(models.CSAT, 0.0, 0.0, {})
    start = [known.intercept, *(known.features.get(name, 0.0) for name in features)]
    fitted = cross_fitted(x, kept.truth, kept.weight, kept.bucket, log_odds(start))
    # Before there is a fit, the score itself is all that could be read as a chance.
    whole = models.combine(model, scores)[0][keep]
    before = log_odds(start)[1](x, np.array(start)) if model.inferred else whole
    new = [round(float(weight), 4) for weight in fitted.weights]
    weights = dict(zip(("intercept", *features), zip(start, new, strict=True), strict=True))
    part = Part(models.CSAT, 0.0, new[0], dict(zip(features, new[1:], strict=True)))
    text = _file(model, {models.CSAT: part})
    return _report(CSAT, models.CSAT, kept, before, fitted, groups, weights, text)


def _kept(answers: _Answers, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Answers:
    return _Answers(
        answers.keys.filter(pa.array(keep)), answers.truth[keep], answers.weight[keep],
        answers.bucket[keep], answers.people,
    )  # fmt: skip


def _report(
    criterion: str, part: str, answers: _Answers, before: Floats, fitted: Fitted,
    groups: pa.Table, weights: Mapping[str, tuple[float, float]], text: str,
) -> Calibration:  # fmt: skip
    after = fitted.predicted
    pairs = [
        Pair(criterion, str(int(truth)), str(int(predicted >= 0.5)), int(bucket))
        for truth, predicted, bucket in zip(answers.truth, after, answers.bucket, strict=True)
    ]
    error = answers.weight * ((after - answers.truth) ** 2 - (before - answers.truth) ** 2)
    return Calibration(
        criterion, part, len(answers.truth), len(set(answers.bucket.tolist())),
        float(np.average(answers.truth, weights=answers.weight)),
        _reliability(before, answers), _reliability(after, answers), fitted.ridge,
        by_criterion(pairs).get(criterion), answers.people, _by_group(answers, after, groups),
        weights, bool(error.sum() < 0), text,
    )  # fmt: skip


def _reliability(predicted: Floats, answers: _Answers) -> Reliability:
    stated = [
        Stated(round(float(p) * 1e6), bool(truth), int(bucket), 1)
        for p, truth, bucket in zip(predicted, answers.truth, answers.bucket, strict=True)
    ]
    return reliability(stated, customers=len(set(answers.bucket.tolist())))


def _by_group(answers: _Answers, predicted: Floats, groups: pa.Table) -> tuple[Group, ...]:
    place = {key: n for n, key in enumerate(groups["conversation_key"].to_pylist())}
    rows = [place[key] for key in answers.keys.to_pylist()]
    found = []
    for dimension in _GROUPS:
        values = [groups[dimension][row].as_py() or "not known" for row in rows]
        for value in sorted(set(values)):
            own = np.array([one == value for one in values])
            units = int(own.sum())
            if units < _MIN_GROUP:
                found.append(Group(dimension, value, units, None, None, None))
                continue
            p, y = predicted[own], answers.truth[own]
            found.append(
                Group(
                    dimension, value, units, float(p.mean()), float(y.mean()),
                    float(np.mean((p - y) ** 2)),
                )
            )  # fmt: skip
    return tuple(found)


def _file(model: Model, changed: Mapping[str, Part]) -> str:
    """The model's file with some parts replaced."""
    parts = {
        part.name: {
            "weight": new.weight, "intercept": new.intercept, "features": dict(new.features)
        }
        for part in (*model.parts, changed.get(models.CSAT, model.inferred))
        if part is not None and (new := changed.get(part.name, part))
    }  # fmt: skip
    given = {
        "model": "candor_experience", "version": model.version.split("+")[0],
        "minimum_coverage": model.minimum_coverage, "parts": parts, "markers": dict(model.markers),
    }  # fmt: skip
    head = "# Fitted by `candor calibrate`; the built-in model explains every feature.\n"
    return head + yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=120)


def _told(one: Reliability) -> dict[str, Any]:
    return {
        "brier": one.brier.point, "brier_low": one.brier.low, "brier_high": one.brier.high,
        "expected_calibration_error": one.expected_error,
        "greatest_calibration_error": one.greatest_error, "mean_predicted": one.mean_confidence,
        "base_rate": one.base_rate, "brier_of_the_base_rate": one.climatology,
        "curve": [
            {"from": step.low, "to": step.high, "count": step.count, "predicted": step.confidence,
             "came_true": step.came_true}
            for step in one.curve
        ],
    }  # fmt: skip


def _agreed(one: Agreed | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"pairs": one.pairs, "raw": one.raw, "ac1": one.ac1, "alpha": one.alpha}

"""The additive model behind the experience score: read from YAML, checked, evaluated over columns.

Knows no text and no table: it takes arrays of features, NaN where a feature is not known, and gives
each part a score from 0 to 1 with what every feature did to it. The whole model is the file: parts,
weights and markers are data, and a fitted one has the same form.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from candor.errors import CandorError, Problem, nearest

Floats = NDArray[np.float64]
FILE = "experience.yaml"
"""Name of a workspace's own model."""
CSAT = "csat_inferred"
"""A part that only a fit to surveys can give: its features are the other parts, less one half."""
MARKERS = ("polite", "acknowledging", "rude", "leaked")
_PART_KEYS = ("weight", "intercept", "features")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the score.

    Attributes:
        name: criterion it is written under.
        weight: its share in the experience score, 0 or more.
        intercept: log odds when every feature is 0.
        features: log odds that one unit of each feature adds.
    """

    name: str
    weight: float
    intercept: float
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Model:
    """A whole model.

    Attributes:
        version: as stated in the file; a workspace's own carries a mark of its content.
        parts: in the order of the file. inferred: the part fitted to surveys, if there is one.
        markers: patterns by kind, each list joined to one.
        minimum_coverage: least known share of the weights for a score.
    """

    version: str
    parts: tuple[Part, ...]
    markers: Mapping[str, str]
    minimum_coverage: float
    inferred: Part | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of a part: ``values`` (NaN abstained) and ``points`` (what each feature moved them by)."""

    values: Floats
    points: Mapping[str, Floats]


def built_in() -> Model:
    """The model that comes with candor."""
    return _built_in()


@cache
def _built_in() -> Model:
    return parse(built_in_text(), "the built-in model", None)


def load(root: Path | None) -> Model:
    """A workspace's own model when it has one, else the built-in.

    Raises:
        CandorError: ``experience.invalid`` with every mistake in the file.
    """
    path = None if root is None else root / FILE
    if path is None or not path.exists():
        return built_in()
    return parse(path.read_text(encoding="utf-8"), str(path), built_in())


def built_in_text() -> str:
    """The built-in model's file, to be copied and changed."""
    return files("candor.scorers.experience").joinpath("model.yaml").read_text(encoding="utf-8")


def parse(text: str, where: str, base: Model | None) -> Model:
    """Read a model.

    Args:
        text: YAML.
        where: named in mistakes.
        base: the built-in model, whose features are the only ones allowed and whose markers stand
            where the file has none; None reads the built-in itself.

    Raises:
        CandorError: ``experience.invalid``.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _invalid([Problem(f"this is no YAML: {error}", where)]) from None
    found: list[Problem] = []
    if not isinstance(given, dict) or not isinstance(given.get("parts"), dict):
        raise _invalid([Problem("a model is a mapping with `parts`", where)])
    known = None if base is None else {name for part in base.parts for name in part.features}
    names = None if base is None else [part.name for part in base.parts]
    parts = [
        _part(name, one, where, set(names) if names and name == CSAT else known, found)
        for name, one in given["parts"].items()
    ]
    if names is not None and [part.name for part in parts if part.name != CSAT] != names:
        found.append(Problem("the parts differ from the built-in ones", where, ", ".join(names)))
    coverage = given.get("minimum_coverage", 0.6)
    if not _is_number(coverage) or not 0 < coverage <= 1:
        found.append(Problem("minimum_coverage must lie above 0 and up to 1", where))
    if not any(part.weight > 0 for part in parts):
        found.append(Problem("no part has a weight above 0", where))
    markers = given.get("markers") or ({} if base is None else base.markers)
    if not isinstance(markers, Mapping) or set(markers) != set(MARKERS):
        found.append(Problem("markers are missing", where, ", ".join(MARKERS)))
    if found:
        raise _invalid(found)
    version = str(given.get("version", "1"))
    if base is not None:
        version += "+" + hashlib.sha256(text.encode()).hexdigest()[:8]
    joined = {kind: _joined(patterns) for kind, patterns in (markers or {}).items()}
    inferred = next((part for part in parts if part.name == CSAT), None)
    scored = tuple(part for part in parts if part.name != CSAT)
    return Model(version, scored, joined, float(coverage), inferred)


def _part(name: str, given: Any, where: str, known: set[str] | None, found: list[Problem]) -> Part:
    place = f"{where}: parts.{name}"
    if not isinstance(given, dict):
        found.append(Problem("a part is a mapping", place, ", ".join(_PART_KEYS)))
        return Part(name, 0.0, 0.0, {})
    found += [
        Problem(f"unknown key '{key}'", place, "", nearest(str(key), _PART_KEYS))
        for key in given
        if key not in _PART_KEYS
    ]
    features = given.get("features") or {}
    numbers = {"weight": given.get("weight"), "intercept": given.get("intercept"), **features}
    for key, value in numbers.items():
        if not _is_number(value):
            found.append(Problem(f"'{key}' is no number", place))
        elif key == "weight" and value < 0:
            found.append(Problem("a weight is 0 or more", place))
    found += [
        Problem(f"unknown feature '{key}'", place, "", nearest(key, sorted(known)))
        for key in features
        if known is not None and key not in known
    ]
    plain = {key: float(value) for key, value in numbers.items() if _is_number(value)}
    return Part(name, plain.pop("weight", 0.0), plain.pop("intercept", 0.0), plain)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _joined(patterns: Any) -> str:
    return patterns if isinstance(patterns, str) else "|".join(f"(?:{one})" for one in patterns)


def _invalid(problems: list[Problem]) -> CandorError:
    return CandorError("experience.invalid", problems)


def score(part: Part, features: Mapping[str, Floats], abstains: NDArray[np.bool_]) -> Scored:
    """Score one part.

    Args:
        part: of the model.
        features: by name, each of the same length; NaN is not known and adds nothing.
        abstains: rows that get no score.
    """
    terms = {
        name: weight * np.nan_to_num(features[name], nan=0.0)
        for name, weight in part.features.items()
    }
    total = np.full(len(abstains), part.intercept)
    for term in terms.values():
        total = total + term
    values = _logistic(total)
    points = {
        name: np.where(abstains, 0.0, values - _logistic(total - term))
        for name, term in terms.items()
    }
    return Scored(np.where(abstains, np.nan, np.round(values, 6)), points)


def of_parts(parts: Mapping[str, Floats]) -> dict[str, Floats]:
    """Parts as features of another: less one half, so that an unknown one moves nothing."""
    return {name: values - 0.5 for name, values in parts.items()}


def combine(model: Model, parts: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """The experience score (NaN below the least coverage) and the known share of the weights."""
    shape = len(next(iter(parts.values())))
    total, known = np.zeros(shape), np.zeros(shape)
    for part in model.parts:
        values = parts[part.name]
        is_known = ~np.isnan(values)
        total += part.weight * np.where(is_known, values, 0.0)
        known += part.weight * is_known
    whole = sum(part.weight for part in model.parts)
    coverage = np.round(known / whole, 6)
    enough = coverage >= model.minimum_coverage
    score = np.divide(total, known, out=np.full(shape, np.nan), where=enough & (known > 0))
    return np.round(score, 6), coverage


def _logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -40.0, 40.0))))

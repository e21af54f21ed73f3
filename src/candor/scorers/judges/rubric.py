"""Rubrics: versioned lists of binary criteria that a judge or a person answers.

Read from YAML and checked, every mistake at once. The hash covers the whole content: a changed word
is another rubric.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from candor.errors import CandorError, Problem, nearest

BUILT_IN = "support"
ACTORS = ("customer", "ai_agent", "human_agent")
_KEYS = ("question", "true", "false", "evidence")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One question with what makes its answer true or false, and whose words may show it."""

    name: str
    question: str
    true_when: str
    false_when: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rubric:
    """A review form.

    Attributes:
        name, version: as stated.
        criteria: in order.
        digest: hash of the content.
    """

    name: str
    version: int
    criteria: tuple[Criterion, ...]
    digest: str

    @property
    def label(self) -> str:
        """``name@version``, as written into assessments."""
        return f"{self.name}@{self.version}"


def load(wanted: str, root: Path) -> Rubric:
    """A built-in rubric by name, or a file below the workspace.

    Raises:
        CandorError: ``rubric.invalid`` with every mistake.
    """
    if wanted == BUILT_IN:
        source = files("candor.scorers.judges").joinpath("rubrics", f"{BUILT_IN}.yaml")
        return parse(source.read_text(encoding="utf-8"), f"rubric {BUILT_IN}")
    path = root / wanted
    if not path.exists():
        problem = Problem("there is no such rubric", str(path), f"a YAML file, or '{BUILT_IN}'")
        raise CandorError("rubric.invalid", problem)
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, where: str) -> Rubric:
    """Read a rubric.

    Raises:
        CandorError: ``rubric.invalid``.
    """
    try:
        given = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CandorError("rubric.invalid", Problem(f"no YAML: {error}", where)) from None
    if not isinstance(given, dict) or not isinstance(given.get("criteria"), dict):
        raise CandorError("rubric.invalid", Problem("a rubric is a mapping with criteria", where))
    found: list[Problem] = []
    if not isinstance(given.get("rubric"), str) or not isinstance(given.get("version"), int):
        found.append(
            Problem("`rubric` names it and `version` counts up", where, "a word, a number")
        )
    criteria = [
        _criterion(str(name), one, f"{where}: criteria.{name}", found)
        for name, one in given["criteria"].items()
    ]
    if not criteria:
        found.append(Problem("it asks nothing", where, "at least one criterion"))
    if found:
        raise CandorError("rubric.invalid", found)
    told = json.dumps([asdict(one) for one in criteria], sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(f"{given['rubric']}\x1f{given['version']}\x1f{told}".encode())
    return Rubric(given["rubric"], given["version"], tuple(criteria), digest.hexdigest()[:16])


def _criterion(name: str, given: Any, where: str, found: list[Problem]) -> Criterion:
    if not isinstance(given, dict):
        found.append(Problem("a criterion is a mapping", where, ", ".join(_KEYS)))
        return Criterion(name, "", "", "", ())
    given = {str(key).lower() if isinstance(key, bool) else key: v for key, v in given.items()}
    found += [
        Problem(f"unknown key '{key}'", where, "", nearest(str(key), _KEYS))
        for key in given
        if key not in _KEYS
    ]
    for key in _KEYS[:3]:
        if not isinstance(given.get(key), str) or not given[key].strip():
            found.append(Problem(f"'{key}' says nothing", where, "a sentence"))
    actors = given.get("evidence", list(ACTORS))
    if not isinstance(actors, list) or not actors or not set(actors) <= set(ACTORS):
        found.append(Problem("evidence names no actors", where, ", ".join(ACTORS)))
        actors = []
    texts = [str(given.get(key, "")) for key in _KEYS[:3]]
    return Criterion(name, texts[0], texts[1], texts[2], tuple(actors))

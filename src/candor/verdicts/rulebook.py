"""The diagnoses as data: reads and checks ``rules/*.yaml``, shipped ones and a workspace's own.

A rule is a pattern over figures with the words to say when it holds. Every rule carries at least
one case in which it fires and one in which it must not; they are run by the tests, and for a user's
own rules when they are read. All mistakes of all files are reported at once with their lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from candor.errors import CandorError, Problem, nearest
from candor.verdicts import conditions
from candor.verdicts.board import TOTAL, Board, Level, Move, Segment
from candor.verdicts.findings import Severity, Team
from candor.verdicts.support import Interval

KINDS: dict[str, type[BaseModel]] = {
    "level": conditions.Level,
    "change": conditions.Change,
    "steady": conditions.Steady,
    "not_worse": conditions.NotWorse,
    "gap": conditions.Gap,
    "growth": conditions.Growth,
}
DIMENSIONS = (
    "intent_id", "channel", "release", "customer_segment", "language", "region", "path",
    "intent_risk",
)  # fmt: skip
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Several times faster where the library was built with its C parser; the same result."""
Words = Annotated[str, Field(min_length=10)]
Figures = dict[str, tuple[float, float, int]]
"""Metric to figure, half width of its interval, and units."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(_Part):
    """Which conversations to read: units a metric counted in one way."""

    metric: str
    outcome: Literal["numerator", "denominator", "unknown", "excluded"] = "numerator"


class Case(_Part):
    """Figures, and whether the rule fires on them.

    Attributes:
        title: what is special about it.
        levels: figures of the period.
        changes: changes since the period before; ``before`` gives the figures before.
        before: metric to its figure before, for relative margins.
        growth: relative growth of conversations a day, and its half width.
        fires: whether the rule holds.
    """

    title: Words
    levels: Figures = {}
    changes: Figures = {}
    before: dict[str, float] = {}
    growth: tuple[float, float] | None = None
    fires: bool

    def board(self) -> Board:
        """The figures as rules see them."""
        board = Board()
        for metric, (point, half, units) in self.levels.items():
            board.levels[metric, TOTAL] = Level(_interval(point, half), "share", units)
        for metric, (point, half, units) in self.changes.items():
            board.moves["previous", metric, TOTAL] = Move(
                _interval(point, half), "points", self.before.get(metric, 0.0), units
            )
        if self.growth is not None:
            board.growth["previous", TOTAL] = _interval(*self.growth)
        return board


class Rule(_Part):
    """One diagnosis.

    Attributes:
        code: stable name.
        title: a few words.
        when: conditions that must all hold.
        by: breakdowns in which it is also looked for, besides the total.
        finding: the sentence; ``{metric}`` is replaced by a figure, ``{metric:change}`` by a change,
            ``{a-b}`` by the gap of two metrics, ``{where}`` by the segment in words.
        means: what it probably means, and what else it could be.
        next_step: what to do.
        owner: who answers for it.
        team: where it is routed.
        severity: how urgent it is.
        read: which conversations show it.
        cases: at least one that fires and one that must not.
    """

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, Field(min_length=3)]
    when: Annotated[tuple[Any, ...], Field(min_length=1)]
    by: tuple[str, ...] = ()
    finding: Words
    means: Words
    next_step: Words
    owner: Annotated[str, Field(min_length=3)]
    team: Team
    severity: Severity
    read: Reading | None = None
    cases: Annotated[tuple[Case, ...], Field(min_length=2)]

    @field_validator("when", mode="before")
    @classmethod
    def _conditions(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError("`when` is a list of conditions")  # noqa: TRY004 — told to the user
        return tuple(_condition(item) for item in value)

    @field_validator("by")
    @classmethod
    def _known_dimensions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in DIMENSIONS:
                raise ValueError(f"unknown dimension '{name}'; {nearest(name, DIMENSIONS)}")
        return value

    @model_validator(mode="after")
    def _both_cases(self) -> Rule:
        if {case.fires for case in self.cases} != {True, False}:
            raise ValueError("cases need one that fires and one that must not")
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric it looks at, in order, the one it reads conversations of included."""
        named = [name for one in self.when for name in one.metrics()]
        if self.read is not None:
            named.append(self.read.metric)
        return tuple(dict.fromkeys(named))

    def answers(self, board: Board, segment: Segment) -> list[conditions.Answer] | None:
        """What each condition found; None when a figure is missing."""
        found = []
        for one in self.when:
            answer = one.answer(board, segment)
            if answer is None:
                return None
            found.append(answer)
        return found


def shipped() -> tuple[Rule, ...]:
    """The diagnoses that come with candor, ordered by code."""
    return _shipped()


@cache
def _shipped() -> tuple[Rule, ...]:
    folder = files("candor.verdicts").joinpath("rules")
    texts = [
        (f"rules/{item.name}", item.read_text(encoding="utf-8"))
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".yaml")
    ]
    return read(texts)


def load(folder: Path | None, metrics: Collection[str]) -> tuple[Rule, ...]:
    """The shipped rules and a workspace's own; an own rule with a shipped code replaces it.

    Args:
        folder: ``rules/`` of a workspace; a missing one adds nothing.
        metrics: names that exist.

    Raises:
        CandorError: ``rules.invalid`` with every problem of every file.
    """
    own: tuple[Rule, ...] = ()
    if folder is not None and folder.is_dir():
        texts = []
        for path in sorted(folder.glob("*.yaml")):
            try:
                texts.append((str(path), path.read_text(encoding="utf-8")))
            except UnicodeDecodeError as error:
                raise CandorError(
                    "rules.invalid",
                    Problem(f"byte {error.start} is not UTF-8", str(path), "UTF-8 text"),
                ) from None
        own = read(texts, metrics)
    rules = {rule.code: rule for rule in (*shipped(), *own)}
    return tuple(rules[code] for code in sorted(rules))


def read(
    texts: Iterable[tuple[str, str]], metrics: Collection[str] = ()
) -> tuple[Rule, ...]:  # fmt: skip
    """Rules from (name of file, text), one rule a file.

    Raises:
        CandorError: ``rules.invalid`` with every problem.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[str, Rule]] = {}
    for name, text in texts:
        rule = _one(name, text, metrics, problems)
        if rule is None:
            continue
        if rule.code in found:
            first = found[rule.code][0]
            problems.append(Problem(f"rule '{rule.code}' is also in {first}", name))
        found.setdefault(rule.code, (name, rule))
    if problems:
        raise CandorError("rules.invalid", problems)
    return tuple(rule for _, rule in found.values())


def _one(name: str, text: str, metrics: Collection[str], problems: list[Problem]) -> Rule | None:
    try:
        root = yaml.compose(text, Loader=_LOADER)
        raw = yaml.load(text, Loader=_LOADER)  # noqa: S506 — a safe loader in either case
    except yaml.YAMLError as error:
        problems.append(Problem(" ".join(str(error).split()), name, "YAML"))
        return None
    if not isinstance(raw, dict) or root is None:
        problems.append(Problem("a rule is not a list of keys", f"{name}:1", "`code: …` and more"))
        return None
    try:
        rule = Rule.model_validate(raw)
    except ValidationError as error:
        problems += [_problem(name, root, dict(detail)) for detail in error.errors()]
        return None
    for metric in rule.metrics:
        if metrics and metric not in metrics:
            where = f"{name}:{_line(root, ('when',))}: when"
            problems.append(
                Problem(f"unknown metric '{metric}'", where, "", nearest(metric, sorted(metrics)))
            )
    problems += _failed_cases(name, root, rule)
    return rule


def _failed_cases(name: str, root: yaml.Node, rule: Rule) -> list[Problem]:
    """Cases that do not come out as they say."""
    problems = []
    for at, case in enumerate(rule.cases):
        answers = rule.answers(case.board(), TOTAL)
        fires = answers is not None and all(a.distance > 1.96 for a in answers)
        if fires != case.fires:
            line = _line(root, ("cases", at))
            said = "fires" if fires else "does not fire"
            problems.append(Problem(f"case '{case.title}' {said}", f"{name}:{line}: cases"))
    return problems


def _condition(item: Any) -> Any:
    if not isinstance(item, Mapping) or len(item) != 1:
        raise ValueError(f"a condition is one of {', '.join((*KINDS, 'any'))} with its fields")
    kind, fields = next(iter(item.items()))
    if kind == "any":
        return conditions.AnyOf(conditions=tuple(_condition(one) for one in fields or ()))
    if kind not in KINDS:
        raise ValueError(f"unknown condition '{kind}'; {nearest(str(kind), (*KINDS, 'any'))}")
    try:
        return KINDS[kind].model_validate(fields)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, d['loc'])) or kind}: {str(d['msg']).removeprefix('Value error, ')}"
            for d in error.errors()
        )
        raise ValueError(f"in `{kind}`: {told}") from None


def _problem(name: str, root: yaml.Node, detail: dict[str, Any]) -> Problem:
    location = tuple(detail["loc"])
    key = ".".join(str(part) for part in location)
    where = f"{name}:{_line(root, location)}" + (f": {key}" if key else "")
    if detail["type"] == "extra_forbidden":
        known = tuple(Rule.model_fields)
        return Problem(
            f"unknown key '{location[-1]}'", where, "", nearest(str(location[-1]), known)
        )
    if detail["type"] == "missing":
        return Problem(f"'{location[-1]}' is missing", where, f"a value for {location[-1]}")
    return Problem(str(detail["msg"]).removeprefix("Value error, "), where)


def _line(root: yaml.Node, location: tuple[Any, ...]) -> int:
    """Line of the deepest part of a location that the text holds."""
    node, line = root, root.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _interval(point: float, half: float) -> Interval:
    return Interval(point, point - half, point + half)

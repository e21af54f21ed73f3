"""Reads rule files: those shipped in ``rules/`` and a user's own, every mistake at once with its line.

A shipped file holds one rule with all its versions, newest last. A user's file holds one version and
may extend a rule. Lines after a constant True can never be reached and are refused, as is a list
that does not end with one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from candor.errors import CandorError, Problem, nearest
from candor.resolution.columns import LABELS
from candor.resolution.expression import Condition, ExpressionError, anchor, condition
from candor.resolution.rule import BASES, VERDICTS, Line, Rule, RuleText

NONE_PUBLISHED = ("Decagon", "Sierra", "Freshworks", "Google", "Genesys")
"""Vendors for whom no public rule was found (2026-11); nothing is invented for them."""


@cache
def shipped() -> Mapping[str, tuple[Rule, ...]]:
    """Every shipped rule by id, its versions oldest first, in the order of the files' names."""
    found: dict[str, tuple[Rule, ...]] = {}
    folder = files("candor.resolution").joinpath("rules")
    named = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda i: i.name
    )
    texts: dict[str, list[dict[str, Any]]] = {}
    for item in named:
        document = yaml.safe_load(item.read_text(encoding="utf-8"))
        shared = {key: value for key, value in document.items() if key != "versions"}
        texts[document["id"]] = [{**shared, **version} for version in document["versions"]]
    for name, versions in texts.items():
        rules = []
        for version in versions:
            problems: list[Problem] = []
            rule = _rule(_extended(version, texts), name, {}, problems, is_contract=False)
            if rule is None or problems:
                raise CandorError("rules.invalid", problems)
            rules.append(rule)
        found[name] = tuple(rules)
    return found


def current() -> dict[str, Rule]:
    """The newest version of every shipped rule, by id."""
    return {name: versions[-1] for name, versions in shipped().items()}


def read(path: Path) -> Rule:
    """A user's rule.

    Raises:
        CandorError: ``rules.missing``, ``rules.syntax`` or ``rules.invalid`` with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CandorError(
            "rules.missing", Problem("there is no such file", str(path), "a rule file (YAML)")
        ) from None
    except UnicodeDecodeError as error:
        raise CandorError(
            "rules.syntax", Problem(f"byte {error.start} is not UTF-8", str(path), "UTF-8 text")
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CandorError(
            "rules.syntax", Problem(" ".join(str(error).split()), str(path), "YAML")
        ) from None
    if not isinstance(raw, dict) or root is None:
        raise CandorError(
            "rules.invalid", Problem("the file is no rule", f"{path}:1", "`id: …`, `decide: …`")
        )
    lines = _lines(root)
    problems: list[Problem] = []
    parent = raw.get("extends")
    if parent is not None and parent not in shipped():
        where = f"{path}:{lines.get('extends', 1)}: extends"
        problems.append(
            Problem(
                f"there is no rule '{parent}'", where, "", nearest(str(parent), sorted(shipped()))
            )
        )
        raise CandorError("rules.invalid", problems)
    if parent is not None:
        inherited = shipped()[parent][-1].text.model_dump(exclude={"extends", "version", "id"})
        raw = {**inherited, **raw}
    rule = _rule(raw, str(path), lines, problems, is_contract=True)
    if rule is None or problems:
        raise CandorError("rules.invalid", problems)
    return rule


def _extended(version: dict[str, Any], texts: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    parent = version.get("extends")
    return version if parent is None else {**texts[parent][-1], **version}


def _lines(root: yaml.Node) -> dict[str, int]:
    """Line of every key, and of each entry of ``decide`` as ``decide.<n>`` from 0."""
    found: dict[str, int] = {}
    if not isinstance(root, yaml.MappingNode):
        return found
    for key, value in root.value:
        found[key.value] = key.start_mark.line + 1
        if key.value == "decide" and isinstance(value, yaml.SequenceNode):
            for number, entry in enumerate(value.value):
                found[f"decide.{number}"] = entry.start_mark.line + 1
    return found


def _rule(
    raw: dict[str, Any], where: str, lines: Mapping[str, int], problems: list[Problem],
    *, is_contract: bool,
) -> Rule | None:  # fmt: skip
    def at(key: str) -> str:
        return f"{where}:{lines[key]}: {key}" if key in lines else f"{where}: {key}"

    dated = {key: str(v) if isinstance(v, date) else v for key, v in raw.items()}
    try:
        text = RuleText.model_validate(dated)
    except ValidationError as error:
        problems += [_invalid(item, at) for item in error.errors()]
        return None
    denominator = evaluate_at = None
    try:
        denominator = condition(text.denominator)
    except ExpressionError as error:
        problems.append(Problem(str(error), at("denominator")))
    try:
        evaluate_at = anchor(text.evaluate_at)
    except ExpressionError as error:
        problems.append(Problem(str(error), at("evaluate_at")))
    decided = tuple(_decided(text, at, problems, is_contract=is_contract))
    judge = tuple(_judge(text, at, problems))
    if (
        any(line.verdict == "J" for line in decided)
        and not judge
        and text.after is None
        and not is_contract
    ):
        problems.append(Problem("verdict J without judge_then", at("decide"), "judge_then: …"))
    if problems or denominator is None or evaluate_at is None:
        return None
    return Rule(text, denominator, evaluate_at, decided, judge, is_contract)


def _invalid(item: Any, at: Any) -> Problem:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location[:2]) if location[0] == "decide" else location[0]
    if item["type"] == "extra_forbidden":
        fix = nearest(location[-1], sorted(RuleText.model_fields))
        return Problem(f"unknown key '{location[-1]}'", at(key), "", fix)
    if item["type"] == "missing":
        return Problem(f"'{location[-1]}' is missing", at(key), f"a value for {location[-1]}")
    return Problem(str(item["msg"]), at(key))


def _decided(
    text: RuleText, at: Any, problems: list[Problem], *, is_contract: bool
) -> Iterator[Line]:
    ended = False
    for number, (written, verdict, basis) in enumerate(text.decide):
        place = at(f"decide.{number}")
        if ended:
            problems.append(Problem("this line can never be reached", place, "no line after True"))
        if verdict not in VERDICTS:
            expected = f"one of {', '.join(VERDICTS)}"
            problems.append(
                Problem(f"unknown verdict '{verdict}'", place, expected, nearest(verdict, VERDICTS))
            )
        if not is_contract and basis not in BASES:
            problems.append(
                Problem(f"unknown basis '{basis}'", place, f"one of {', '.join(BASES)}")
            )
        try:
            parsed = condition(written)
        except ExpressionError as error:
            problems.append(Problem(str(error), place))
            continue
        ended = ended or parsed.constant is True
        yield Line(parsed, verdict, basis)
    if not ended:
        problems.append(
            Problem(
                "the list does not end with True", at("decide"), "`- [True, …]` as the last line"
            )
        )


def _judge(
    text: RuleText, at: Any, problems: list[Problem]
) -> Iterator[tuple[str, Condition | None]]:
    labels = {name: f"l.{name}" for name in LABELS}
    for verdict, written in text.judge_then.items():
        if verdict not in VERDICTS:
            problems.append(Problem(f"unknown verdict '{verdict}'", at("judge_then")))
        if written == "otherwise":
            yield verdict, None
            continue
        try:
            yield verdict, condition(written, labels)
        except ExpressionError as error:
            problems.append(Problem(str(error), at("judge_then")))

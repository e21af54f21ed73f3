"""Method of the candor index: gathers its components; policy and arithmetic stand in ``verdicts.index``.

A component that policy weights by intent is reckoned from its cells by intent, each unit with the
value and the risk that ``intents.yaml`` gives its intent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from candor.answers.derived import Ask, Figure, method
from candor.estimates import Estimate
from candor.verdicts import index
from candor.verdicts.index import Score

INTENT = "intent_id"


def composed(given: Mapping[str, Any]) -> Figure:
    """The index of ``scores`` (metric to point, low, high); ``before`` those of the period before.

    ``policy`` is the version of the policy that the definition belongs to.

    Raises:
        ValueError: the policy has another version than the definition.
    """
    chosen = index.policy()
    if chosen.version != given["policy"]:
        raise ValueError(f"the policy is version {chosen.version}, not {given['policy']}")
    before = given.get("before")
    found = index.candor_index(
        _scores(given["scores"]), None if before is None else _scores(before),
        seed=given["seed"], level=given.get("level", 0.95),
    )  # fmt: skip
    components = len(chosen.goals)
    return Figure.of(
        found.index.found, eligible=components,
        observed=components - len(found.index.missing), detail=found.detail(),
    )  # fmt: skip


@method("candor_index", pure=composed, breakdown="each")
def candor_index(ask: Ask) -> list[Figure]:
    """Components between frozen goalposts: arithmetic within a pillar, geometric across, capped."""
    earlier = ask.before()
    since, until = ask.period.since, ask.period.until
    where = ",".join(f"{name}={value}" for name, value in sorted(ask.where.items()))
    return [
        composed(
            {
                **ask.params, "level": ask.level, "scores": _asked(ask, ask.period),
                "before": None if earlier is None else _asked(ask, earlier),
                "seed": f"{ask.definition.id} {since} {until} {where}".strip(),
            }
        )
    ]  # fmt: skip


def _asked(ask: Ask, period: Any) -> dict[str, Score]:
    found = {}
    for goal in index.policy().goals:
        if goal.by_intent:
            found[goal.metric] = _by_intent(ask, goal.metric, period)
        else:
            found[goal.metric] = _score(ask.one(goal.metric, period=period))
    return found


def _by_intent(ask: Ask, role: str, period: Any) -> Score:
    weights: dict[str | None, float] = {
        intent.intent_id: index.intent_weight(intent.unit_value, intent.risk)
        for intent in ask.reckoner.answers.workspace.intents()
    }
    plain = ask.one(role, period=period)
    if plain.refusal is not None:
        return _score(plain)
    found = index.weighted(
        ask.cells(role, by=(INTENT,), period=period), weights,
        unit=ask.counted(role).measured_in, level=ask.level, thresholds=ask.thresholds,
    )  # fmt: skip
    return Score(found.point, found.low, found.high, found.n_eff, found.k_eff)


def _score(estimate: Estimate) -> Score:
    return Score(estimate.point, estimate.low, estimate.high, estimate.n_eff, estimate.k_eff)


def _scores(written: Mapping[str, Any]) -> dict[str, Score]:
    """Scores as they are, or as a worked example writes them: ``[point, low, high]``."""
    return {
        name: one if isinstance(one, Score) else Score(one[0], one[1], one[2], 100.0, 50.0)
        for name, one in written.items()
    }

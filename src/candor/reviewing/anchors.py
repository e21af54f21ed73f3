"""Whether a judge still answers as it did: fixed conversations, asked anew whenever it is asked anything.

The first time they are asked twice, which shows how often the judge disagrees with itself. Later
answers that differ more often than that (chance below 0.00135, three sigma) mean that the model has
changed under its name: from then on it is another machine, named so in its version, and its labels
are never pooled with the earlier ones. Nothing of this is remembered among the answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scipy import special

from candor.reviewing.asking import Asking, SkippedError
from candor.scorers.judges import probes
from candor.scorers.judges.answer import JudgeError, check
from candor.scorers.judges.prompt import build
from candor.scorers.judges.rubric import Rubric

FILE = "anchors.json"
LIMIT = 0.00135
_LEAST_NOISE = 0.02
Answers = dict[str, bool | None]


def look(store: Path, name: str, rubric: Rubric, key: bytes, asking: Asking) -> list[str]:
    """Ask the anchors and hold them against the first time; sets ``asking.changes``.

    Args:
        store: file in which answers of every judge are kept.
        name: judge and epoch.
        rubric: what is asked.
        key: secret of the workspace.
        asking: the judge.

    Returns:
        What to know of this judge, in words; empty when it answers as before.
    """
    kept: dict[str, Any] = json.loads(store.read_text("utf-8")) if store.exists() else {}
    now = _answers(rubric, key, asking)
    if now is None:
        asking.changes = int(kept.get(name, {}).get("changes", 0))
        return ["anchors_not_answered"]
    answers, model = now
    before = kept.get(name)
    notes: list[str] = []
    if before is None or before["model"] != model:
        again = _answers(rubric, key, asking)
        if again is None:
            return ["anchors_not_answered"]
        noise = max(_LEAST_NOISE, _differing(answers, again[0]) / len(answers))
        before = {"model": model, "noise": noise, "changes": 0, "answers": answers}
    else:
        changed = _differing(before["answers"], answers)
        if changed and special.bdtrc(changed - 1, len(answers), before["noise"]) < LIMIT:
            before |= {"changes": before["changes"] + 1, "answers": answers}
            notes.append(f"changed_under_its_name: {changed} of {len(answers)} anchors")
    asking.changes = int(before["changes"])
    store.parent.mkdir(parents=True, exist_ok=True)
    part = store.with_suffix(".part")
    part.write_text(json.dumps({**kept, name: before}, sort_keys=True, indent=1), "utf-8")
    part.replace(store)
    return notes


def _answers(rubric: Rubric, key: bytes, asking: Asking) -> tuple[Answers, str] | None:
    """Verdicts by conversation and criterion, and the model; None where one of them failed."""
    found: Answers = {}
    model = ""
    asking.changes = 0
    try:
        for at, lines in enumerate(probes.talks()):
            prompt = build(rubric, lines, key)
            text, model = asking.anew(prompt, 0)
            for name, verdict in check(text, rubric, prompt).items():
                found[f"{at}/{name}"] = verdict.answer
    except (JudgeError, SkippedError):
        return None
    return found, model


def _differing(one: Answers, other: Answers) -> int:
    return sum(one[name] != other.get(name) for name in one)

"""How a configured judge is asked: remembered answers first, new ones within the budget, all of it counted."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from candor.errors import CandorError, Problem, nearest
from candor.scorers.judges.answer import JudgeError
from candor.scorers.judges.client import TRIES, Client, Endpoint, Reply
from candor.scorers.judges.memory import Memory, answer_key
from candor.scorers.judges.prompt import Line, Prompt, build, digest, suspected, withheld
from candor.scorers.judges.rubric import Rubric
from candor.settings import JudgeSection
from candor.workspace import Workspace

_FREE = ("rate_limited", "http_error", "unreachable")
"""Failures for which nobody is charged."""
CHANGED = "~changed"
"""Stands in the name of a model that changed under its name, with how often it did."""


class SkippedError(Exception):
    """Nothing was asked, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Tally:
    """Answers asked for, and answers known from before."""

    calls: int = 0
    remembered: int = 0


class Asking:
    """Gets answers of one judge.

    Args:
        name: of the judge.
        settings: its section.
        endpoint: where it is.
        epoch: of its prompt, rubric and decoding.
        client: sends.
        memory: what was answered before, and money spent.
        tally: counts.
    """

    def __init__(
        self, name: str, settings: JudgeSection, endpoint: Endpoint, epoch: str, client: Client,
        memory: Memory, tally: Tally,
    ) -> None:  # fmt: skip
        self._name, self._settings, self._endpoint = name, settings, endpoint
        self._epoch, self._client, self._memory = epoch, client, memory
        self._tally, self._lock = tally, threading.Lock()
        self.repeats = settings.repeats
        self.changes = 0
        """How often the model was seen to change under its name."""

    def __call__(self, prompt: Prompt, repeat: int) -> tuple[str, str]:
        """Text of the answer and the model that gave it, remembered or new.

        Raises:
            SkippedError: the budget is spent, or the endpoint fails all the time.
            JudgeError: no usable answer came.
        """
        key = self._key(prompt, repeat)
        known = self._memory.known(key)
        if known is not None:
            with self._lock:
                self._tally.remembered += 1
            return known.text, known.model
        reply = self._sent(prompt)
        self._memory.remember(key, reply)
        return reply.text, reply.model

    def anew(self, prompt: Prompt, _repeat: int) -> tuple[str, str]:
        """The same, without what is remembered and without remembering."""
        reply = self._sent(prompt)
        return reply.text, reply.model

    def knows(self, rubric: Rubric, lines: Sequence[Line], key: bytes) -> bool:
        """Whether a conversation would be graded from memory alone."""
        return all(self._memory.known(name) is not None for name in self._keys(rubric, lines, key))

    def forget(self, rubric: Rubric, lines: Sequence[Line], key: bytes) -> bool:
        """Drop what is remembered of a conversation; whether there was anything."""
        found = False
        for name in self._keys(rubric, lines, key):
            found |= self._memory.known(name) is not None
            self._memory.forget(name)
        return found

    def _keys(self, rubric: Rubric, lines: Sequence[Line], key: bytes) -> list[str]:
        forms = [tuple(lines)] + ([withheld(lines)] if suspected(lines) else [])
        return [
            self._key(build(rubric, form, key), repeat)
            for form in forms for repeat in range(self.repeats)
        ]  # fmt: skip

    def _key(self, prompt: Prompt, repeat: int) -> str:
        return answer_key(self._endpoint, self._epoch, prompt, repeat)

    def _sent(self, prompt: Prompt) -> Reply:
        if self._client.circuit.is_open:
            raise SkippedError("circuit_open")
        # Every try may be charged, whether its answer arrives or not.
        worst = worst_cost(prompt, self._settings) * TRIES
        reserved = self._memory.reserve(self._name, worst, self._settings.budget)
        if reserved is None:
            raise SkippedError("budget")
        with self._lock:
            self._tally.calls += 1
        try:
            reply = self._client.ask(prompt.system, prompt.user)
        except JudgeError as error:
            if error.reason in _FREE:
                self._memory.settle(reserved, 0.0)
            raise
        if reply.tokens_in is not None and reply.tokens_out is not None:
            self._memory.settle(reserved, cost(reply.tokens_in, reply.tokens_out, self._settings))
        return (
            replace(reply, model=f"{reply.model}{CHANGED}{self.changes}") if self.changes else reply
        )


def settings_of(workspace: Workspace, name: str) -> JudgeSection:
    """The section of a judge.

    Raises:
        CandorError: ``judge.unknown``.
    """
    judges = workspace.settings.judges
    if name not in judges:
        raise CandorError(
            "judge.unknown",
            Problem(f"no judge is called '{name}'", str(workspace.config_path),
                    f"a section [judges.{name}]", nearest(name, sorted(judges))),
            exit_code=2,
        )  # fmt: skip
    return judges[name]


def endpoint_of(settings: JudgeSection) -> Endpoint:
    """Where a judge is, with its key of the environment."""
    return Endpoint(
        settings.url, settings.model, os.environ.get(settings.key_env, ""), settings.temperature,
        settings.max_tokens, settings.timeout_seconds,
    )  # fmt: skip


def epoch_of(rubric: Rubric, settings: JudgeSection) -> str:
    """What makes one machine of a model: prompt, rubric, decoding, repeats."""
    told = (
        digest(rubric), rubric.digest, repr(settings.temperature), str(settings.max_tokens),
        str(settings.repeats),
    )  # fmt: skip
    return hashlib.sha256("\x1f".join(told).encode()).hexdigest()[:8]


def worst_of_case(
    rubric: Rubric, lines: Sequence[Line], key: bytes, settings: JudgeSection
) -> float:
    """Most that grading a conversation can cost."""
    times = settings.repeats * (2 if suspected(lines) else 1)
    return times * worst_cost(build(rubric, lines, key), settings)


def worst_cost(prompt: Prompt, settings: JudgeSection) -> float:
    """Most that a call can cost: no token is shorter than a byte."""
    size = len(prompt.system.encode()) + len(prompt.user.encode())
    return cost(size, settings.max_tokens, settings)


def cost(tokens_in: int, tokens_out: int, settings: JudgeSection) -> float:
    """Price of a call in the currency of the section."""
    return (tokens_in * settings.price_in + tokens_out * settings.price_out) / 1e6

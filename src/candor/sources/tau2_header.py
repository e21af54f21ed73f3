"""The parts of a τ²-bench result that stand once for all its simulations.

Only this module opens a result file for its header: agent, policy, grader and tickets. Parts that
are absent stay None. The simulations themselves are read by ``tau2_bench``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources import benchmark
from candor.sources.base import FileRefused
from candor.sources.readers import json_array


@dataclass(frozen=True, slots=True)
class Header:
    """What a result file says once for all its simulations."""

    file: str
    model: str | None
    implementation: str
    domain: str | None
    policy: str | None
    commit: str | None
    has_customer: bool
    tickets: Mapping[str, str]
    tick_ms: int | None = None


def header_of(whole: dict[str, Any], file: str) -> Header:
    """What the file says of agent, policy, grader and tickets; absent parts stay None."""
    info = _object(whole, "info")
    agent, environment = _object(info, "agent_info"), _object(info, "environment_info")
    policy = environment.get("policy")
    tickets = {
        str(task.get("id")): str(task["ticket"])
        for task in whole.get("tasks") or []
        if isinstance(task, dict) and task.get("ticket")
    }
    implementation = str(agent.get("implementation") or "agent")
    return Header(
        file=file,
        model=agent.get("llm"),
        implementation=implementation,
        domain=environment.get("domain_name"),
        policy=benchmark.short_hash(policy) if isinstance(policy, str) else None,
        commit=info.get("git_commit"),
        has_customer=_object(info, "user_info").get("implementation") != "dummy_user",
        tickets=tickets,
        tick_ms=_milliseconds(_object(info, "audio_native_config").get("tick_duration_seconds")),
    )


def _milliseconds(seconds: Any) -> int | None:
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return round(seconds * 1000) or None if is_number else None


def _object(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def index_beside(path: Path) -> Path:
    """The results file of the folder form that a simulation belongs to.

    Raises:
        FileRefused: HEADER_MISSING.
    """
    folder = path.parent.parent
    for name in ("results.json", "results.json.gz"):
        if (folder / name).is_file():
            return folder / name
    raise FileRefused(
        ReasonCode.HEADER_MISSING,
        f"there is no results.json beside {path.parent.name}/",
        "the run's folder as the benchmark wrote it",
        "put results.json back, or give the single-file form",
    )


def load(path: Path) -> dict[str, Any]:
    """The top level of a result file without its simulations.

    Raises:
        FileRefused: as the JSON reader; TYPE_MISMATCH when it lacks ``info``.
    """
    top = json_array.top_level(path, ("info", "tasks"))
    if "info" not in top:
        raise FileRefused(
            ReasonCode.TYPE_MISMATCH,
            f"{path.name} holds no info",
            "an object with info, tasks and simulations",
            "a JSON list of runs is τ-bench: use connector tau_bench",
        )
    return top

"""τ-bench result files: a JSON list of graded runs, as ``.json`` or ``.json.gz``.

Only this module knows the τ-bench shape. One run is one record and one thread, named
``<file>:<task_id>:<trial>``. The file holds no times, so the clock is synthetic: item *i* of a
trajectory stands *i* minutes after the thread's base, and bases lie eight days apart by
(trial, task), longer than any return window. Every thread carries ``synthetic_time``.

A run without ``reward_info`` was cut off at the step limit and never graded: it gets no
confirmation, and is closed by the system (reason automation). The customer spoke last in all of
them: what an assistant writes beside a tool call never reaches the customer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from candor.sources import benchmark
from candor.sources.base import (
    EventDict,
    Notes,
    RawRecord,
    RecordRefused,
    Source,
    SourceOptions,
)
from candor.sources.configured import check_settings
from candor.sources.instants import DAY, MINUTE, of_iso
from candor.sources.readers import counters, json_array
from candor.sources.readers.paths import files_under

SETTINGS = ("ai_agent_id", "grader_version")
_KNOWN = frozenset(("task_id", "trial", "reward", "info", "traj"))
_FIRST_BASE = of_iso("2001-01-01T00:00:00Z", "base")
_SPACING = 8 * DAY
_TASKS_A_TRIAL = 125
_SLOTS = 1100


@dataclass(frozen=True, slots=True)
class Run:
    """One element of a result file, with the name of the file it came from."""

    file: str
    body: Any


class TauBench(Source):
    """Reads τ-bench result files."""

    name: ClassVar[str] = "tau_bench"
    title: ClassVar[str] = "τ-bench result files"
    record_unit: ClassVar[str] = "run"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """``*.json`` and ``*.json.gz`` under the paths, by name."""
        check_settings(options, SETTINGS)
        return files_under(paths, benchmark.RESULT_FILES)

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:  # noqa: ARG002
        """One record per element of the list."""
        return with_file(json_array.read(path), benchmark.stem(path))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one run, in trajectory order."""
        body = benchmark.object_of(value.body, "run")
        return _Dialogue(value.file, body, options.settings, notes).events()

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Elements of the list."""
        return counters.count_elements(path)


def with_file(records: Iterable[RawRecord], file: str) -> Iterator[RawRecord]:
    """The same records, their values joined with the file's name."""
    for record in records:
        value = None if record.reason else Run(file, record.value)
        yield RawRecord(record.number, record.ref, record.raw, value, record.reason, record.detail)


def base_of(task_id: Any, trial: Any) -> int:
    """Epoch microseconds at which the thread of a task and trial begins on the synthetic clock.

    Different for all tasks below 125 of up to eight trials; other ids are placed by their hash.
    """
    if isinstance(task_id, int) and isinstance(trial, int) and task_id >= 0 and trial >= 0:
        slot = trial * _TASKS_A_TRIAL + task_id
    else:
        slot = int(benchmark.short_hash(f"{task_id}:{trial}"), 16)
    return _FIRST_BASE + (slot % _SLOTS) * _SPACING


class _Dialogue:
    """One run being turned into events."""

    def __init__(
        self, file: str, run: dict[str, Any], settings: Mapping[str, Any], notes: Notes
    ) -> None:
        self.file = file
        self.run = run
        self.settings = settings
        self.notes = notes
        self.task_id = benchmark.required(run, "task_id")
        self.trial = benchmark.required(run, "trial")
        self.thread = f"{file}:{self.task_id}:{self.trial}"
        self.items = benchmark.list_of(run.get("traj"), "traj")
        self.info = benchmark.object_of(run.get("info"), "info")
        self.base = base_of(self.task_id, self.trial)
        self.results = {
            str(item["tool_call_id"]): position
            for position, item in enumerate(self.items)
            if isinstance(item, dict) and item.get("tool_call_id") is not None
        }
        self.handed_over = False
        self.closed = False
        policy = "\n".join(
            str(item.get("content") or "")
            for item in self.items
            if isinstance(item, dict) and item.get("role") == "system"
        )
        self.release = f"policy-{benchmark.short_hash(policy)}" if policy else None

    def at(self, position: int) -> int:
        """Synthetic instant of an item of the trajectory."""
        return self.base + position * MINUTE

    def event(self, type_: str, position: int, **fields: Any) -> EventDict:
        """An event of this thread at an item, marked as synthetic in time."""
        return {
            "type": type_,
            "thread_id": self.thread,
            "occurred_at": self.at(position),
            "synthetic_time": True,
            **fields,
        }

    def events(self) -> Iterator[EventDict | RecordRefused]:
        """Conversation, then one event per item, then how the run ended."""
        yield self.conversation()
        for position, item in enumerate(self.items):
            try:
                yield from self.of_item(position, benchmark.object_of(item, f"traj[{position}]"))
            except RecordRefused as refused:
                yield refused
        yield from self.ending()

    def conversation(self) -> EventDict:
        """The thread itself."""
        task = self.info.get("task")
        user = task.get("user_id") if isinstance(task, dict) else None
        agent = self.settings.get("ai_agent_id", self.file)
        return self.event(
            "conversation",
            0,
            started_at=self.base,
            ended_at=self.at(max(len(self.items) - 1, 0)),
            channel="chat",
            direction="inbound",
            # Each file is an experiment of its own: the same persona in another file is no return.
            customer_id=f"{self.file}:{user}" if user else None,
            is_test=False,
            is_spam=False,
            ai_agent_id=agent,
            release=self.release,
            attributes={
                "task_id": str(self.task_id),
                "trial": str(self.trial),
                "simulated": True,
                "synthetic_time": True,
                "graded": self.info.get("reward_info") is not None,
            },
            simulator_cost=self.info.get("user_cost"),
            item_count=len(self.items),
            extra={key: value for key, value in self.run.items() if key not in _KNOWN} or None,
        )

    def of_item(self, position: int, item: dict[str, Any]) -> Iterator[EventDict]:
        """Message, actions and handoff of one item."""
        role = item.get("role")
        if role == "user":
            yield from self.of_customer(position, item)
        elif role == "assistant":
            yield from self.of_assistant(position, item)
        elif role not in {"system", "tool"}:
            self.notes.add("actor_unknown", str(role))

    def of_customer(self, position: int, item: dict[str, Any]) -> Iterator[EventDict]:
        text, marker = benchmark.without_markers(str(item.get("content") or ""))
        if text:
            yield self.message(position, "customer", text, is_public=True)
        if marker and not self.handed_over:
            self.closed = True
            yield self.close(position, "customer", None, marker)

    def of_assistant(self, position: int, item: dict[str, Any]) -> Iterator[EventDict]:
        calls = benchmark.list_of(item.get("tool_calls") or [], f"traj[{position}].tool_calls")
        text = str(item.get("content") or "").strip()
        if text:
            kind = "note" if calls else benchmark.kind_of_text(text)
            yield self.message(
                position, "ai_agent", text, is_public=not calls, kind=kind, release=self.release
            )
        for index, call in enumerate(calls):
            where = f"traj[{position}].tool_calls[{index}]"
            yield self.of_call(position, index, benchmark.object_of(call, where))

    def message(self, position: int, actor: str, text: str, **fields: Any) -> EventDict:
        return self.event(
            "message",
            position,
            message_id=f"{self.thread}:{position:04d}",
            actor=actor,
            text=text,
            **fields,
        )

    def of_call(self, position: int, index: int, call: dict[str, Any]) -> EventDict:
        function = benchmark.object_of(call.get("function"), f"traj[{position}].function")
        name = str(function.get("name") or "")
        answered = self.results.get(str(call.get("id")))
        if name == benchmark.TRANSFER_TOOL:
            self.handed_over = True
            return self.event(
                "handoff",
                position,
                handoff_id=f"{self.thread}:{position:04d}:{index}",
                from_actor="ai_agent",
                to_actor="human_agent",
                reason=None,
                is_planned=False,
                is_failed=False,
                accepted_at=None if answered is None else self.at(answered),
                context=benchmark.summary_of(function.get("arguments")),
            )
        result = "" if answered is None else str(self.items[answered].get("content") or "")
        status = "failed" if result.startswith("Error") else "succeeded"
        return self.event(
            "action",
            position,
            action_id=f"{self.thread}:{position:04d}:{index}",
            actor="ai_agent",
            name=name,
            kind=benchmark.kind_of_tool(name, self.notes),
            # A call without a result was cut off: how it ended is unknown, not a success.
            status=None if answered is None else status,
            **benchmark.argument_shape(function.get("arguments")),
        )

    def close(self, position: int, actor: str, reason: str | None, how: str) -> EventDict:
        return self.event(
            "state_change",
            position,
            change_id=f"{self.thread}:close",
            from_state="open",
            to_state="closed",
            actor=actor,
            reason=reason,
            termination=how,
        )

    def ending(self) -> Iterator[EventDict | RecordRefused]:
        """The end-state check of a graded run, or the forced end of one that was cut off."""
        after = len(self.items)
        version = self.settings.get("grader_version")
        if self.info.get("reward_info") is None:
            self.notes.add("not_graded", "cut off at the step limit")
            if not self.closed and not self.handed_over:
                yield self.close(after, "system", "automation", "step_limit")
            return
        system = f"tau_bench {version}" if version else "tau_bench"
        self.notes.add("grader_version", str(version or "not stated"))
        check = benchmark.verdict(self.thread, self.run.get("reward"), self.at(after), system)
        if isinstance(check, RecordRefused):
            yield check
            return
        yield {**check, "synthetic_time": True, "grader_version": version}

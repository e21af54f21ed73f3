"""τ²-bench result files: one object with ``info``, ``tasks`` and ``simulations``.

Only this module knows the τ²-bench shape, as one ``.json``/``.json.gz`` file or as a folder
(``results.json`` beside ``simulations/``). One simulation is one record and one thread, named
``<file>:<task_id>:<trial>``.

Times are real but written without a zone, so the setting ``zone`` is required. Costs are in US
dollars; an ``agent_cost`` of 0 beside used or uncounted tokens is an unknown price, not a free run;
``user_cost`` pays for the simulated customer and is never a cost of support. A run that the harness
broke off was never checked, whatever reward was written: it gets no confirmation. A run without a
simulated customer has no messages, only the agent's calls; its ticket is the subject. A voice run has
ticks instead of messages (see ``tau2_voice``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from candor.errors import CandorError, Problem, nearest
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
from candor.sources.instants import keep_order, of_iso, zones
from candor.sources.readers import counters, json_array
from candor.sources.readers.paths import files_under
from candor.sources.tau2_header import Header, header_of, index_beside, load
from candor.sources.tau2_voice import Call, call_of

SETTINGS = ("zone", "ai_agent_id")
_KNOWN = frozenset(
    (
        "task_id",
        "trial",
        "start_time",
        "end_time",
        "termination_reason",
        "agent_cost",
        "user_cost",
        "reward_info",
        "messages",
        "ticks",
    )
)
_ENDED_BY = {"user_stop": "customer", "agent_stop": "ai_agent"}
_BROKEN_OFF = frozenset(
    [
        "max_steps",
        "timeout",
        "too_many_errors",
        "agent_error",
        "user_error",
        "infrastructure_error",
        "context_window_exceeded",
        "unexpected_error",
    ]
)
_CHECKS = ("db_check", "env_assertions", "action_checks", "nl_assertions", "communicate_checks")
_MICRO = Decimal("0.000001")
_MILLISECOND = 1000


@dataclass(frozen=True, slots=True)
class Simulation:
    """One simulation with its file's header."""

    header: Header
    body: Any


class Tau2Bench(Source):
    """Reads τ²-bench result files and folders."""

    name: ClassVar[str] = "tau2_bench"
    title: ClassVar[str] = "τ²-bench result files"
    record_unit: ClassVar[str] = "simulation"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """Result files by name; of the folder form, its simulations."""
        check_settings(options, SETTINGS)
        zone_of(options)
        found = files_under(paths, benchmark.RESULT_FILES)
        folders = {path.parent.parent for path in found if path.parent.name == "simulations"}
        return [
            path
            for path in found
            if path.parent not in folders or not path.name.startswith("results.json")
        ]

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:  # noqa: ARG002
        """One record per simulation."""
        if path.parent.name == "simulations":
            index = index_beside(path)
            header = header_of(load(index), benchmark.stem(index.parent))
            source = json_array.read(path)
        else:
            header = header_of(load(path), benchmark.stem(path))
            source = json_array.read(path, key="simulations")
        for record in source:
            value = None if record.reason else Simulation(header, record.value)
            yield RawRecord(
                record.number, record.ref, record.raw, value, record.reason, record.detail
            )

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one simulation, in the order of its messages."""
        body = benchmark.object_of(value.body, "simulation")
        return _Run(value.header, body, options, notes).events()

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Simulations in the file."""
        return counters.count_elements(
            path, None if path.parent.name == "simulations" else "simulations"
        )


def zone_of(options: SourceOptions) -> ZoneInfo:
    """The zone in which the benchmark's machine wrote its times.

    Raises:
        CandorError: ``source.setting`` when the setting is absent or names no zone.
    """
    where = f"[sources.{options.name}.settings] zone"
    zone = options.settings.get("zone")
    if not zone:
        problem = Problem(
            "τ²-bench writes times without a zone, and none is set",
            where,
            "the zone of the machine that ran the benchmark",
            'add zone = "UTC" (or, for example, "America/New_York")',
        )
        raise CandorError("source.setting", problem)
    if zone not in zones():
        hint = nearest(str(zone), sorted(zones()))
        raise CandorError("source.setting", Problem(f"unknown time zone '{zone}'", where, "", hint))
    return ZoneInfo(str(zone))


class _Run:
    """One simulation being turned into events."""

    def __init__(
        self, header: Header, body: dict[str, Any], options: SourceOptions, notes: Notes
    ) -> None:
        self.header = header
        self.body = body
        self.notes = notes
        self.options = options
        self.zone = zone_of(options)
        self.task_id = benchmark.required(body, "task_id")
        self.trial = benchmark.required(body, "trial")
        self.thread = f"{header.file}:{self.task_id}:{self.trial}"
        self.started_at = of_iso(body.get("start_time"), "start_time", self.zone)
        self.ended_at = of_iso(body.get("end_time"), "end_time", self.zone)
        self.call: Call | None = None
        if body.get("ticks") and not body.get("messages"):
            self.call = call_of(benchmark.list_of(body["ticks"], "ticks"), header.tick_ms)
            # The simulator thinks between ticks; the call ends by its own clock.
            self.ended_at = self.started_at + self.call.length * _MILLISECOND
        messages = [] if self.call is not None else body.get("messages")
        self.messages = benchmark.list_of(messages, "messages")
        self.times = keep_order(self._time(item) for item in self.messages)
        self.results = {
            str(item["id"]): position
            for position, item in enumerate(self.messages)
            if isinstance(item, dict) and item.get("role") == "tool" and item.get("id") is not None
        }
        self.handed_over = False
        self.ended_how = str(body.get("termination_reason") or "unknown")
        parts = [header.model, f"policy-{header.policy}" if header.policy else None]
        self.release = "+".join(part for part in parts if part) or None

    def _time(self, item: Any) -> int:
        if isinstance(item, dict) and item.get("timestamp") is not None:
            return of_iso(item["timestamp"], "timestamp", self.zone)
        return self.started_at

    def event(self, type_: str, occurred_at: int, **fields: Any) -> EventDict:
        return {"type": type_, "thread_id": self.thread, "occurred_at": occurred_at, **fields}

    def events(self) -> Iterator[EventDict | RecordRefused]:
        """Conversation, one event per item, then ending and cost."""
        yield self.conversation()
        if self.call is not None:
            yield from self.spoken(self.call)
        for position, item in enumerate(self.messages):
            try:
                whole = benchmark.object_of(item, f"messages[{position}]")
                yield from self.of_item(position, whole)
            except RecordRefused as refused:
                yield refused
        yield from self.ending()
        yield from self.cost()

    def conversation(self) -> EventDict:
        header = self.header
        agent = f"{header.implementation}:{header.domain}" if header.domain else None
        return self.event(
            "conversation",
            self.started_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            channel="chat" if self.call is None else "voice",
            direction="inbound",
            # Trials of a task share their customer; another file is another experiment.
            customer_id=f"{header.file}:{self.task_id}",
            subject=None if header.has_customer else header.tickets.get(str(self.task_id)),
            is_test=False,
            is_spam=False,
            ai_agent_id=self.options.settings.get("ai_agent_id", agent),
            release=self.release,
            attributes={
                "task_id": str(self.task_id),
                "trial": str(self.trial),
                "domain": header.domain,
                "simulated": True,
                "has_customer": header.has_customer,
                "graded": self.is_graded(),
                "termination": self.ended_how,
            },
            simulator_cost=self.body.get("user_cost"),
            item_count=len(self.call.utterances if self.call else self.messages),
            extra=self.rest() or None,
        )

    def rest(self) -> dict[str, Any]:
        """What no field holds, and what was heard beside speech."""
        extra = {key: value for key, value in self.body.items() if key not in _KNOWN}
        if self.call is not None and self.call.noises:
            extra["noises"] = [
                {"kind": one.kind, "start_ms": one.start, "end_ms": one.end}
                for one in self.call.noises
            ]
        return extra

    def spoken(self, call: Call) -> Iterator[EventDict]:
        """The utterances of a voice run, with their times in the call."""
        starts = (self.started_at + one.start * _MILLISECOND for one in call.utterances)
        for position, (one, at) in enumerate(zip(call.utterances, keep_order(starts), strict=True)):
            is_agent = one.side == "ai_agent"
            told = {"action": one.action, "effects": list(one.effects) or None}
            yield self.event(
                "message",
                at,
                message_id=f"{self.thread}:{position:04d}",
                actor=one.side,
                text=one.text,
                is_public=True,
                kind=benchmark.kind_of_text(one.text) if is_agent and one.text else None,
                release=self.release if is_agent else None,
                speech_start_ms=one.start,
                speech_end_ms=one.end,
                extra={key: value for key, value in told.items() if value} or None,
            )

    def of_item(self, position: int, item: dict[str, Any]) -> Iterator[EventDict]:
        role = item.get("role")
        if role not in {"user", "assistant"}:
            if role not in {"system", "tool"}:
                self.notes.add("actor_unknown", str(role))
            return
        actor = "customer" if role == "user" else "ai_agent"
        calls = benchmark.list_of(item.get("tool_calls") or [], f"messages[{position}].tool_calls")
        text, _ = benchmark.without_markers(str(item.get("content") or ""))
        if text:
            kind = "note" if calls else benchmark.kind_of_text(text)
            yield self.event(
                "message",
                self.times[position],
                message_id=f"{self.thread}:{position:04d}",
                actor=actor,
                text=text,
                is_public=not calls,
                kind=kind if actor == "ai_agent" else None,
                release=self.release if actor == "ai_agent" else None,
            )
        for index, call in enumerate(calls):
            where = f"messages[{position}].tool_calls[{index}]"
            yield self.of_call(position, index, benchmark.object_of(call, where), actor)

    def of_call(self, position: int, index: int, call: dict[str, Any], actor: str) -> EventDict:
        name = str(call.get("name") or "")
        answered = self.results.get(str(call.get("id")))
        began = self.times[position] + index
        result = None if answered is None else self.messages[answered]
        identity = f"{self.thread}:{position:04d}:{index:02d}"
        if call.get("requestor") == "user":
            actor = "customer"
        if name == benchmark.TRANSFER_TOOL and actor == "ai_agent":
            self.handed_over = True
            return self.event(
                "handoff",
                began,
                handoff_id=identity,
                from_actor="ai_agent",
                to_actor="human_agent",
                reason=None,
                is_planned=False,
                is_failed=False,
                accepted_at=None if answered is None else self.times[answered],
                context=benchmark.summary_of(call.get("arguments")),
            )
        status = None
        if result is not None:
            said = str(result.get("content") or "")
            status = "failed" if result.get("error") or said.startswith("Error") else "succeeded"
        return self.event(
            "action",
            began,
            action_id=identity,
            actor=actor,
            name=name,
            kind=benchmark.kind_of_tool(name, self.notes),
            status=status,
            **benchmark.argument_shape(call.get("arguments")),
        )

    def is_graded(self) -> bool:
        """Whether any check was run; a run that was broken off is written with reward 0 unchecked."""
        reward = self.body.get("reward_info")
        if not isinstance(reward, dict):
            return False
        return self.ended_how not in _BROKEN_OFF or any(reward.get(key) for key in _CHECKS)

    def ending(self) -> Iterator[EventDict | RecordRefused]:
        actor, reason = _ENDED_BY.get(self.ended_how), None
        if self.ended_how in _BROKEN_OFF:
            actor, reason = "system", "automation"
        elif actor is None:
            self.notes.add("termination_unknown", self.ended_how)
        elif actor == "ai_agent":
            reason = "ai_closed"
        if not self.handed_over:
            yield self.event(
                "state_change",
                max([self.ended_at, *self.times]),
                change_id=f"{self.thread}:close",
                from_state="open",
                to_state="closed",
                actor=actor,
                reason=reason,
                termination=self.ended_how,
            )
        if not self.is_graded():
            self.notes.add("not_graded", self.ended_how)
            return
        reward = self.body["reward_info"]
        basis = "+".join(sorted(map(str, reward.get("reward_basis") or []))) or None
        commit = (self.header.commit or "")[:12] or None
        self.notes.add("grader_version", str(commit or "not stated"))
        system = "tau2_bench" if commit is None else f"tau2_bench {commit}"
        check = benchmark.verdict(self.thread, reward.get("reward"), self.ended_at, system)
        if isinstance(check, RecordRefused):
            yield check
        else:
            yield {**check, "grader_version": commit, "reward_basis": basis}

    def cost(self) -> Iterator[EventDict]:
        amount = self.body.get("agent_cost")
        usages = [
            item.get("usage")
            for item in self.messages
            if isinstance(item, dict) and item.get("role") == "assistant"
        ]
        tokens = sum(
            int(usage.get("prompt_tokens") or 0) + int(usage.get("completion_tokens") or 0)
            for usage in usages
            if isinstance(usage, dict)
        )
        is_counted = bool(usages) and all(isinstance(usage, dict) for usage in usages)
        if amount is None or (amount == 0 and (tokens > 0 or not is_counted)):
            self.notes.add("cost_unknown", str(self.header.model))
            return
        yield self.event(
            "cost",
            self.ended_at,
            cost_id=f"{self.thread}:agent",
            kind="ai_usage",
            quantity=tokens,
            unit="token",
            amount=Decimal(str(amount)).quantize(_MICRO, ROUND_HALF_EVEN),
            currency="USD",
            amount_unrounded=str(amount),
        )

"""What the two benchmark connectors share: end markers, kinds of text, tools, policy hashes.

Only this module decides what an utterance of a benchmark run is. Assumptions, both taken from how
the benchmarks run: text an assistant writes beside a tool call is never shown to the customer, and
a ``###…###`` word of the simulated customer is an instruction to the harness, not speech.

Kind of a public assistant text: ``clarification`` when it ends in a question mark (trailing
quotes, brackets and emphasis ignored), else ``answer``. Nothing is ever a ``greeting``.
"""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from candor.events.reasons import ReasonCode
from candor.sources.base import EventDict, Notes, RecordRefused

RESULT_FILES = ("*.json", "*.json.gz")
TRANSFER_TOOL = "transfer_to_human_agents"
_MARKER = re.compile(r"###([A-Z][A-Z-]*)###")
_TAIL = " \t\r\n*_\"'”’)]"
_SUFFIXES = (".gz", ".jsonl", ".json")

# First word of a tool's name → whether it changes anything. Tools named in _BY_NAME go first.
_LOOKUP = frozenset(
    [
        "calculate",
        "can",
        "check",
        "find",
        "get",
        "list",
        "lookup",
        "read",
        "run",
        "search",
        "show",
        "think",
        "view",
    ]
)
_TRANSACTION = frozenset(
    [
        "add",
        "apply",
        "book",
        "cancel",
        "change",
        "close",
        "connect",
        "create",
        "delete",
        "disable",
        "disconnect",
        "enable",
        "exchange",
        "grant",
        "make",
        "modify",
        "open",
        "pay",
        "reboot",
        "refuel",
        "refund",
        "remove",
        "reset",
        "reseat",
        "resume",
        "return",
        "revoke",
        "send",
        "set",
        "submit",
        "suspend",
        "toggle",
        "transfer",
        "turn",
        "unlock",
        "unseat",
        "update",
    ]
)
_BY_NAME = {"run_speed_test": "lookup", "return_policy": "lookup"}


def stem(path: Path) -> str:
    """File name without ``.json``, ``.jsonl`` and ``.gz``: the first part of every thread id."""
    name = path.name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def short_hash(text: str, length: int = 12) -> str:
    """The first hexadecimal digits of the SHA-256 of a policy text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def without_markers(text: str) -> tuple[str, str | None]:
    """The words spoken, and the last end marker (``STOP``, ``TRANSFER``, …) or None."""
    markers = _MARKER.findall(text)
    return _MARKER.sub("", text).strip(), (markers[-1] if markers else None)


def kind_of_text(text: str) -> str:
    """``clarification`` or ``answer``, by the rule in the module's docstring."""
    return "clarification" if text.rstrip(_TAIL).endswith("?") else "answer"


def kind_of_tool(name: str, notes: Notes) -> str:
    """``lookup`` or ``transaction`` by the name table; an unknown name counts as a transaction.

    The cautious reading: what may have changed something is not taken for a mere look.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    verb = name.partition("_")[0].lower()
    if verb in _LOOKUP:
        return "lookup"
    if verb not in _TRANSACTION:
        notes.add("action_kind_unknown", name)
    return "transaction"


def object_of(value: Any, field: str) -> dict[str, Any]:
    """``value`` as a JSON object.

    Raises:
        RecordRefused: TYPE_MISMATCH.
    """
    if not isinstance(value, dict):
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, field, "an object", repr(value)[:80])
    return value


def list_of(value: Any, field: str) -> list[Any]:
    """``value`` as a JSON list.

    Raises:
        RecordRefused: TYPE_MISMATCH.
    """
    if not isinstance(value, list):
        raise RecordRefused(ReasonCode.TYPE_MISMATCH, field, "a list", repr(value)[:80])
    return value


def required(record: dict[str, Any], key: str) -> Any:
    """The value of a key that identifies the run.

    Raises:
        RecordRefused: ID_MISSING when absent or null.
    """
    value = record.get(key)
    if value is None or value == "":
        raise RecordRefused(ReasonCode.ID_MISSING, key, "a value that identifies the run")
    return value


def argument_shape(arguments: Any) -> dict[str, Any]:
    """Names of a call's arguments and a hash of their values, which may be personal."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return {"arguments_sha256": short_hash(arguments, 64)}
    names = sorted(str(key) for key in arguments) if isinstance(arguments, dict) else []
    text = json.dumps(arguments, sort_keys=True, ensure_ascii=False, default=str)
    return {"argument_names": names, "arguments_sha256": short_hash(text, 64)}


def summary_of(arguments: Any) -> dict[str, Any] | None:
    """The ``summary`` handed over with a transfer, as the handoff's context; None when absent."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return None
    summary = arguments.get("summary") if isinstance(arguments, dict) else None
    return {"summary": summary} if isinstance(summary, str) and summary else None


def verdict(thread: str, reward: Any, occurred_at: int, system: str) -> EventDict | RecordRefused:
    """The end-state check of a graded run; only a full reward confirms."""
    if isinstance(reward, bool) or not isinstance(reward, (int, float, Decimal)):
        return RecordRefused(ReasonCode.TYPE_MISMATCH, "reward", "a number", repr(reward)[:80])
    return {
        "type": "confirmation",
        "confirmation_id": f"{thread}:end_state",
        "thread_id": thread,
        "occurred_at": occurred_at,
        "system": system,
        "kind": "end_state_check",
        "supports": "confirms" if abs(float(reward) - 1) <= 1e-6 else "contradicts",
        "reward": float(reward),
    }

"""Proposes a mapping file from the first rows of files, for the user to check and save.

Everything found here is a guess and is marked ``# check``; nothing is read with it until the user
has saved it. Shows ten parsed rows, so that a wrong guess is seen. Known vendors' exports are sent to
their connectors. ``guesses`` and ``column_names`` hold how formats and columns are recognised.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from candor.errors import CandorError, Problem
from candor.privacy.redaction import Redactor
from candor.sources import column_names, guesses, nesting, vendor_signs
from candor.sources.base import FileRefused
from candor.sources.guesses import Sample
from candor.sources.nesting import Nested
from candor.sources.summaries import looks_aggregated

_SHOWN_ROWS = 10
_CELL_CHARS = 32
_MOST_LEFT = 20
_MESSAGE_TARGETS = (
    "message_id", "thread_id", "occurred_at", "actor", "actor_id", "text", "is_public", "language",
)  # fmt: skip
_THREAD_TARGETS = (
    "thread_id", "started_at", "ended_at", "channel", "customer_id", "subject", "language", "priority",
    "brand", "region",
)  # fmt: skip
_STATES = ("solved_at", "closed_at")
_RECORD = "$record"
_ZONE = "# check: which zone are times without an offset in?"


def propose(files: Sequence[Path]) -> str:
    """The text of a mapping file for ``files``.

    Args:
        files: one or more files of the same shape; the first is looked at.

    Returns:
        YAML with comments, ready to be checked; or, for the export of a known vendor, a comment that
        names the connector to use instead.

    Raises:
        CandorError: ``propose.unreadable`` or ``propose.summary``.
    """
    if not files:
        raise CandorError(
            "propose.unreadable", Problem("no file was named", "", "a file"), exit_code=2
        )
    path = files[0]
    try:
        vendor = vendor_signs.vendor_of(path)
        if vendor:
            return _use_connector(path, vendor)
        sample = nesting.unwrapped(guesses.sample_of(path))
    except FileRefused as refused:
        raise CandorError(
            "propose.unreadable", Problem(refused.what, str(path), refused.expected, refused.fix)
        ) from None
    if looks_aggregated(sample.columns):
        raise CandorError(
            "propose.summary",
            Problem(
                "it is a summary: its columns are rates and counts per period or group", str(path),
                "one row per conversation or message",
                "export the single records; rates cannot be rebuilt from rates",
            ),
        )  # fmt: skip
    return "\n".join(_lines(files, sample)) + "\n"


def _use_connector(path: Path, vendor: str) -> str:
    return (
        f"# {_comment(path.name)} looks like an export that the connector '{vendor}' reads.\n"
        f"# Use it instead of a mapping:\n#   candor ingest {vendor} PATH\n"
    )


def _lines(files: Sequence[Path], sample: Sample) -> list[str]:
    lines = [
        "# A proposal, made from the first rows. Each line marked `# check` is a guess.",
        f"# Looked at: {_comment(files[0].name)}",
        f"# {len(sample.columns)} columns: {_comment(', '.join(sample.columns))}",
        f"# The first {min(len(sample.rows), _SHOWN_ROWS)} rows as they would be read:",
    ]
    shown = sample.rows[:_SHOWN_ROWS]
    texts = [" | ".join(_cell(row.get(name)) for name in sample.columns) for row in shown]
    lines += [f"#   {number:>2}: {text}" for number, text in enumerate(_masked(texts), start=1)]
    lines += ["", f"files: {json.dumps(sorted({path.name for path in files}))}", *_format(sample)]
    flat = nesting.flattened(sample)
    nested = nesting.messages_of(flat)
    lines += _time(flat if nested is None else nested.sample)
    found = guesses.columns_of(flat)
    lines += ["", "emit:"]
    if nested is not None:
        found.setdefault("thread_id", _RECORD)
        lines += _nested(nested, found)
    elif "text" in found or "actor" in found:
        if "occurred_at" not in found and "started_at" in found:
            # In a table of messages the time of creation is the message's.
            found["occurred_at"] = found.pop("started_at")
        lines += _message(flat, found)
    lines += _conversation(flat, found, is_per_message=nested is None)
    for state in _STATES:
        if state in found:
            lines += _state(found, state)
    if "score" in found:
        lines += _survey(flat, found)
    mapped = {*found.values(), *([nested.path] if nested else ())}
    left = [name for name in flat.columns if name not in mapped]
    if left:
        more = f" and {len(left) - _MOST_LEFT} more" if len(left) > _MOST_LEFT else ""
        named = _comment(", ".join(left[:_MOST_LEFT]))
        lines += ["", f"# Not mapped, kept in extra: {named}{more}"]
    return lines


def _format(sample: Sample) -> list[str]:
    pairs = [f"type: {sample.type}"]
    if sample.type == "csv":
        pairs.append(f"delimiter: {json.dumps(sample.delimiter)}")
    if sample.encoding:
        pairs.append(f"encoding: {sample.encoding}")
    if sample.records:
        pairs.append(f"records: {_word(sample.records)}")
    if sample.type in ("csv", "tsv", "xlsx"):
        pairs.append('null_values: [""]')
    seen = f"  # check: {sample.why}" if sample.why else "  # check"
    return [f"format: {{{', '.join(pairs)}}}{seen}"]


def _time(sample: Sample) -> list[str]:
    time = guesses.time_of(sample)
    if time is None:
        return ["# time: no column looked like a time"]
    if time.unit:
        return [f"time: {{unit: {time.unit}}}  # check: numbers such as {_comment(time.example)}"]
    if not time.format:
        if time.has_offset:
            return [f"# Times are ISO 8601 with offset, e.g. {_comment(time.example)}"]
        return [f"time: {{zone: UTC}}  {_ZONE} e.g. {_comment(time.example)}"]
    doubt = (
        f" day or month first? e.g. {time.example}"
        if time.is_ambiguous
        else f" e.g. {time.example}"
    )
    return [f"time: {{format: {json.dumps(time.format)}, zone: UTC}}  {_ZONE}{_comment(doubt)}"]


def _message(sample: Sample, found: dict[str, str]) -> list[str]:
    lines = ["  - type: message"]
    if "message_id" not in found:
        key = [
            found[name] for name in ("thread_id", "occurred_at", "actor", "text") if name in found
        ]
        lines.append(
            f"    key: [{', '.join(_word(name) for name in key)}]  # check: no column looked like an id"
        )
    lines.append("    fields:")
    for target in _MESSAGE_TARGETS:
        if target in found:
            lines += _field(sample, "message", target, found[target])
    for target in ("thread_id", "occurred_at"):
        if target not in found:
            lines.append(f"      # {target}: no column was recognised; it is needed  # check")
    return lines


def _nested(nested: Nested, outer: dict[str, str]) -> list[str]:
    """The messages inside a record, each of them in the record's thread."""
    found = guesses.columns_of(nested.sample)
    if "occurred_at" not in found and "started_at" in found:
        found["occurred_at"] = found.pop("started_at")
    thread = outer["thread_id"]
    above = thread if thread == _RECORD else f"$.{thread}"
    lines = ["  - type: message", f"    for_each: {_word(nested.path)}", "    fields:"]
    if "message_id" not in found:
        told = f"concat({_path(above)}, '/', $index)"
        lines.append(f"      message_id: {{expr: {json.dumps(told, ensure_ascii=False)}}}  # check")
    for target in _MESSAGE_TARGETS:
        if target == "thread_id":
            lines.append(f"      thread_id: {_word(above)}  # check")
        elif target in found:
            lines += _field(nested.sample, "message", target, found[target])
    if "occurred_at" not in found:
        lines.append("      # occurred_at: no column was recognised; it is needed  # check")
    return lines


def _path(text: str) -> str:
    """A path inside an expression."""
    return (
        text if text.replace("$", "").replace(".", "_").replace("_", "a").isalnum() else f"`{text}`"
    )


def _conversation(sample: Sample, found: dict[str, str], *, is_per_message: bool) -> list[str]:
    is_per_message = is_per_message and ("text" in found or "actor" in found)
    lines = ["  - type: conversation"]
    if is_per_message and "thread_id" in found:
        lines.append(f"    once_per: [{_word(found['thread_id'])}]")
    lines.append("    fields:")
    fields = dict(found)
    if is_per_message and "started_at" not in fields and "occurred_at" in fields:
        lines.append(
            f"      started_at: {{column: {_word(fields['occurred_at'])}, take: earliest}}  # check"
        )
    elif "started_at" not in fields and "occurred_at" in fields:
        fields["started_at"] = fields["occurred_at"]
    for target in _THREAD_TARGETS:
        if target in fields:
            lines += _field(sample, "conversation", target, fields[target])
    if "thread_id" not in fields:
        lines.append("      # thread_id: no column was recognised; it is needed  # check")
    return lines


def _state(found: dict[str, str], state: str) -> list[str]:
    column = _word(found[state])
    thread = _word(found.get("thread_id", ""))
    return [
        "  - type: state_change",
        f'    when: "`{found[state]}` is not null"',
        f"    key: [{thread}, {column}]",
        "    fields:",
        f"      thread_id: {thread}",
        f"      occurred_at: {column}",
        f"      to_state: {{constant: {state.removesuffix('_at')}}}  # check",
    ]


def _survey(sample: Sample, found: dict[str, str]) -> list[str]:
    score = found["score"]
    thread = _word(found.get("thread_id", ""))
    values = [guesses.number(row.get(score)) for row in sample.rows]
    highest = max((value for value in values if value is not None), default=5)
    top = next((scale for scale in (1, 5, 7, 10, 100) if highest <= scale), 100)
    opinions = guesses.opinions_of(sample, score)
    if opinions:
        said = [f"{_word(word)}: {column_names.content(word)}" for word in opinions]
        lowest, top = 0, 1
        read = [f"      score: {{column: {_word(score)}, map: {{{', '.join(said)}}}}}  # check"]
    else:
        lowest, read = 1, [f"      score: {_word(score)}"]
    when = found.get("answered_at") or found.get("occurred_at") or found.get("started_at", "")
    return [
        "  - type: survey",
        f'    when: "`{score}` is not null"',
        f"    key: [{thread}]",
        "    fields:",
        f"      thread_id: {thread}",
        f"      occurred_at: {_word(when)}  # check: when the customer answered",
        "      instrument: {constant: csat}  # check",
        *read,
        f"      scale_min: {{constant: {lowest}}}  # check: the lowest possible answer",
        f"      scale_max: {{constant: {top}}}  # check: the highest possible answer",
    ]


def _field(sample: Sample, type_name: str, target: str, column: str) -> list[str]:
    """One field; with a value map of the words seen where the field has a closed list."""
    words = guesses.words_of(sample, column)
    known = column_names.vocabulary(type_name, target)
    if not known or not words:
        return [f"      {target}: {_word(column)}  # check"]
    lines = [f"      {target}:", f"        column: {_word(column)}  # check", "        map:"]
    for word in words:
        meaning = column_names.meaning(word, target, known)
        doubt = "  # check" if meaning else f"  # check: one of {', '.join(map(str, known))}"
        lines.append(f"          {_word(word)}: {_plain(meaning)}{doubt}")
    return lines


def _plain(meaning: Any) -> str:
    if meaning is None:
        return "null"
    return str(meaning).lower() if isinstance(meaning, bool) else str(meaning)


def _word(text: str) -> str:
    """A name as YAML takes it, quoted unless it is plain."""
    is_plain = text.isascii() and text.replace("_", "a").replace(" ", "a").isalnum()
    is_word = is_plain and text == text.strip() and text[:1].isalpha()
    return (
        text
        if is_word and text.lower() not in ("null", "true", "false")
        else json.dumps(text, ensure_ascii=False)
    )


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else "·" for character in text)


def _masked(texts: list[str]) -> list[str]:
    """Rows without personal data: the proposal may end up in version control."""
    redactor = Redactor(secrets.token_bytes(32))
    masked, _ = redactor.column(pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string()))
    return [str(text) for text in masked.to_pylist()]


def _cell(value: Any) -> str:
    text = "" if value is None else _comment(str(value))
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"

"""Files of the user for topics: examples of known intents, and vectors of their own making."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from candor.errors import CandorError, Problem
from candor.scorers.topics.intents import Example
from candor.scorers.topics.questions import Floats

_SHOWN = 20


def read_examples(path: Path) -> list[Example]:
    """Examples of intents, CSV with a header or JSON Lines, with ``text`` and ``intent``.

    Raises:
        CandorError: ``examples.invalid`` with every mistake (the first twenty are told).
    """
    if not path.exists():
        raise CandorError("examples.invalid", Problem("there is no such file", str(path)))
    made: list[Example] = []
    problems = []
    for number, row in _rows(path):
        text, intent = row.get("text"), row.get("intent")
        if isinstance(text, str) and isinstance(intent, str) and intent.strip():
            made.append(Example(text, intent.strip()))
        else:
            problems.append(Problem("this is no example", f"{path}:{number}", "text and intent"))
    if problems:
        raise CandorError("examples.invalid", problems[:_SHOWN])
    return made


def _rows(path: Path) -> Iterable[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            if path.suffix == ".jsonl":
                for number, line in enumerate(lines, start=1):
                    row = json.loads(line) if line.strip() else None
                    if row is not None:
                        yield number, row if isinstance(row, dict) else {}
            else:
                reader = csv.DictReader(lines)
                for row in reader:
                    yield reader.line_num, row
    except (ValueError, csv.Error) as error:
        raise CandorError("examples.invalid", Problem(str(error), str(path))) from None


def read_embeddings(path: Path, wanted: Sequence[str]) -> Floats:
    """Vectors of conversations, in the order asked for; one without a vector is a row of zeros.

    Args:
        path: Parquet with ``conversation_id`` and ``embedding`` (lists of numbers of one length).
        wanted: conversation ids.

    Raises:
        CandorError: ``embeddings.invalid``.
    """
    try:
        table = pq.read_table(path, columns=["conversation_id", "embedding"])
    except (OSError, pa.ArrowException) as error:
        raise _invalid(path, str(error).splitlines()[0]) from None
    vectors = table["embedding"].combine_chunks()
    sizes = {len(one) if one is not None else -1 for one in vectors.to_pylist()}
    if len(sizes) != 1 or min(sizes) < 1:
        raise _invalid(path, "the vectors are not of one length")
    size = sizes.pop()
    flat = np.asarray(vectors.flatten().to_numpy(zero_copy_only=False), np.float64)
    if not np.isfinite(flat).all():
        raise _invalid(path, "a vector holds what is no number")
    rows = flat.reshape(-1, size)
    place = {name: at for at, name in enumerate(table["conversation_id"].to_pylist())}
    if len(place) != len(rows):
        raise _invalid(path, "a conversation_id is there twice")
    made = np.zeros((len(wanted), size))
    for row, one in enumerate(wanted):
        if one in place:
            made[row] = rows[place[one]]
    if not made.any():
        raise _invalid(path, "no vector belongs to a conversation of this workspace")
    return made


def _invalid(path: Path, what: str) -> CandorError:
    return CandorError(
        "embeddings.invalid",
        Problem(what, str(path), "Parquet with conversation_id and embedding"),
    )

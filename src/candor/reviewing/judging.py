"""Runs a configured judge over conversations and appends what it says as assessments.

Every eligible conversation is scored, failed with a reason, or skipped with a reason; there are no
default verdicts. What was answered is remembered, so a second run asks nothing and a broken one goes
on. The epoch (model that answered, prompt, rubric, decoding, repeats) is the assessor's version. A
judge of the graded agent's own family is refused, or carries the fact in its name when allowed.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from candor.engines.duck import DuckEngine
from candor.events import arrow_schema
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.privacy.keys import load_or_create
from candor.reviewing import anchors
from candor.reviewing.asking import (
    Asking,
    SkippedError,
    Tally,
    endpoint_of,
    epoch_of,
    settings_of,
    worst_of_case,
)
from candor.reviewing.labels import DESIGN, FOLDER
from candor.scorers.experience.run import chosen
from candor.scorers.judges import rubric as rubrics
from candor.scorers.judges.answer import JudgeError
from candor.scorers.judges.client import Client
from candor.scorers.judges.family import named
from candor.scorers.judges.grade import Graded, Grades, grade
from candor.scorers.judges.memory import Memory
from candor.scorers.judges.prompt import Line
from candor.scorers.judges.rubric import Rubric
from candor.scorers.run import SOURCE
from candor.workspace import Workspace

_ELIGIBLE_SQL = """
select conversation_key, conversation_id from conversation
where engaged and not is_test and not is_spam and not is_open
order by conversation_id
"""


@dataclass
class Judged(Tally):
    """What a run did.

    Attributes:
        eligible: conversations looked at = scored + failed + skipped.
        failed, skipped: by reason.
        calls, remembered: answers asked for and answers known from before.
        cost: money counted for this judge in all; worst_case: of a run with nothing remembered.
        suspected: conversations with a text that addresses the grader.
        unknown: verdicts left open, by reason ("" the judge says so).
        model: that answered. assessor: name in the assessments. flags: what to know of the judge.
    """

    assessor: str = ""
    eligible: int = 0
    scored: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    worst_case: float = 0.0
    suspected: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    model: str = ""
    flags: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class _Case:
    """One conversation to judge."""

    key: int
    thread_id: str
    at: int
    lines: tuple[Line, ...]


def judge(
    workspace: Workspace,
    name: str,
    *,
    sample: int | None = None,
    queue: str = "",
    dry_run: bool = False,
    again: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Judged:
    """Judge conversations that have ended.

    Args:
        workspace: measured, with a section ``[judges.<name>]``.
        name: of the judge.
        sample: judge so many, drawn by hash; None judges all.
        queue: judge the conversations of this review queue only.
        dry_run: ask nothing; tell what it would cost at worst.
        again: ask anew where a remembered answer could not be used. Else it stays a failure, since
            asking until an answer fits would choose among answers.
        sleep: waits between tries.

    Raises:
        CandorError: ``judge.unknown``, ``judge.same_family``, ``judge.url``, ``rubric.invalid``.
    """
    settings = settings_of(workspace, name)
    rubric = rubrics.load(settings.rubric, workspace.root)
    assessor, flags = named(name, settings)
    report = Judged(assessor=assessor, flags=flags)
    endpoint, epoch = endpoint_of(settings), epoch_of(rubric, settings)
    _, key = load_or_create(workspace.restricted)
    with Lake.open(workspace.root) as lake, DuckEngine() as engine:
        cases, chance = _cases(workspace, lake, engine, sample, queue)
        known = _known(engine, report.assessor)
        report.eligible = len(cases)
        report.worst_case = sum(worst_of_case(rubric, case.lines, key, settings) for case in cases)
        if dry_run:
            report.skipped["dry_run"] = len(cases)
            return report
        memory = Memory(workspace.root / "judges" / "answers.db")
        try:
            with Client(endpoint, sleep=sleep) as client:
                asking = Asking(name, settings, endpoint, epoch, client, memory, report)
                if settings.anchors and any(
                    case.lines and not asking.knows(rubric, case.lines, key) for case in cases
                ):
                    store = workspace.root / "judges" / anchors.FILE
                    report.flags += anchors.look(store, f"{name}/{epoch}", rubric, key, asking)
                with ThreadPoolExecutor(settings.parallel) as pool:
                    graded = list(
                        pool.map(lambda one: _graded(rubric, one, key, asking, again=again), cases)
                    )
            report.cost = memory.spent(name)
        finally:
            memory.close()
        rows = _rows(cases, graded, rubric, epoch, report, chance, known)
        _store(lake, rows, report)
    return report


def _graded(
    rubric: Rubric, case: _Case, key: bytes, asking: Asking, *, again: bool
) -> Grades | JudgeError | SkippedError:
    if not case.lines:
        return SkippedError("no_text")
    try:
        return grade(rubric, case.lines, key, asking, repeats=asking.repeats)
    except JudgeError as error:
        if not again or not asking.forget(rubric, case.lines, key):
            return error
        return _graded(rubric, case, key, asking, again=False)
    except SkippedError as error:
        return error


def _cases(
    workspace: Workspace, lake: Lake, engine: DuckEngine, sample: int | None, queue: str
) -> tuple[list[_Case], float | None]:
    publication = Serving(workspace.serving).current()
    lake.create_views(engine.connection, lake.snapshot(), types=("message", "assessment"))
    quoted = str(publication.facts).replace("'", "''")
    engine.run(f"attach '{quoted}' as published (read_only)")
    engine.run("create temp view conversation as from published.conversation")
    as_of = pa.table({"as_of_us": pa.array([publication.about["as_of_us"]], pa.int64())})
    engine.load("setting", as_of, temporary=True)
    rows = engine.rows(_ELIGIBLE_SQL)
    if queue:
        design = json.loads((workspace.root / FOLDER / queue / DESIGN).read_text(encoding="utf-8"))
        wanted = {one["conversation_id"] for one in design["items"]}
        rows = [row for row in rows if row[1] in wanted]
    chance = None
    if sample is not None and sample < len(rows):
        chance = sample / len(rows)
        rows = sorted(rows, key=lambda row: hashlib.sha256(f"judge:{row[1]}".encode()).digest())
        rows = rows[:sample]
    told, said = chosen(engine, pa.array([row[0] for row in rows], pa.int64()))
    lines: dict[int, list[Line]] = {}
    for row in said.select(["row", "message_id", "actor", "text"]).to_pylist():
        lines.setdefault(row["row"], []).append(Line(row["message_id"], row["actor"], row["text"]))
    cases = [
        _Case(row["conversation_key"], row["thread_id"], row["occurred_at"],
              tuple(lines.get(row["place"], ())))
        for row in told.select(
            ["place", "conversation_key", "thread_id", "occurred_at"]
        ).to_pylist()
    ]  # fmt: skip
    return cases, chance


def _known(engine: DuckEngine, assessor: str) -> dict[str, tuple[int, str]]:
    """Revision and inputs of what this judge said before, by assessment."""
    rows = engine.rows(
        "select assessment_id, revision, extra from ev_assessment"
        f" where assessor_id = '{assessor.replace(chr(39), chr(39) * 2)}'"
    )
    return {name: (int(revision), extra or "") for name, revision, extra in rows}


def _rows(
    cases: Sequence[_Case], graded: Sequence[Grades | JudgeError | SkippedError], rubric: Rubric,
    epoch: str, report: Judged, chance: float | None, known: Mapping[str, tuple[int, str]],
) -> list[dict[str, Any]]:  # fmt: skip
    rows = []
    for case, found in zip(cases, graded, strict=True):
        if isinstance(found, JudgeError):
            report.failed[found.reason] += 1
        elif isinstance(found, SkippedError):
            report.skipped[found.reason] += 1
        else:
            report.scored += 1
            report.model = found.model
            report.suspected += bool(found.suspected)
            for one in found.verdicts:
                if one.answer is None:
                    report.unknown[one.reason] += 1
                row = _row(case, found, one, rubric, epoch, report, chance)
                before = known.get(row["assessment_id"])
                if before is None or before[1] != row["extra"]:
                    rows.append({**row, "revision": 0 if before is None else before[0] + 1})
    return rows


def _row(
    case: _Case, grades: Grades, one: Graded, rubric: Rubric, epoch: str, report: Judged,
    chance: float | None,
) -> dict[str, Any]:  # fmt: skip
    version = f"{grades.model or 'unnamed'}/{epoch}"
    told: dict[str, Any] = {
        "evidence": [
            {"feature": one.criterion, "points": None, "message_id": quote.message_id,
             "quote": quote.quote}
            for quote in one.evidence
        ],
        "agreed": f"{one.agreed}/{one.repeats}",
    }  # fmt: skip
    if one.answer is None:
        told["abstained"] = one.reason or "unknown"
    if grades.suspected:
        told["addresses_the_grader"] = list(grades.suspected)
    if report.flags:
        told["flags"] = report.flags
    inputs = hashlib.sha256(repr((case.lines, one)).encode()).hexdigest()[:32]
    return {
        "source": SOURCE,
        "occurred_at": case.at,
        "observed_at": case.at,
        "extra": json.dumps({"inputs": inputs}, separators=(",", ":")),
        "assessment_id": f"{report.assessor}:{one.criterion}:{case.key}:{version}",
        "thread_id": case.thread_id,
        "assessor_kind": "llm",
        "assessor_id": report.assessor,
        "assessor_version": version,
        "rubric": rubric.label,
        "criterion": one.criterion,
        "label": None if one.answer is None else str(one.answer).lower(),
        "explanation": json.dumps(told, ensure_ascii=False),
        "sampling_probability": chance,
    }


def _store(lake: Lake, rows: Sequence[Mapping[str, Any]], report: Judged) -> None:
    schema = arrow_schema("assessment")
    fresh = [row for row in rows if row["revision"] == 0]
    again = [row for row in rows if row["revision"] > 0]
    report.stored = len(rows)
    for part, is_new in ((fresh, True), (again, False)):
        if not part:
            continue
        table = pa.table(
            {name: pa.array([row.get(name) for row in part], schema.field(name).type)
             for name in schema.names},
            schema=schema,
        )  # fmt: skip
        if is_new:
            lake.append_trusted("assessment", table)
        else:
            numbers = pa.array(np.arange(1, table.num_rows + 1))
            with lake.batch(SOURCE) as batch:
                batch.add("assessment", table.append_column("record_no", numbers))
                batch.commit()

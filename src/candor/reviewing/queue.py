"""Whom to ask people about next: a drawn sample with recorded chances, and blank forms to fill in.

Strata are the machine's verdict × the intent; labels go where verdicts vary (Neyman), a tenth at
random from everything so that any later figure can use them. The draw is by hash and repeats itself.
Forms show no verdict, no stratum and no other labeller: they are blind. A share of the items is asked
of two people. Chances are recorded with the draw and never change. Source: STATISTICS §1.4.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.estimates.sampling import FLOOR, SENTINEL, LabelPlan, draw, label_plan
from candor.lake.serving import Serving
from candor.reviewing import form
from candor.reviewing.labels import DESIGN, FOLDER
from candor.workspace import Workspace

DOUBLE = 0.10
"""Share of the items that two people label: the ceiling of every machine is measured on them."""
_SMALL = 0.05
"""Intents with a smaller share of the conversations are one stratum."""
_GUESSES = {"true": 0.85, "false": 0.15, "unknown": 0.5}
"""Rate guessed behind a verdict until labels say better."""
_ENOUGH = 10
_FRAME_SQL = """
with judged as (
    select
        a.conversation_key,
        max(case when a.assessor_kind = 'human' then lower(a.label) end) as human,
        max(case when a.assessor_kind <> 'human' then lower(a.label) end) as machine,
        count(case when a.assessor_kind = 'human' then 1 end) as humans
    from assessment as a
    where a.criterion = '{criterion}' and a.item_kind = 'conversation' and a.is_latest
    group by a.conversation_key
)

select
    c.conversation_id,
    c.intent_id,
    coalesce(
        j.machine,
        case c.true_resolution when true then 'true' when false then 'false' end,
        'unknown'
    ) as verdict,
    j.human,
    coalesce(j.humans, 0) > 0 as is_labelled
from conversation as c
left join judged as j on c.conversation_key = j.conversation_key
where c.engaged and not c.is_test and not c.is_spam
order by c.conversation_id
"""
_TEXT_SQL = """
select c.conversation_id, t.actor, t.text
from text.timeline as t
inner join conversation as c on t.thread_key = c.thread_key
where t.kind = 'message' and t.is_public and t.text is not null
    and t.occurred_at <= coalesce(c.last_activity_at, t.occurred_at)
    and t.occurred_at >= coalesce(c.first_contact_at, c.started_at, t.occurred_at)
    and c.conversation_id in (select id from chosen)
order by c.conversation_id, t.occurred_at, t.event_key
"""


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum of a draw: conversations in it, guessed rate, drawn, and the chance of each."""

    verdict: str
    intent: str
    units: int
    guess: float
    drawn: int
    pi: float


@dataclass(frozen=True, slots=True)
class Queue:
    """A draw that was made.

    Attributes:
        queue: its name; the same question over the same conversations gives the same one.
        criterion: what is asked.
        strata: of the draw.
        items: conversations drawn. double: those that two people label.
        sentinel: how many were drawn at random from everything.
        forms: files to fill in.
    """

    queue: str
    criterion: str
    strata: tuple[Stratum, ...]
    items: int
    double: int
    sentinel: int
    forms: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "forms": [str(path) for path in self.forms]}


def draw_queue(
    workspace: Workspace,
    criterion: str,
    size: int,
    *,
    double: float = DOUBLE,
    sentinel: float = SENTINEL,
    floor: int = FLOOR,
    salt: str = "",
    with_text: bool = False,
    suffix: str = ".csv",
) -> Queue:
    """Draw conversations and write the forms.

    Args:
        workspace: measured.
        criterion: what people will judge, e.g. ``resolved``.
        size: conversations that can be labelled; floors may ask for a few more.
        double: share of them that two people label.
        sentinel: share drawn at random from everything.
        floor: fewest of a stratum.
        salt: another draw of the same question.
        with_text: add the conversation's redacted text to the forms.
        suffix: ``.csv`` or ``.jsonl``.

    Raises:
        CandorError: ``review.nothing`` when every conversation is labelled.
    """
    publication = Serving(workspace.serving).current()
    with DuckEngine(publication.facts, read_only=True) as engine:
        name = criterion.replace("'", "''")
        frame = engine.arrow(_FRAME_SQL.format(criterion=name)).to_pylist()
    todo = [row for row in frame if not row["is_labelled"]]
    if not todo or size < 1:
        raise CandorError(
            "review.nothing",
            Problem(f"no conversation is left to label by '{criterion}'", str(workspace.root)),
        )
    intents = _intents(todo)
    cells = sorted({_cell(row, intents) for row in todo})
    stratum = [cells.index(_cell(row, intents)) for row in todo]
    guesses = _guesses(frame, cells, intents)
    plan = label_plan(
        [stratum.count(h) for h in range(len(cells))], guesses, size, floor=floor, sentinel=sentinel
    )
    ids = [row["conversation_id"] for row in todo]
    queue = _name(criterion, size, salt, ids)
    chosen = draw(ids, stratum, plan, salt=queue)
    place = dict(zip(ids, stratum, strict=True))
    twice = chosen[: round(double * len(chosen))]
    drawn = Counter(place[one] for one in chosen)
    strata = tuple(
        Stratum(verdict, intent, plan.units[h], guesses[h], drawn[h], plan.pi[h])
        for h, (verdict, intent) in enumerate(cells)
    )
    folder = workspace.root / FOLDER / queue
    folder.mkdir(parents=True, exist_ok=True)
    _record(folder, criterion, plan, strata, [(one, place[one]) for one in chosen])
    texts = _texts(publication.facts, publication.text, chosen) if with_text else {}
    forms = []
    for number, items in ((1, chosen), (2, twice)):
        if items:
            forms.append(folder / f"labeller-{number}{suffix}")
            rows = [_question(queue, one, criterion, plan.pi[place[one]], texts) for one in items]
            form.write(forms[-1], rows, shown=with_text)
    return Queue(
        queue, criterion, strata, len(chosen), len(twice), plan.sentinel, tuple(forms)
    )  # fmt: skip


def _intents(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    counts = Counter(row["intent_id"] for row in rows if row["intent_id"])
    return {name for name, count in counts.items() if count >= _SMALL * len(rows)}


def _cell(row: Mapping[str, Any], intents: set[str]) -> tuple[str, str]:
    intent = row["intent_id"]
    return row["verdict"], intent if intent in intents else "other"


def _guesses(
    frame: Sequence[Mapping[str, Any]], cells: Sequence[tuple[str, str]], intents: set[str]
) -> list[float]:
    """Rate of ``true`` in each stratum: from its labels when there are enough, else by verdict."""
    known: dict[tuple[str, str], list[bool]] = {}
    for row in frame:
        if row["human"] in ("true", "false"):
            known.setdefault(_cell(row, intents), []).append(row["human"] == "true")
    guesses = []
    for cell in cells:
        labels = known.get(cell, [])
        if len(labels) >= _ENOUGH:
            guesses.append((sum(labels) + 0.5) / (len(labels) + 1))
        else:
            guesses.append(_GUESSES.get(cell[0], 0.5))
    return guesses


def _name(criterion: str, size: int, salt: str, ids: Sequence[str]) -> str:
    told = "\x1f".join([criterion, str(size), salt, *ids])
    plain = "".join(mark if mark.isalnum() else "-" for mark in criterion)[:40]
    return f"{plain}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _record(
    folder: Path, criterion: str, plan: LabelPlan, strata: Sequence[Stratum],
    chosen: Sequence[tuple[str, int]],
) -> None:  # fmt: skip
    design = {
        "criterion": criterion,
        "sentinel": plan.sentinel,
        "strata": [asdict(one) for one in strata],
        "items": [{"conversation_id": one, "stratum": h, "pi": plan.pi[h]} for one, h in chosen],
    }
    text = json.dumps(design, indent=1, ensure_ascii=False) + "\n"
    (folder / DESIGN).write_text(text, encoding="utf-8")


def _question(
    queue: str, item: str, criterion: str, pi: float, texts: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "queue": queue, "conversation_id": item, "criterion": criterion, "is_blind": True,
        "sampling_probability": round(pi, 6), form.SHOWN: texts.get(item),
    }  # fmt: skip


def _texts(facts: Path, text: Path, chosen: Sequence[str]) -> dict[str, str]:
    return {
        item: "\n".join(f"{actor}: {words}" for actor, words in lines)
        for item, lines in said(facts, text, chosen).items()
    }


def said(facts: Path, text: Path, chosen: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """What was said publicly in conversations, in order: actor and redacted words.

    Args:
        facts: file of the published facts.
        text: file of the transcripts.
        chosen: ids of conversations.
    """
    import pyarrow as pa

    found: dict[str, list[tuple[str, str]]] = {}
    with DuckEngine() as engine:
        for alias, path in (("published", facts), ("text", text)):
            quoted = str(path).replace("'", "''")
            engine.run(f"attach '{quoted}' as {alias} (read_only)")
        engine.run("create temp view conversation as from published.conversation")
        engine.load("chosen", pa.table({"id": pa.array(chosen, pa.string())}), temporary=True)
        for item, actor, words in engine.rows(_TEXT_SQL):
            found.setdefault(item, []).append((actor or "unknown", words))
    return found

"""Topics: what customers ask about, how much of it, what became of it, and where the knowledge lacks.

A topic's page shows what customers wrote first only to those who may read text; each conversation is then in the
audit log as opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from candor.access import cells
from candor.access.permissions import Permission
from candor.answers import Period
from candor.answers import topics as found_topics
from candor.answers.teamwork import figures
from candor.answers.topics import FIGURES, Book, Topic
from candor.errors import CandorError, Problem, nearest
from candor.reports import assemble
from candor.reports import teamwork as pages
from candor.reports.document import (
    Cell,
    Column,
    Document,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
    words,
)
from candor.web import visible
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.scorecard import period_of, steps_of
from candor.web.views.written import shown_as
from candor.window import format_instant, to_date

LINKS = {"Topics": "/topics", "Knowledge gaps": "/knowledge"}
FIRST = "Topics have not been looked for yet."
GROUP_TERMS = 3
SHORTS = {
    "too_few": "too few", "too_few_customers": "few customers", "nothing_observed": "none known", "suppressed": "few customers",
    "unavailable": "not in the data",
}  # fmt: skip
"""Why there is no figure, in the room of one; a topic's own page says it in full."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One period of a small history: place and height of its bar in per cent, and its words."""

    x: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Line:
    """A topic as it is shown; ``is_few``: of fewer customers than this reader may see figures of."""

    topic: Topic
    is_few: bool
    share: float | None
    before: float | None
    history: tuple[Bar, ...]


def make(look: Look) -> Shown:
    """The list of topics."""
    period = period_of(look.answers, look.asked)
    book = _book(look, period)
    lines = [_line(look, book, one) for one in book.topics]
    groups: dict[str, list[Line]] = {}
    for each in lines:
        if not each.topic.is_gone:
            groups.setdefault(each.topic.parent, []).append(each)
    ordered = sorted(
        (own for own in groups.values() if len(own) > 1),
        key=lambda own: (-sum(each.topic.conversations for each in own), own[0].topic.topic),
    )
    alone = [own[0] for own in groups.values() if len(own) == 1]
    body = fragment(
        "topics.html.j2", look=look, asked=look.asked, period=period, steps=steps_of(look, period),
        links=LINKS, groups=ordered, alone=alone, shorts=SHORTS, gone=[one for one in lines if one.topic.is_gone], book=book,
        names=FIGURES, titles=_titles(look), until=_until(book), first=FIRST,
        summary=_summary(book, lines), terms=GROUP_TERMS,
    )  # fmt: skip
    data = {
        "period": period.words, "looked_for_until": _until(book),
        "conversations": book.asked, "topics": [_plain(one, book) for one in lines],
    }  # fmt: skip
    return shown_as(look, "Topics", body, data, _document(look, period, book, lines))


def one(look: Look) -> Shown:
    """One topic with its conversations."""
    period = period_of(look.answers, look.asked)
    book = _book(look, period)
    wanted = look.names["topic"]
    by_name = {each.topic: each for each in book.topics}
    if wanted not in by_name:
        raise CandorError(
            "topic.unknown",
            Problem(f"there is no topic '{wanted[:40]}'", "", nearest(wanted, list(by_name))),
        )
    line = _line(look, book, by_name[wanted])
    rows = [] if line.is_few else found_topics.latest(look.answers, wanted, period)
    reads = look.actor.may(Permission.TEXT)
    said = (
        found_topics.first_words(look.answers, [row["conversation"] for row in rows])
        if reads
        else {}
    )
    whole = {e.metric: e for e in figures(look.answers, FIGURES, period)}
    beside = [each for each in book.topics if each.parent == line.topic.parent
              and each.topic != wanted and not each.is_gone]  # fmt: skip
    body = fragment(
        "topic.html.j2", look=look, asked=look.asked, period=period, steps=steps_of(look, period),
        line=line, topic=line.topic, book=book, rows=rows, words=said, reads_text=reads, whole=whole,
        names=FIGURES, titles=_titles(look), until=_until(book), beside=beside,
        since=None if line.topic.since_us is None else format_instant(line.topic.since_us)[:10],
    )  # fmt: skip
    data = {
        "period": period.words, "looked_for_until": _until(book), **_plain(line, book),
        "all_conversations": {name: e.as_row() for name, e in whole.items()},
        "conversations_shown": [
            {**row, "first_words": said.get(row["conversation"])} for row in rows
        ],
        "text_shown": reads,
    }  # fmt: skip
    opened = tuple(dict.fromkeys(row["thread"] for row in rows if row["conversation"] in said))
    return Shown(
        f"Topic {line.topic.title}", body, data, look.answers.snapshot, look.answers.as_of,
        opened=opened,
    )  # fmt: skip


def _book(look: Look, period: Period) -> Book:
    return look.desk.need(("topics", period), partial(found_topics.topics, period=period))


def _line(look: Look, book: Book, topic: Topic) -> Line:
    """What this reader may see of a topic."""
    is_few = 0 < topic.customers < cells.K and not look.actor.may(Permission.SMALL_CELLS)
    if is_few:
        kept = {name: visible.emptied(e) for name, e in topic.figures.items()}
        hidden = replace(topic, figures=kept, conversations=0, before=None, history=(), novel=(0, 0),
                         customers=0)  # fmt: skip
        return Line(hidden, True, None, None, ())
    shares = [
        count / asked if asked else None
        for count, (_, asked) in zip(topic.history, book.history, strict=True)
    ]
    top = max((one for one in shares if one), default=0.0)
    width = 100 / max(1, len(shares))
    drawn = tuple(
        Bar(
            round(at * width, 2), 0.0 if not top or share is None else round(100 * share / top, 1),
            f"{to_date(start).isoformat()}: {count} of {asked}",
        )
        for at, (share, count, (start, asked)) in enumerate(
            zip(shares, topic.history, book.history, strict=True)
        )
    )  # fmt: skip
    return Line(
        topic, False, _share(topic.conversations, book.asked), _share(topic.before, book.asked_before),
        drawn,
    )  # fmt: skip


def _share(count: int | None, of: int | None) -> float | None:
    return count / of if count is not None and of else None


def _until(book: Book) -> str:
    return "" if book.seen_us is None else format_instant(book.seen_us)[:10]


def _titles(look: Look) -> dict[str, str]:
    return {item.name: item.title for item in look.answers.catalogue.every}


def _summary(book: Book, lines: Sequence[Line]) -> list[str]:
    here = [one for one in lines if not one.topic.is_gone]
    if not here:
        return []
    held = sum(one.topic.conversations for one in here)
    said = [f"{words(held)} of {words(book.asked)} conversations ask about {len(here)} topics."]
    lacking = [one for one in here if ("open" in (stands for _, stands in one.topic.gaps))]
    new = [one for one in here if one.topic.is_new]
    if lacking:
        said.append(
            f"In {len(lacking)} the AI's knowledge lacks: {'; '.join(one.topic.title for one in lacking[:3])}"
            f"{'; …' if len(lacking) > 3 else ''}."
        )
    if new:
        said.append(
            f"New: {'; '.join(one.topic.title for one in new[:3])}{'; …' if len(new) > 3 else ''}."
        )
    return said


def _plain(line: Line, book: Book) -> dict[str, Any]:
    topic = line.topic
    return {
        "topic": topic.topic, "terms": list(topic.terms), "parent": topic.parent,
        "parent_terms": list(topic.parent_terms), "is_new": topic.is_new, "is_gone": topic.is_gone,
        "first_found": None if topic.since_us is None else format_instant(topic.since_us),
        "few_customers": line.is_few, "conversations": None if line.is_few else topic.conversations,
        "share": line.share, "share_before": line.before,
        "history": [
            {"since": to_date(start).isoformat(), "conversations": count, "of": asked}
            for count, (start, asked) in zip(topic.history, book.history, strict=True)
        ] if topic.history else [],
        "figures": {name: e.as_row() for name, e in topic.figures.items()},
        "novel": None if line.is_few else {"novel": topic.novel[0], "judged": topic.novel[1]},
        "gaps": [{"gap": gap, "status": status} for gap, status in topic.gaps],
    }  # fmt: skip


def _document(look: Look, period: Period, book: Book, lines: Sequence[Line]) -> Document:
    """The list as a document, for files."""
    titles = _titles(look)
    columns = (
        Column("Topic"), Column("Terms"), Column("Group"), Column("Stands"),
        Column("Conversations", True), Column("Share", True), Column("Share before", True),
        *(Column(f"{titles[name]}{part}", True) for name in FIGURES for part in ("", ", interval")),
    )  # fmt: skip
    rows = []
    for one_line in lines:
        topic = one_line.topic
        told: list[Cell] = []
        for name in FIGURES:
            e = topic.figures.get(name)
            told += [Value(e.point if e else None, "share"),
                        Range(e.low if e else None, e.high if e else None, "share")]  # fmt: skip
        stands = ["no longer found"] if topic.is_gone else ["new"] if topic.is_new else []
        stands += [f"gap {status}" for _, status in topic.gaps[:1]]
        rows.append(
            (topic.topic, ", ".join(topic.terms), ", ".join(topic.parent_terms[:GROUP_TERMS]),
             ", ".join(stands), pages.FEW if one_line.is_few else topic.conversations,
             Value(one_line.share, "share"), Value(one_line.before, "share"), *told)
        )  # fmt: skip
    block = Table("Topics", columns, tuple(rows)) if rows else Paragraph(FIRST)
    names = [look.answers.catalogue.get(name).id for name in FIGURES]
    return Document(
        "topics", look.answers.workspace.settings.workspace.name, period.words,
        tuple(_summary(book, lines)) or (FIRST,), (Section("topics", "Topics", (block,)),),
        assemble.colophon(look.answers, names),
    )  # fmt: skip


VIEW = View(
    "topics", "/topics", make, params=("grain", "until"), is_document=True,
    summary="What customers ask about: size, share, history, outcomes, what is new, gaps",
)  # fmt: skip
ONE = View(
    "topic", "/topics/{topic}", one, params=("grain", "until"), holds_text=True,
    summary="One topic: terms, outcomes, gaps opened from it, its latest conversations",
)  # fmt: skip

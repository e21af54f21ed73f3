"""The board of knowledge gaps: what the AI's knowledge lacks, since when, and what was mended.

Gaps come from `candor topics --store` and from whoever sends them; the words of a gap are those of its topic, never
of one conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from candor.access import cells
from candor.access.permissions import Permission
from candor.answers import Answers
from candor.answers.teamwork import figures
from candor.reports import assemble
from candor.reports import teamwork as pages
from candor.reports.document import Cell, Column, Mark, Paragraph, Section, Table, Value
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.scorecard import period_of, steps_of
from candor.web.views.topics import LINKS
from candor.web.views.written import written
from candor.window import format_instant

_FIGURES = (
    "knowledge_gap_rate", "gaps_opened", "gaps_resolved", "gap_age", "feedback_loop_velocity",
    "improvement_rate",
)  # fmt: skip
_NOVEL = ("novel_intent_rate", "novel_intent_precision", "novel_intent_recall", "forced_fit_rate")
_MARKS = {
    "open": Mark("open", "bad"), "resolved": Mark("mended", "good"),
    "dismissed": Mark("dismissed", "grey"),
}  # fmt: skip
_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap: instants in microseconds UTC; ``age`` in days to its end, or to the data's."""

    gap: str
    topic: str
    status: str
    opened_at: int
    resolved_at: int | None
    threads: int
    age: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "gap": self.gap, "topic": self.topic, "status": self.status,
            "opened_at": format_instant(self.opened_at),
            "resolved_at": None if self.resolved_at is None else format_instant(self.resolved_at),
            "threads": self.threads, "age_days": round(self.age, 1),
        }  # fmt: skip


def gaps_of(answers: Answers) -> list[Gap]:
    """Every gap, open ones first, then the most threads."""
    rows = answers.reckoner.rows(
        "select gap_id, coalesce(topic, gap_id), status, opened_at, resolved_at, threads, at_risk_us"
        " from gap order by case status when 'open' then 0 else 1 end, threads desc, gap_id"
    )
    return [
        Gap(str(gap), str(topic), str(status), int(opened), None if resolved is None else int(resolved),
            int(threads or 0), int(at_risk or 0) / _DAY)
        for gap, topic, status, opened, resolved, threads, at_risk in rows
    ]  # fmt: skip


def _age(days: float) -> Cell:
    """In days or hours; found with the latest data it has none yet."""
    return Value(days * 86_400, "seconds") if days * 24 >= 1 else "just found"


def make(look: Look) -> Shown:
    """The page."""
    period = period_of(look.answers, look.asked)
    titles = {item.name: item.title for item in look.answers.catalogue.every}
    known = gaps_of(look.answers)
    if not look.actor.may(Permission.SMALL_CELLS):
        known = [one for one in known if one.threads >= cells.K]
    measured, novel = (
        figures(look.answers, [name for name in names if name in titles], period)
        for names in (_FIGURES, _NOVEL)
    )
    columns = (Column("What is missing"), Column("Stands"), Column("Found"), Column("Mended"),
               Column("Age", True), Column("Conversations", True))  # fmt: skip
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (one.topic.replace("_", " "), _MARKS.get(one.status, Mark(one.status, "grey")),
         format_instant(one.opened_at)[:10],
         "" if one.resolved_at is None else format_instant(one.resolved_at)[:10],
         _age(one.age), one.threads)
        for one in known
    )  # fmt: skip
    board = Table("Gaps, open ones first", columns, rows) if rows else Paragraph(
        "No gap is in the data. `candor topics --store` finds them; changes of the knowledge that name "
        "a gap mend it."
    )  # fmt: skip
    sections = [
        Section("board", "What the knowledge lacks", (board,),
                "A gap is mended by a change of the knowledge that names it, never by a better look."),
        Section("figures", "How fast it is mended", (pages.figures("Figures", measured, titles),)),
        Section("novel", "What is new", (pages.figures("Intents outside the catalogue", novel, titles),)),
    ]  # fmt: skip
    still = sum(one.status == "open" for one in known)
    summary = [f"{still} of {len(known)} known gaps are open."] if known else [
        "No gap is known yet."
    ]  # fmt: skip
    document = pages.page(
        "knowledge", look.answers.workspace.settings.workspace.name, period.words, summary, sections,
        assemble.colophon(look.answers, [one.definition for one in (*measured, *novel)]),
    )  # fmt: skip
    form = fragment("period_form.html.j2", look=look, asked=look.asked, period=period,
                    steps=steps_of(look, period))  # fmt: skip
    data = {
        "period": period.words, "gaps": [one.as_dict() for one in known],
        "figures": [one.as_row() for one in (*measured, *novel)],
    }  # fmt: skip
    return written(look, "Knowledge gaps", document, data, above=form, links=LINKS)


VIEW = View(
    "knowledge", "/knowledge", make, params=("grain", "until"), is_document=True,
    summary="Knowledge gaps and what was mended, intents outside the catalogue",
)  # fmt: skip

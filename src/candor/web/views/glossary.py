"""Every definition, found by any of its words."""

from __future__ import annotations

from candor.reports import workbook
from candor.web import visible
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.metric import book_of


def make(look: Look) -> Shown:
    """The page; with ``q`` only what holds every word of it."""
    asked = (look.asked.get("q") or "").strip()
    words = asked.lower().replace("_", " ").split()
    book = book_of(look)
    shelves = []
    for shelf in book.shelves:
        entries = [
            entry
            for entry in shelf.entries
            if visible.may_see(entry.item.measured_in, look.actor)
            and all(word in entry.haystack for word in words)
        ]
        if entries:
            shelves.append((shelf, entries))
    found = [entry for _, entries in shelves for entry in entries]
    body = fragment(
        "glossary.html.j2", look=look, asked=look.asked, shelves=shelves, query=asked,
        count=len(found), total=len(book.entries),
    )  # fmt: skip
    heading = ("Metric", "Name", "Question", "Counted as", "Unit", "Owner", "On this data")
    return Shown(
        "Glossary", body,
        {"query": asked, "metrics": [entry.as_dict() for entry in found], "definitions": book.digest},
        look.answers.snapshot, look.answers.as_of,
        tables=lambda: [(
            "Definitions", heading,
            [[e.item.title, e.item.id, e.item.question, e.how.outcome, e.how.unit, e.item.owner, e.state]
             for e in found],
        )],
        workbook=(lambda: workbook.of_catalogue(book)) if len(found) == len(book.entries) else None,
    )  # fmt: skip


VIEW = View(
    "glossary", "/glossary", make, params=("q",), is_scoped=True,
    summary="Every definition, searched by any of its words",
)  # fmt: skip

"""Pages as one HTML file each, that can be mailed, printed and kept: scorecard, documents, catalogue.

No script, no font, no picture is fetched; a content security policy forbids it. Every text is
escaped and cannot turn the direction of writing. Details open without JavaScript; light, dark and
print follow the reader's settings. Only the catalogue has a script, its own search, named in its
policy by hash; it is an index without it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from candor.answers.legacy import WORDS as COMPARISON_WORDS
from candor.estimates.estimate import Estimate
from candor.reports import charts, geometry, inert
from candor.reports.catalogue import CatalogueBook
from candor.reports.document import Document, Mark, words
from candor.reports.flat import flat
from candor.reports.periods import period
from candor.reports.report import Report
from candor.reports.told import finding_item
from candor.verdicts import wording
from candor.verdicts.bands import REASONS, Status
from candor.verdicts.compare import Direction
from candor.verdicts.scorecard import MetricRow
from candor.verdicts.stability import WORDS as STABILITY

TEMPLATES = Path(__file__).parent / "templates"
STATUS_WORDS: dict[Status, str] = {
    Status.MET: "Met",
    Status.MISSED: "Missed",
    Status.UNSURE: "Unsure",
    Status.WITHHELD: "Withheld",
    Status.NO_TARGET: "No target",
}
DIRECTION_WORDS: dict[Direction, str] = {
    Direction.BETTER: "Better",
    Direction.WORSE: "Worse",
    Direction.HIGHER: "Higher",
    Direction.LOWER: "Lower",
    Direction.NO_CLEAR_CHANGE: "No clear change",
    Direction.CANNOT_SAY: "Cannot say",
}
SYMBOLS: dict[str, str] = {
    "met": "✓", "missed": "✕", "unsure": "?", "withheld": "…", "no_target": "·",
    "no_clear_change": "■", "cannot_say": "·",
}  # fmt: skip
COMPARISON_TONES = {"misleads": "bad", "not_here": "good", "cannot_say": "grey"}
LADDER = "true_resolution_rate"
LOOKED = "containment_rate"


def render(report: Report) -> str:
    """The page of a scorecard.

    Args:
        report: scorecard, definitions, samples and provenance.

    Returns:
        A complete HTML document.
    """
    card = report.card
    resolution, looked = card.row(LADDER), card.row(LOOKED)
    statuses = [row.verdict.status for row in card.rows if row.target is not None]
    return _page(
        "report.html.j2",
        report=report,
        card=card,
        tally=[(s, statuses.count(s)) for s in list(Status)[:4] if statuses.count(s)],
        ladder=geometry.ladder(resolution.estimate) if resolution else (),
        resolution=resolution,
        looked=looked if looked and looked.estimate.point is not None else None,
        health=flat(card.data_health),
        provenance=flat({k: v for k, v in report.provenance.items() if k != "snapshot"}),
        has_target=bool(statuses),
        findings=[finding_item(finding) for finding in card.findings],
    )


def render_document(document: Document) -> str:
    """The page of a review, a vendor report or a plan."""
    colophon = document.colophon
    return _page(
        "document.html.j2",
        document=document,
        health=flat(colophon.data_health),
        lineage=flat(colophon.lineage),
        numbered=[(s, [(type(b).__name__, b) for b in s.blocks]) for s in document.sections],
    )


def render_catalogue(book: CatalogueBook) -> str:
    """The searchable page of every definition."""
    index = sorted(
        {
            (word, entry.item.name)
            for entry in book.entries
            for word in (entry.item.title, *entry.item.also_known_as)
        },
        key=lambda item: (item[0].lower(), item[1]),
    )
    return _page("catalogue.html.j2", script="catalogue.js", book=book, index=index)


def _page(template: str, *, script: str = "", **values: Any) -> str:
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    code = (TEMPLATES / script).read_text(encoding="utf-8") if script else ""
    scripts = f"script-src 'sha256-{_digest(code)}'; " if code else ""
    return (
        environment()
        .get_template(template)
        .render(
            css=Markup(css),  # noqa: S704 - our own style sheet, not a user's text
            script=Markup(code),  # noqa: S704 - our own search, not a user's text
            policy=f"default-src 'none'; style-src 'sha256-{_digest(css)}'; {scripts}"
            "base-uri 'none'; form-action 'none'",
            **values,
        )
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def environment(*folders: Path) -> Environment:
    """The templates of reports, with their filters and words; those of other doors stand before them.

    Args:
        folders: further folders of templates.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    made.filters |= {
        "figure": wording.figure,
        "interval": wording.interval,
        "signed": wording.signed,
        "axis": wording.axis,
        "which": wording.which,
        "time_unit": charts.time_unit,
        "grade": lambda grade: wording.GRADES[str(grade)],
        "caveat": lambda caveat: wording.CAVEATS[str(caveat)],
        "judged": wording.judged,
        "words": lambda text: str(text).replace("_", " "),
        "period": period,
        "refusal": lambda refusal: REASONS[refusal],
        "thousands": lambda number: f"{number:,.0f}".replace(",", wording.THIN),
        "segment": lambda segment: ", ".join(f"{k} {v}" for k, v in segment.items()),
        "cell": words,
        "stability": STABILITY.__getitem__,
    }
    made.tests["figured"] = lambda row: row.estimate.point is not None
    made.tests["mark"] = lambda cell: isinstance(cell, Mark)
    made.globals |= {
        "bar": _bar, "chart": _chart, "status_word": STATUS_WORDS.__getitem__,
        "direction_word": DIRECTION_WORDS.__getitem__, "symbol": SYMBOLS.__getitem__,
        "trend": _trend, "comparison_word": COMPARISON_WORDS.__getitem__,
        "comparison_tone": COMPARISON_TONES.__getitem__,
    }  # fmt: skip
    return made


def _shown(value: Any) -> Any:
    """Every text that is written, unless it is markup of our own."""
    return inert.visible(value) if type(value) is str else value


def _bar(row: MetricRow) -> geometry.Bar | None:
    return geometry.bar(row.estimate, row.target.target if row.target else None)


def _chart(row: MetricRow) -> Markup | None:
    svg = charts.trend(row.series, row.target.target if row.target else None)
    # Drawn here from numbers and dates only.
    return None if svg is None else Markup(svg)  # noqa: S704


def _trend(series: Sequence[Estimate], target: float | None) -> Markup | None:
    svg = charts.trend(series, target)
    return None if svg is None else Markup(svg)  # noqa: S704

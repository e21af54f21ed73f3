"""A scorecard as one HTML file that can be mailed, printed and kept.

No script, no font, no picture is fetched; a content security policy forbids it. Every text is
escaped. Details open without JavaScript; light, dark and print follow the reader's settings.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from candor.estimates.estimate import Estimate
from candor.reports import charts, geometry
from candor.reports.report import Report
from candor.verdicts import wording
from candor.verdicts.bands import REASONS, Status
from candor.verdicts.compare import Direction
from candor.verdicts.scorecard import MetricRow
from candor.window import to_date

_TEMPLATES = Path(__file__).parent / "templates"
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
LADDER = "true_resolution_rate"
LOOKED = "containment_rate"


def render(report: Report) -> str:
    """The whole page.

    Args:
        report: scorecard, definitions, samples and provenance.

    Returns:
        A complete HTML document.
    """
    css = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    card = report.card
    resolution, looked = card.row(LADDER), card.row(LOOKED)
    statuses = [row.verdict.status for row in card.rows if row.target is not None]
    return _environment().get_template("report.html.j2").render(
        report=report,
        card=card,
        css=Markup(css),  # noqa: S704 - our own style sheet, not a user's text
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'",
        tally=[(s, statuses.count(s)) for s in list(Status)[:4] if statuses.count(s)],
        ladder=geometry.ladder(resolution.estimate) if resolution else (),
        resolution=resolution,
        looked=looked if looked and looked.estimate.point is not None else None,
        health=_flat(card.data_health),
        provenance=_flat({k: v for k, v in report.provenance.items() if k != "snapshot"}),
        has_target=bool(statuses),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "figure": wording.figure,
        "interval": wording.interval,
        "signed": wording.signed,
        "axis": wording.axis,
        "which": wording.which,
        "time_unit": charts.time_unit,
        "grade": lambda grade: wording.GRADES[str(grade)],
        "caveat": lambda caveat: wording.CAVEATS[str(caveat)],
        "words": lambda text: str(text).replace("_", " "),
        "period": period,
        "refusal": lambda refusal: REASONS[refusal],
        "thousands": lambda number: f"{number:,.0f}".replace(",", wording.THIN),
        "segment": lambda segment: ", ".join(f"{k} {v}" for k, v in segment.items()),
    }
    environment.tests["figured"] = lambda row: row.estimate.point is not None
    environment.globals |= {
        "bar": _bar, "chart": _chart, "status_word": STATUS_WORDS.__getitem__,
        "direction_word": DIRECTION_WORDS.__getitem__, "symbol": SYMBOLS.__getitem__,
    }  # fmt: skip
    return environment


def period(estimate: Estimate) -> str:
    """The period of an estimate in words, its last day included."""
    if estimate.period_start is None or estimate.period_end is None:
        return "all data"
    first, last = to_date(estimate.period_start), to_date(estimate.period_end - 1)
    if estimate.grain == "month":
        return f"{first:%B %Y}"
    if estimate.grain == "quarter":
        return f"Q{(first.month + 2) // 3} {first.year}"
    if first == last:
        return f"{first.day} {first:%B %Y}"
    return f"{first.day} {first:%b} – {last.day} {last:%b %Y}"


def _bar(row: MetricRow) -> geometry.Bar | None:
    return geometry.bar(row.estimate, row.target.target if row.target else None)


def _chart(row: MetricRow) -> Markup | None:
    svg = charts.trend(row.series, row.target.target if row.target else None)
    # Drawn here from numbers and dates only.
    return None if svg is None else Markup(svg)  # noqa: S704


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested plain data as label and text."""
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        label = f"{prefix} · {key}" if prefix else str(key)
        if isinstance(item, Mapping):
            rows += _flat(item, label)
        elif isinstance(item, (list, tuple)):
            for index, part in enumerate(item, start=1):
                if isinstance(part, Mapping):
                    rest = {k: v for k, v in part.items() if k != "name"}
                    rows += _flat(rest, f"{label} · {part.get('name', index)}")
            plain = [str(part) for part in item if not isinstance(part, Mapping)]
            if plain or not item:
                rows.append((label, ", ".join(plain) or wording.NONE))
        else:
            rows.append((label, _plain(item)))
    return rows


def _plain(item: object) -> str:
    if item is None:
        return wording.NONE
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:,.4g}"
    return f"{item:,}".replace(",", wording.THIN) if isinstance(item, int) else str(item)

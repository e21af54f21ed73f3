"""What a document shows as one picture, SVG or PNG: its figures with their intervals, and its histories.

Made from the document that the page itself is made from, so a picture can show nothing that the page hides. Each
table with figures is a panel of points and intervals, one for each unit; each history is a curve. Heading, period,
filters and the snapshot stand in the picture, so that it can be traced wherever it is pasted. Texts of data enter
as values of the specification, never as code or markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from candor.reports import charts, drawing, inert
from candor.reports.document import Cards, Curve, Document, Range, Table, Value, words

INK, SOFT, LINE, TARGET, RULE = "#20262e", "#5b6470", "#1f5fbf", "#a1480b", "#d9dce1"
SIGNAL = "#b3261e"
_SERIES = (LINE, TARGET, "#4b7a3f", "#7a4b8f")
_STAND_INS = {charts.LINE: LINE, charts.TARGET: TARGET, charts.INK: SOFT, charts.RULE: RULE,
              "#0b0c0d": SIGNAL}  # fmt: skip
_WIDTH = 560
_MOST_ROWS = 60
_TIMES = (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
Panel = dict[str, Any]


def can_draw(document: Document) -> bool:
    """Whether there is anything to draw."""
    return next(_panels(document), None) is not None


def specification(
    document: Document, heading: str, filters: str = "", panels: Sequence[Panel] = ()
) -> dict[str, Any] | None:
    """The Vega-Lite specification of a page's picture; None where there is nothing to draw.

    Args:
        document: what the page shows.
        heading: of the page.
        filters: segments it is narrowed to, in words.
        panels: charts the page shows beside its document, first.
    """
    drawn = [_coloured(panel) for panel in panels]
    # A card and a curve of one metric show the same history.
    drawn += _panels(document)
    drawn = [panel for at, panel in enumerate(drawn) if panel not in drawn[:at]]
    if not drawn:
        return None
    colophon = document.colophon
    about = [text for text in (document.title, document.period, filters) if text]
    return {
        "$schema": drawing.SCHEMA, "background": "#ffffff", "padding": 18,
        "title": {
            "text": inert.visible(heading), "anchor": "start", "fontSize": 17, "offset": 14,
            "subtitle": [
                inert.visible(", ".join(about)),
                f"snapshot {colophon.snapshot} · data read up to {colophon.as_of}",
            ],
            "subtitleColor": SOFT, "color": INK,
        },
        "vconcat": drawn, "spacing": 26,
        "resolve": {"legend": {"color": "independent", "size": "independent"},
                    "scale": {"color": "independent", "size": "independent"}},
        "config": {
            "font": "system-ui, sans-serif", "view": {"stroke": None},
            "title": {"anchor": "start", "fontSize": 12, "color": INK, "offset": 8},
            "axis": {"labelColor": INK, "gridColor": RULE, "domainColor": RULE, "tickColor": RULE,
                     "labelFontSize": 11, "labelLimit": 300},
            "legend": {"orient": "bottom", "title": None},
        },
    }  # fmt: skip


def _panels(document: Document) -> Iterator[Panel]:
    for section in document.sections:
        for block in section.blocks:
            match block:
                case Table():
                    yield from _of_table(block)
                case Curve():
                    yield from _of_curve(block)
                case Cards(rows=rows, currency=currency):
                    for row in rows:
                        yield from _of_curve(Curve(row.info.title, row.series, None, currency))


def _of_curve(curve: Curve) -> Iterator[Panel]:
    spec = charts.specification(curve.series, curve.target)
    if spec is None:
        return
    unit = curve.series[0].unit
    measured = {"share": "per cent", "seconds": charts.time_unit(curve.series)[0],
                "money": curve.currency}.get(unit, unit)  # fmt: skip
    kept = {name: spec[name] for name in ("data", "layer")}
    title = inert.visible(f"{curve.title} ({measured})")
    yield _coloured({**kept, "title": title, "width": _WIDTH, "height": 150})


def _of_table(table: Table) -> Iterator[Panel]:
    """One panel for each unit of the table's figures."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    known: dict[str, int] = {}
    for row in table.rows[:_MOST_ROWS]:
        label = inert.visible(words(row[0]))
        known[label] = known.get(label, 0) + 1
        label = label if known[label] == 1 else f"{label} ({known[label]})"
        for at, cell in enumerate(row):
            if not isinstance(cell, Value):
                continue
            beside = row[at + 1] if at + 1 < len(row) else None
            low, high = (
                (beside.low, beside.high)
                if isinstance(beside, Range) and beside.unit == cell.unit
                else (None, None)
            )
            found.setdefault((cell.unit, cell.currency), []).append(
                {"label": label, "series": table.columns[at].title, "value": cell.number,
                 "low": low, "high": high}
            )  # fmt: skip
    left = len(table.rows) - _MOST_ROWS
    for (unit, currency), points in found.items():
        if all(point["value"] is None for point in points):
            continue
        told = f"; the first {_MOST_ROWS} rows" if left > 0 else ""
        yield _intervals(f"{table.caption}{told}", unit, currency, points)


def _intervals(title: str, unit: str, currency: str, points: list[dict[str, Any]]) -> Panel:
    size, measured = _scale(unit, currency, points)
    for point in points:
        for name in ("value", "low", "high"):
            point[name] = None if point[name] is None else point[name] / size
    series = list(dict.fromkeys(point["series"] for point in points))
    y: Panel = {"field": "label", "type": "nominal", "sort": None, "axis": {"title": None},
                "scale": {"domain": list(dict.fromkeys(point["label"] for point in points))}}  # fmt: skip
    x: Panel = {
        "field": "value",
        "type": "quantitative",
        "axis": {"title": measured, "tickCount": 6},
    }
    color: Panel = {"value": LINE}
    place: Panel = {}
    if len(series) > 1:
        color = {"field": "series", "type": "nominal", "sort": None,
                 "scale": {"domain": series, "range": list(_SERIES)}}  # fmt: skip
        place = {"yOffset": {"field": "series", "type": "nominal", "sort": None}}
    encoding = {"y": y, "color": color, **place}
    return {
        "title": inert.visible(title), "width": _WIDTH,
        "height": {"step": 9 * len(series) + 11 if len(series) > 1 else 20,
                   **({"for": "position"} if len(series) > 1 else {})},
        "data": {"values": points},
        "layer": [
            {"transform": [{"filter": "datum.low !== null && datum.high !== null"}],
             "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.3},
             "encoding": {**encoding, "x": {**x, "field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "opacity": 1, "size": 55},
             "encoding": {**encoding, "x": x}},
            {"transform": [{"filter": "datum.value === null"}],
             "mark": {"type": "text", "text": "cannot say", "align": "left", "color": SOFT},
             "encoding": {"y": y, **place, "x": {"value": 4}}},
        ],
    }  # fmt: skip


def _scale(unit: str, currency: str, points: Sequence[Mapping[str, Any]]) -> tuple[float, str]:
    """What values are divided by, and what the axis then measures."""
    if unit in ("share", "points"):
        return 0.01, "per cent" if unit == "share" else "percentage points"
    if unit == "seconds":
        peak = max(abs(point["value"] or 0.0) for point in points)
        return next(((size, name) for name, size in _TIMES if peak >= 2 * size), (1.0, "seconds"))
    return 1.0, currency if unit == "money" else unit


def bubbles(rows: Sequence[Mapping[str, Any]], currency: str) -> Panel | None:
    """Intents by value and automation score, as large as their volume; None where none has both."""
    shown = [row for row in rows if row["automation_score"] and row["value"] is not None]
    if not shown:
        return None
    points = [
        {"intent": inert.visible(str(row["intent"])), "value": row["value"],
         "score": 100 * row["automation_score"]["point"], "conversations": row["conversations"],
         "allowed": "the AI may" if row["is_automatable"] else "the AI may not"}
        for row in shown
    ]  # fmt: skip
    x = {"field": "value", "type": "quantitative", "axis": {"title": f"value ({currency})"}}
    y = {"field": "score", "type": "quantitative", "axis": {"title": "automation score (per cent)"},
         "scale": {"domain": [0, 100]}}  # fmt: skip
    return {
        "title": "Intents by value, automation score and volume", "width": _WIDTH, "height": 300,
        "data": {"values": points},
        "layer": [
            {"mark": {"type": "circle", "opacity": 0.6}, "encoding": {
                "x": x, "y": y, "size": {"field": "conversations", "type": "quantitative"},
                "color": {"field": "allowed", "type": "nominal",
                          "scale": {"domain": ["the AI may", "the AI may not"],
                                    "range": [LINE, TARGET]}}}},
            {"mark": {"type": "text", "fontSize": 10, "color": INK, "dy": -12},
             "encoding": {"x": x, "y": y, "text": {"field": "intent"}}},
        ],
    }  # fmt: skip


def _coloured(panel: Mapping[str, Any]) -> Panel:
    """A chart of a page with real colours where its style sheet would put them."""
    text = json.dumps({k: v for k, v in panel.items() if k not in _OUTER})
    for stand_in, colour in _STAND_INS.items():
        text = text.replace(stand_in, colour)
    found: Panel = json.loads(text)
    return found


_OUTER = frozenset({"$schema", "config", "background", "padding", "autosize"})
"""What only the whole picture may have."""

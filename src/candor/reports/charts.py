"""The history of one metric as a picture: points, intervals, target, and gaps where nothing is said.

A Vega-Lite specification drawn to SVG in this process; nothing is fetched. Colours are stand-ins
that the page's style sheet replaces for light, dark and print. No text of a user enters a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from candor.estimates.estimate import Estimate
from candor.reports import drawing
from candor.window import to_date

LINE, TARGET, INK, RULE = "#010203", "#040506", "#070809", "#0a0b0c"
"""Stand-in colours; the style sheet selects by them."""
_WIDTH, _HEIGHT = 330, 118
_SCALE = {"share": 100.0, "points": 100.0}
_MANY = 20
"""Points from which whiskers become a band."""


def time_unit(series: Sequence[Estimate]) -> tuple[str, float]:
    """The unit in which a history of times is best drawn, and its length in seconds."""
    peak = max((estimate.high or 0.0 for estimate in series), default=0.0)
    for name, size in (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if peak >= 2 * size:
            return name, size
    return "seconds", 1.0


def trend(series: Sequence[Estimate], target: float | None = None) -> str | None:
    """SVG of a series of estimates of one metric.

    Args:
        series: oldest first; refused periods leave a gap.
        target: drawn as a dashed line.

    Returns:
        None with fewer than three figures: that is no history yet.
    """
    spec = specification(series, target)
    return None if spec is None else drawing.svg(spec)


def specification(series: Sequence[Estimate], target: float | None = None) -> dict[str, Any] | None:
    """The Vega-Lite specification of `trend`; None with fewer than three figures."""
    points = _points(series)
    shown = [point for point in points if point["value"] is not None]
    if len(shown) < 3:
        return None
    many = len(shown) >= _MANY
    x = {
        "field": "day", "type": "temporal",
        "axis": {
            "title": None, "grid": False, "tickCount": min(4, len(points)), "labelFlush": True,
            "labelOverlap": "greedy", "format": _date_format(points),
        },
        "scale": {
            "type": "utc", "domain": [points[0]["day"], points[-1]["day"]], "padding": 8,
        },
    }  # fmt: skip
    y = {
        "field": "value", "type": "quantitative",
        "axis": {
            "title": None, "tickCount": 4, "domain": False, "ticks": False,
            "labelExpr": "datum.label + '%'" if series[0].unit == "share" else "datum.label",
        },
        "scale": {"zero": False, "nice": True},
    }  # fmt: skip
    low, high = {"field": "low", "type": "quantitative"}, {"field": "high"}
    run = {"field": "run", "type": "nominal"}
    if many:
        spread = {
            "mark": {"type": "area", "color": LINE, "opacity": 0.16},
            "encoding": {"x": x, "y": low, "y2": high, "detail": run},
        }
    else:
        spread = {
            "mark": {"type": "rule", "color": LINE, "strokeWidth": 3, "opacity": 0.3},
            "encoding": {"x": x, "y": low, "y2": high},
        }
    line = {
        "mark": {"type": "line", "color": LINE, "strokeWidth": 1.5},
        "encoding": {"x": x, "y": y, "detail": run},
    }
    dots = {
        "mark": {
            "type": "point", "color": LINE, "filled": True, "opacity": 1, "size": 10 if many else 34,
        },
        "encoding": {"x": x, "y": y},
    }  # fmt: skip
    goal = {
        "data": {"values": [{"value": (target or 0.0) * _factor(series)}]},
        "mark": {"type": "rule", "color": TARGET, "strokeDash": [5, 3], "strokeWidth": 1.5},
        "encoding": {"y": {"field": "value", "type": "quantitative"}},
    }
    return {
        "$schema": drawing.SCHEMA,
        "width": _WIDTH, "height": _HEIGHT, "padding": 2, "background": "#00000000",
        "data": {"values": shown},
        "layer": [*([] if target is None else [goal]), spread, line, dots],
        "config": {
            "font": "system-ui, sans-serif",
            "view": {"strokeOpacity": 0},
            "axis": {
                "labelColor": INK, "labelFontSize": 11, "gridColor": RULE, "domainColor": RULE,
                "tickColor": RULE,
            },
        },
    }  # fmt: skip


def _factor(series: Sequence[Estimate]) -> float:
    if series and series[0].unit == "seconds":
        return 1 / time_unit(series)[1]
    return _SCALE.get(series[0].unit, 1.0) if series else 1.0


def _points(series: Sequence[Estimate]) -> list[dict[str, Any]]:
    points = []
    run = 0
    factor = _factor(series)
    for estimate in series:
        if estimate.period_start is None:
            continue
        numbers = [
            None if number is None else number * factor
            for number in (estimate.point, estimate.low, estimate.high)
        ]
        run += estimate.point is None
        day = to_date(estimate.period_start).isoformat() + "T00:00:00Z"
        points.append(
            {"day": day, "value": numbers[0], "low": numbers[1], "high": numbers[2], "run": run}
        )
    return points


def _date_format(points: Sequence[dict[str, Any]]) -> str:
    days = [point["day"] for point in points]
    monthly = len(days) > 1 and all(day[8:10] == "01" for day in days)
    return "%b %Y" if monthly else "%-d %b"

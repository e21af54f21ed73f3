"""The history of one metric against the limits of its baseline, as a picture.

Points, centre and limits come from the verdict on stability; nothing is reckoned here. A point
outside the limits has another shape as well as another colour. What happened beside the figures is
numbered; its words stand under the picture, because no text of a user enters one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from candor.reports import drawing
from candor.reports.charts import INK, LINE, RULE, TARGET
from candor.verdicts.annotations import Annotation
from candor.verdicts.stability import Stability
from candor.window import to_date

SIGNAL = "#0b0c0d"
"""Stand-in colour of points outside the limits; the style sheet selects by it."""
_FEWEST = 3
_TIMES = (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def scale(stability: Stability, unit: str) -> tuple[str, float]:
    """The unit in which values are drawn, and what they are divided by."""
    if unit == "share":
        return "%", 0.01
    if unit != "seconds":
        return "", 1.0
    peak = max((point.value for point in stability.points), default=0.0)
    return next(((name, size) for name, size in _TIMES if peak >= 2 * size), _TIMES[-1])


def control(
    stability: Stability, unit: str, annotations: Sequence[Annotation] = (), *, width: int = 760
) -> str | None:
    """SVG of a control chart.

    Args:
        stability: verdict with its points.
        unit: of the figures.
        annotations: what happened; drawn as numbered lines.
        width: of the drawing.

    Returns:
        None with fewer than three points.
    """
    spec = specification(stability, unit, annotations, width=width)
    return None if spec is None else drawing.svg(spec)


def drawn(stability: Stability, annotations: Sequence[Annotation]) -> tuple[Annotation, ...]:
    """The annotations inside the time that is drawn, in their order."""
    if not stability.points:
        return ()
    first, last = stability.points[0].start, stability.points[-1].start
    return tuple(one for one in annotations if first <= one.day <= last)


def specification(
    stability: Stability, unit: str, annotations: Sequence[Annotation] = (), *, width: int = 760
) -> dict[str, Any] | None:
    """The Vega-Lite specification of `control`."""
    points = stability.points
    if len(points) < _FEWEST:
        return None
    size = scale(stability, unit)[1]
    rows = [
        {
            "day": _at(point.start), "value": point.value / size, "centre": point.centre / size,
            "low": point.low / size, "high": point.high / size, "out": point.side != 0,
            "baseline": number < stability.baseline_points,
        }
        for number, point in enumerate(points)
    ]  # fmt: skip
    x: dict[str, Any] = {
        "field": "day", "type": "temporal",
        "axis": {"title": None, "grid": False, "tickCount": 7, "labelOverlap": "greedy",
                 "format": "%-d %b"},
        "scale": {"type": "utc", "padding": 12},
    }  # fmt: skip
    y: dict[str, Any] = {
        "field": "value", "type": "quantitative",
        "axis": {"title": None, "tickCount": 5, "domain": False, "ticks": False,
                 "labelExpr": "datum.label + '%'" if unit == "share" else "datum.label"},
        "scale": _vertical(stability, size),
    }  # fmt: skip
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "color": RULE, "opacity": 0.55, "interpolate": "step"},
            "encoding": {"x": x, "y": {"field": "low", "type": "quantitative"},
                         "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": TARGET, "strokeWidth": 1, "interpolate": "step"},
            "encoding": {"x": x, "y": {"field": "centre", "type": "quantitative"}},
        },
        {
            "mark": {"type": "line", "color": LINE, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y},
        },
        _dots(x, y, "!datum.out && datum.baseline", LINE, shape="circle", filled=False),
        _dots(x, y, "!datum.out && !datum.baseline", LINE, shape="circle", filled=True),
        _dots(x, y, "datum.out", SIGNAL, shape="diamond", filled=True, area=110),
    ]  # fmt: skip
    marked = drawn(stability, annotations)
    if marked:
        values = [{"day": _at(one.day), "n": str(n)} for n, one in enumerate(marked, start=1)]
        at = {"field": "day", "type": "temporal", "scale": {"type": "utc"}}
        layers += [
            {"data": {"values": values}, "encoding": {"x": at},
             "mark": {"type": "rule", "color": INK, "strokeDash": [2, 3]}},
            {"data": {"values": values},
             "encoding": {"x": at, "y": {"value": 0}, "text": {"field": "n"}},
             "mark": {"type": "text", "color": INK, "dy": -6, "fontSize": 11}},
        ]  # fmt: skip
    return {
        "$schema": drawing.SCHEMA,
        "width": width, "height": 230, "padding": {"top": 14, "left": 2, "right": 2, "bottom": 2},
        "background": "#00000000", "data": {"values": rows}, "layer": layers,
        "config": {
            # The page names the picture and repeats it as a table.
            "aria": False, "font": "system-ui, sans-serif", "view": {"strokeOpacity": 0},
            "axis": {"labelColor": INK, "labelFontSize": 11, "gridColor": RULE,
                     "domainColor": RULE, "tickColor": RULE},
        },
    }  # fmt: skip


def has_limits(stability: Stability) -> bool:
    """Whether the chart draws limits; charts of rare events judge by running sums instead."""
    return any(point.low < point.high for point in stability.points)


def _vertical(stability: Stability, size: float) -> dict[str, Any]:
    """The scale of the figures: that on which the limits were reckoned."""
    if not stability.chart.endswith("_log"):
        return {"zero": False, "nice": True}
    positive = all(min(p.value, p.low, p.centre) > 0 for p in stability.points)
    if positive:
        return {"type": "log", "nice": True}
    return {"type": "symlog", "constant": 1 / size, "nice": True}


def _dots(
    x: dict[str, Any],
    y: dict[str, Any],
    which: str,
    colour: str,
    *,
    shape: str,
    filled: bool,
    area: int = 38,
) -> dict[str, Any]:
    return {
        "transform": [{"filter": which}],
        "mark": {"type": "point", "color": colour, "shape": shape, "filled": filled, "opacity": 1,
                 "size": area, "fill": colour if filled else "#00000000", "stroke": colour},
        "encoding": {"x": x, "y": y},
    }  # fmt: skip


def _at(day: int) -> str:
    return to_date(day).isoformat() + "T00:00:00Z"

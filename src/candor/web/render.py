"""Templates of the dashboard, beside those of the reports whose pieces and look they share."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from candor.reports import html
from candor.window import format_instant, to_date

_FOLDER = Path(__file__).parent
TEMPLATES, STATIC = _FOLDER / "templates", _FOLDER / "static"
ASSETS: dict[str, tuple[Path, str]] = {
    "report.css": (html.TEMPLATES / "report.css", "text/css; charset=utf-8"),
    "web.css": (STATIC / "web.css", "text/css; charset=utf-8"),
    "web.js": (STATIC / "web.js", "text/javascript; charset=utf-8"),
    "htmx.js": (STATIC / "htmx-2.0.8.min.js", "text/javascript; charset=utf-8"),
    "icon.svg": (STATIC / "icon.svg", "image/svg+xml"),
}
"""Every file a page may load; nothing else is served from disk."""


@cache
def _environment() -> Environment:
    made = html.environment(TEMPLATES)
    made.filters |= {
        "segment_path": segment_path, "day": _day, "moment": _moment,
        "named": named, "kind": lambda block: type(block).__name__,
        "date_of": lambda day: to_date(day).isoformat(),
    }  # fmt: skip
    made.globals |= {"asset": asset}
    return made


@cache
def asset(name: str) -> str:
    """URL of a file, which changes with its content."""
    digest = hashlib.sha256(ASSETS[name][0].read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def fragment(template: str, **values: Any) -> Markup:
    """The body of a page."""
    # Every value was escaped by the environment while it was rendered.
    return Markup(_environment().get_template(template).render(**values))  # noqa: S704


def page(**values: Any) -> str:
    """A whole page around a body."""
    return _environment().get_template("shell.html.j2").render(**values)


def segment_path(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def named(name: str) -> str:
    """A column or author in words."""
    words = name.removesuffix("_id").replace("_", " ")
    return f"AI{words[2:]}" if words.startswith("ai ") else words


def _day(instant: int) -> str:
    return format_instant(instant)[:10]


def _moment(instant: int) -> str:
    return format_instant(instant)[:19].replace("T", " ") + " UTC"

"""Pictures and printed pages show what the page shows, name its snapshot, and run nothing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from candor.reports import drawing, pdf, pictures
from candor.reports.document import Colophon, Column, Document, Range, Section, Table, Value

from .conftest import HOSTILE, HOSTILE_INTENT

NARROW = f"grain=all&customer_segment={quote(HOSTILE_INTENT)}"
DRAWN = (
    "scorecard?grain=all", "scorecard?grain=all&channel=email", "metric/containment_rate?grain=all&by=channel",
    "resolution", "intents?grain=all", "handoffs?grain=all", "drop-off?grain=all", "economics?grain=all",
)  # fmt: skip


def words_of(svg: bytes) -> str:
    """Every text of a picture, in which nothing but shapes and texts may stand."""
    root = ET.fromstring(svg)
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in (
            "script",
            "image",
            "foreignObject",
            "a",
            "style",
        )
        assert not [
            name for name in element.attrib if name.lower().startswith("on") or "href" in name
        ]
    return " ".join(element.text or "" for element in root.iter())


@pytest.mark.parametrize("page", DRAWN)
def test_a_picture_names_its_snapshot_and_holds_shapes_only(ann: TestClient, page: str) -> None:
    answer = ann.get(f"/export/svg/{page}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "attachment" in answer.headers["content-disposition"]
    snapshot = ann.get("/api/scorecard?grain=all").json()["snapshot"]
    words = words_of(answer.content)
    assert f"snapshot {snapshot}" in words
    assert "\u202e" not in words


def test_a_picture_shows_the_filters_and_the_members_of_the_page(ann: TestClient) -> None:
    narrowed = words_of(ann.get("/export/svg/scorecard?grain=all&channel=email").content)
    assert "channel email" in narrowed
    by = words_of(ann.get("/export/svg/metric/containment_rate?grain=all&by=channel").content)
    assert "email" in by


def test_hostile_words_stand_in_a_picture_as_words() -> None:
    rows = ((text, Value(0.25, "share"), Range(0.2, 0.3, "share")) for text in HOSTILE)
    columns = (Column("who"), Column("now", True), Column("interval", True))
    table = Table("<script>alert(1)</script>", columns, tuple(rows))
    section = Section("one", "One", (table,))
    colophon = Colophon("0123456789abcdef", "2026-10-01T00:00:00Z", "1", 0.95)
    spec = pictures.specification(
        Document("page", HOSTILE_INTENT, "all data", (), (section,), colophon), "Head", HOSTILE[0]
    )
    words = words_of(drawing.svg(spec).encode())
    assert "<script>document.title='broken'</script>" in words
    assert "{{ 7 * 7 }} ${7*7} {% raw %}" in words
    assert "\u202e" not in words


def test_a_picture_hides_what_the_page_hides(
    browser: Callable[..., Any], person: Callable[..., Any]
) -> None:
    person("vic", "viewer")
    assert browser("vic").get("/export/svg/scorecard").status_code == 403
    person("amy", "analyst", channel="email")
    amy = browser("amy")
    assert "channel email" in words_of(amy.get("/export/svg/scorecard?grain=all").content)
    assert amy.get("/export/svg/handoffs").status_code == 403


def test_pixels(ann: TestClient) -> None:
    answer = ann.get("/export/png/metric/containment_rate?grain=all&by=channel")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    width = int.from_bytes(answer.content[16:20], "big")
    assert width > 1000, "two pixels for each point"


def test_a_page_printed(ann: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str] = []
    monkeypatch.setattr(pdf, "render", lambda page: printed.append(page) or b"%PDF-")
    answer = ann.get(f"/export/pdf/scorecard?{NARROW}")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content == b"%PDF-"
    snapshot = ann.get("/api/scorecard?grain=all").json()["snapshot"]
    assert snapshot in printed[0]
    assert "Containment rate" in printed[0]
    assert "<b onmouseover" not in printed[0]


def test_a_page_without_figures_has_no_picture(ann: TestClient) -> None:
    assert ann.get("/export/svg/health").status_code == 404
    assert ">SVG<" not in ann.get("/health").text
    assert ">SVG<" in ann.get("/?grain=all").text


def test_rows_that_say_the_same_stay_apart() -> None:
    table = Table("t", (Column("who"), Column("now", True), Column("then", True)),
                  (("a", Value(0.5, "share"), Value(0.4, "share")),
                   ("a", Value(30.0, "seconds"), Value(None, "seconds"))))  # fmt: skip
    panels = list(pictures._of_table(table))
    points = [point for panel in panels for point in panel["data"]["values"]]
    assert [(p["label"], p["series"], p["value"]) for p in points] == [
        ("a", "now", 50.0), ("a", "then", 40.0), ("a (2)", "now", 30.0), ("a (2)", "then", None),
    ]  # fmt: skip

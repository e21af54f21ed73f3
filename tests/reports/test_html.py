"""The written report: self-contained, inert, complete, and true to the scorecard."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from candor.estimates import Bounds, Estimate
from candor.reports import charts, geometry, html
from candor.reports.report import Report
from candor.verdicts.scorecard import MetricInfo

from .sample import HOSTILE, MONTHS, report, scorecard


class _Page(HTMLParser):
    """Tags, attributes and text of a page; checks that elements are closed in order."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def rendered() -> str:
    return html.render(report())


@pytest.fixture(scope="module")
def page(rendered: str) -> _Page:
    return _Page(rendered)


def test_every_element_is_closed_and_ids_are_unique(page: _Page) -> None:
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {a["href"] for a in page.all("a")}
    assert anchors <= {f"#{name}" for name in ids}


def test_nothing_is_fetched_and_nothing_runs(page: _Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
        "image",
        "use",
    }
    for _, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name != "style", "the policy allows one style sheet and no style attribute"
            if name in ("src", "href", "action"):
                assert (value or "").startswith("#")


def test_the_policy_allows_exactly_the_style_sheet(rendered: str, page: _Page) -> None:
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    css = re.search(r"<style>(.*?)</style>", rendered, re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in css[1]
    assert "@import" not in css[1]


def test_hostile_text_stays_text(rendered: str, page: _Page) -> None:
    assert HOSTILE not in rendered
    assert any(HOSTILE in text for text in page.texts)
    evil = _Page(html.render(replace(report(), card=replace(scorecard(), title=HOSTILE))))
    assert evil.open == []
    assert not evil.all("script")
    assert not evil.all("img")


def test_figures_of_the_scorecard_are_on_the_page(page: _Page) -> None:
    text = " ".join(page.texts)
    card = scorecard()
    shown = [row for row in card.rows if row.estimate.point is not None]
    assert len(shown) >= 15
    for row in shown:
        figure = html.wording.figure(row.estimate.point, row.estimate.unit, "EUR")
        assert figure in page.texts, row.info.name
        assert f"{row.estimate.observed:,}".replace(",", "\u202f") in text
    for headline in card.headlines:
        assert headline.text in page.texts


def test_a_refusal_shows_its_reason_and_no_figure(page: _Page) -> None:
    text = " ".join(page.texts)
    assert "No message carries the sources it was answered from." in text
    assert "Too many units are still inside the window" in text
    assert not any(a.get("id") == "m-groundedness_rate" for a in page.all("article"))


def test_each_chart_has_its_table_twin(page: _Page) -> None:
    figures = len(page.all("figure"))
    assert figures == page.texts.count("Show as table") == 14
    charts_shown = [d for d in page.all("div") if d.get("class") == "chart"]
    assert len(charts_shown) == figures
    assert all(d["role"] == "img" and d["aria-label"] for d in charts_shown)


def test_tables_and_landmarks_can_be_read_aloud(page: _Page) -> None:
    assert len(page.all("table")) == len(page.all("caption"))
    assert all("scope" in th for th in page.all("th"))
    for landmark in ("header", "nav", "main", "footer"):
        assert page.all(landmark)
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_how_it_was_counted_stands_with_the_figure(page: _Page) -> None:
    text = " ".join(page.texts)
    assert "ai_involved and engaged and is_inbound and is_automatable" in text
    assert "select bucket, day, count(true_resolution)" in text
    assert "true_resolution_rate@1" in text
    assert "9f27c1d04b7a3e58" in text
    assert "412\u202f338" in text
    assert "sources · zendesk · covered until" in text


def test_the_same_report_gives_the_same_bytes(rendered: str) -> None:
    assert html.render(report()) == rendered


def test_an_empty_scorecard_is_a_page_too() -> None:
    card = replace(scorecard(), categories=(), headlines=(), data_health={})
    page = _Page(html.render(Report(card=card)))
    assert page.open == []
    assert "There is no figure of resolution yet." in page.texts


def _series() -> tuple[Estimate, ...]:
    row = scorecard().row("rephrase_rate")
    assert row is not None
    return row.series


def test_a_chart_leaves_a_gap_where_nothing_is_said() -> None:
    spec = charts.specification(_series(), 0.18)
    assert spec is not None
    points = spec["data"]["values"]
    assert [point["day"][:7] for point in points][2:4] == ["2025-11", "2026-01"]
    assert [point["run"] for point in points] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert spec["layer"][0]["data"]["values"] == [{"value": 18.0}]
    assert points[0]["value"] == pytest.approx(100 * _series()[0].point)


def test_the_chart_specification_is_valid() -> None:
    import altair as alt

    for series in (_series(), _series() * 3):
        spec = charts.specification(series, 0.18)
        assert spec is not None
        alt.LayerChart.from_dict(spec)


def test_two_points_are_no_history() -> None:
    assert charts.trend(_series()[:2]) is None
    assert charts.trend(()) is None


def _estimate(point: float, low: float, high: float, unit: str = "share") -> Estimate:
    return replace(_series()[-1], point=point, low=low, high=high, unit=unit)


def test_the_bar_places_marks_by_their_figures() -> None:
    found = geometry.bar(_estimate(0.5, 0.4, 0.6), 0.7)
    assert found is not None
    assert (found.low, found.point, found.high, found.target) == (40, 50, 60, 70)
    small = geometry.bar(_estimate(0.01, 0.005, 0.02), None)
    assert small is not None
    assert (small.last, small.point) == (0.025, 40)
    seconds = geometry.bar(_estimate(200, 180, 230, "seconds"), 240)
    assert seconds is not None
    assert (seconds.first, seconds.last, seconds.target) == (0, 300, 80)
    days = geometry.bar(_estimate(3e5, 2e5, 4e5, "seconds"))
    assert days is not None
    assert days.last == 6 * 86_400
    below = geometry.bar(_estimate(-0.5, -0.7, 0.2, "score"))
    assert below is not None
    assert below.first == -0.8
    assert geometry.bar(replace(_series()[3])) is None


def test_the_ladder_adds_up_to_everything() -> None:
    estimate = replace(_series()[-1], bounds=Bounds(0.25, 0.46, 0.56, 0.41, 0.61))
    steps = geometry.ladder(estimate)
    assert [step.kind for step in steps] == ["confirmed", "assumed", "unknown", "failed"]
    assert sum(step.width for step in steps) == pytest.approx(100)
    assert [step.start for step in steps] == [0, 25, 46, 56]
    assert geometry.ladder(replace(estimate, bounds=None)) == ()


def test_periods_in_words() -> None:
    estimate = _series()[0]
    assert html.period(estimate) == "September 2025"
    week = replace(estimate, grain="week", period_start=MONTHS[0], period_end=MONTHS[0] + 7)
    assert html.period(week) == "1 Sep – 7 Sep 2025"
    day = replace(estimate, grain="day", period_start=MONTHS[0], period_end=MONTHS[0] + 1)
    assert html.period(day) == "1 September 2025"
    quarter = replace(estimate, grain="quarter", period_start=MONTHS[1])
    assert html.period(quarter) == "Q4 2025"
    assert html.period(replace(estimate, period_start=None)) == "all data"


def test_every_status_and_direction_has_a_word() -> None:
    assert set(html.STATUS_WORDS) == set(html.Status)
    assert set(html.DIRECTION_WORDS) == set(html.Direction)
    assert MetricInfo("a", "A", "?", "risk").tier == "secondary"

"""What pages, JSON and files show, to whom; hostile texts stay texts on every way out."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import openpyxl
import pytest
from fastapi.testclient import TestClient

from candor.access.permissions import OPERATOR
from candor.answers import Answers
from candor.verdicts import wording
from candor.web import render
from candor.web.site import Site

from .conftest import HOSTILE, HOSTILE_INTENT, HOSTILE_THREAD, Parts

Browser = Callable[..., TestClient]
Maker = Callable[..., object]
HTMX = "22283ef68cb7545914f0a88a1bdedc7256a703d1d580c1d255217d0a50d31313"
NARROW = f"customer_segment={quote(HOSTILE_INTENT)}"
PAGES = (
    "/", "/?view=legacy", "/?grain=all", f"/?grain=all&{NARROW}", "/glossary", "/glossary?q=effort",
    "/metric/containment_rate?by=release&grain=all", "/metric/candor_index",
    "/metric/containment_rate?by=intent_id&grain=all",
    "/metric/containment_rate/denominator?grain=all", "/conversations", "/conversations?id=hostile",
    f"/conversations/{quote(HOSTILE_THREAD, safe='')}", "/resolution", "/reviews/weekly", "/plan",
    "/vendor", "/economics?quality=10", "/intents?grain=all", "/handoffs?grain=all",
    "/drop-off?grain=all", "/assist", "/releases", "/fairness", "/bill", "/health", "/audit", "/people", "/account", "/shares", "/annotations", "/alerts", "/nope",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_hostile_texts_are_only_texts(ann: TestClient, path: str) -> None:
    answer = ann.get(path)
    assert answer.status_code == (404 if path == "/nope" else 200)
    page = Parts(answer.text)
    tags = [tag for tag, _ in page.found]
    assert tags.count("h1") == 1
    assert [attrs.get("src") for tag, attrs in page.found if tag == "script"] == [
        render.asset("htmx.js"), render.asset("web.js"),
    ]  # fmt: skip
    assert not {"style", "img", "iframe", "object", "embed", "base"} & set(tags)
    for tag, attrs in page.found:
        assert not [name for name in attrs if name.startswith("on") or name == "style"], (
            tag,
            attrs,
        )
        for name in ("href", "src", "action"):
            target = attrs.get(name)
            assert target is None or target.startswith(("/", "#")), target
            assert target is None or not target.startswith("//"), target
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", answer.text)
    ids = [attrs["id"] for _, attrs in page.found if "id" in attrs]
    assert len(ids) == len(set(ids)), sorted({one for one in ids if ids.count(one) > 1})
    assert "Traceback" not in answer.text


def test_hostile_words_are_shown_as_they_are(ann: TestClient) -> None:
    page = Parts(ann.get(f"/conversations/{quote(HOSTILE_THREAD, safe='')}").text)
    shown = "".join(page.text)
    assert f"{HOSTILE[0]} 0" in shown
    assert HOSTILE_THREAD in shown


@pytest.mark.parametrize("view", ["scorecard", "metric/containment_rate", "conversations"])
def test_a_spreadsheet_never_gets_a_formula(ann: TestClient, view: str) -> None:
    more = "" if view == "conversations" else f"?grain=all&{NARROW}"
    text = ann.get(f"/export/csv/{view}{more}").content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    bad = [c for c in cells if c[:1] in "=+@|%\t\r" and c and not _is_number(c)]
    assert bad == []
    assert any("snapshot" in cell for cell in cells)


def test_a_workbook_holds_text_not_formulas(ann: TestClient) -> None:
    answer = ann.get("/export/xlsx/metric/containment_rate?by=intent_id&grain=all")
    assert "attachment" in answer.headers["content-disposition"]
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell for cell in cells if cell.data_type == "f"] == []
    assert any(isinstance(cell.value, str) and "=1+1" in cell.value for cell in cells)


def test_page_json_and_file_show_the_same_figure(ann: TestClient, root: Path) -> None:
    with Answers.open(root) as answers:
        (expected,) = answers.estimates(["containment_rate"]).estimates
    assert expected.point is not None
    words = wording.figure(expected.point, "share")
    assert words in ann.get("/metric/containment_rate?grain=all").text
    data = ann.get("/api/metric/containment_rate?grain=all").json()
    assert data["figure"]["estimate"]["point"] == expected.as_row()["point"]
    assert data["snapshot"] == expected.snapshot
    text = ann.get("/export/csv/metric/containment_rate?grain=all").content.decode("utf-8-sig")
    rows = {row[0]: row for row in csv.reader(io.StringIO(text)) if len(row) > 2}
    assert float(rows["Containment rate"][1]) == pytest.approx(expected.point, abs=1e-9)


def test_a_filter_confines_every_figure(ann: TestClient, root: Path) -> None:
    data = ann.get("/api/scorecard?grain=all&channel=email").json()
    with Answers.open(root) as answers:
        (expected,) = answers.estimates(["escalation_rate"], where={"channel": "email"}).estimates
    rows = [row for part in data["categories"] for row in part["metrics"]]
    (row,) = [row for row in rows if row["metric"] == "escalation_rate"]
    assert row["estimate"]["eligible"] == expected.eligible > 0
    assert data["findings"] == []
    assert "candor_index" not in {row["metric"] for row in rows}


def test_the_lists_behind_a_figure_are_as_long_as_its_counts(ann: TestClient, root: Path) -> None:
    with Answers.open(root) as answers:
        (expected,) = answers.estimates(["containment_rate"]).estimates
    found: dict[str, int] = {}
    for outcome in ("numerator", "denominator", "unknown", "excluded"):
        page, count = 1, 0
        while True:
            url = f"/api/metric/containment_rate/{outcome}?grain=all&page={page}"
            units = ann.get(url).json()["units"]
            count += len(units)
            if len(units) < 50:
                break
            page += 1
        found[outcome] = count
    assert found["denominator"] == expected.observed
    assert found["numerator"] == expected.total
    assert found["unknown"] == expected.unknown
    assert found["excluded"] == sum(expected.excluded.values())


def test_money_is_for_those_who_may_see_it(
    browser: Browser, person: Maker, ann: TestClient
) -> None:
    person("vic", "viewer")
    vic = browser("vic")
    names = [
        {row["metric"] for part in client.get("/api/scorecard").json()["categories"]
         for row in part["metrics"]}
        for client in (ann, vic)
    ]  # fmt: skip
    assert "cost_to_serve" in names[0] - names[1]
    assert "containment_rate" in names[0] & names[1]
    assert vic.get("/metric/cost_to_serve").status_code == 404
    assert vic.get("/metric/cost_to_serve").text != vic.get("/metric/nothing").text
    glossary = {row["name"] for row in vic.get("/api/glossary").json()["metrics"]}
    assert "cost_to_serve" not in glossary
    told = vic.get("/api/conversations/t1").json()
    assert "cost_to_serve" not in {v["metric"] for one in told["contacts"] for v in one["verdicts"]}
    assert "Cost to serve" not in vic.get("/").text


def test_small_groups_are_hidden_from_those_who_may_not_see_them(
    browser: Browser, person: Maker, ann: TestClient
) -> None:
    person("vic", "viewer")
    url = "/api/metric/containment_rate?by=channel&grain=all"
    everything = ann.get(url).json()["breakdown"]["estimates"]
    shown = browser("vic").get(url).json()["breakdown"]["estimates"]
    url = "/api/metric/containment_rate?by=release&grain=all"
    everything += ann.get(url).json()["breakdown"]["estimates"]
    shown += browser("vic").get(url).json()["breakdown"]["estimates"]
    small = [row for row in everything if 0 < (row["customers"] or row["eligible"]) < 10]
    assert small, "the workspace holds small groups"
    hidden = [row for row in shown if row["refusal"] == "suppressed"]
    assert len(hidden) >= len(small)
    assert all(row["eligible"] == row["customers"] == 0 and row["point"] is None for row in hidden)
    left = [row["customers"] or row["eligible"] for row in shown if row not in hidden]
    assert all(size >= 10 or size == 0 for size in left)


def test_text_is_shown_by_grant_only_and_each_opening_leaves_a_row(
    browser: Browser, person: Maker, site: Site
) -> None:
    made = person("rev", "reviewer")
    client = browser("rev")
    said = "Which e-mail address did you use for it?"
    path = f"/conversations/{quote(HOSTILE_THREAD, safe='')}"

    def openings() -> int:
        query = "select count(*) from audit where action = 'text.open'"
        return int(site.store.connection.execute(query).fetchone()[0])

    told = client.get(f"/api{path}").json()
    assert told["text_shown"] is False
    assert {moment["text"] for moment in told["timeline"]} == {""}
    assert openings() == 0
    site.people.grant_text(OPERATOR, made.id, "tests of pages", 7)  # type: ignore[attr-defined]
    told = client.get(f"/api{path}").json()
    assert f"{HOSTILE[0]} 1" in {moment["text"] for moment in told["timeline"]}
    assert openings() == 1
    client.get(path)
    assert openings() == 2, "an answer from memory is an opening too"
    assert said not in client.get("/export/csv/conversations").text
    site.people.end_grants(OPERATOR, made.id)  # type: ignore[attr-defined]
    assert {m["text"] for m in client.get(f"/api{path}").json()["timeline"]} == {""}


def test_what_is_not_yours_is_not_there(browser: Browser, person: Maker, root: Path) -> None:
    person("mel", "analyst", channel="email")
    client = browser("mel")
    with Answers.open(root) as answers:
        ids = dict(
            answers.engine.rows(
                "select channel, min(conversation_id) from conversation group by channel"
            )
        )
    mine, other = (quote(ids[name], safe="") for name in ("email", "chat"))
    assert client.get(f"/conversations/{mine}").status_code == 200
    hidden, missing = client.get(f"/conversations/{other}"), client.get("/conversations/none")
    assert hidden.status_code == missing.status_code == 404
    listed = client.get("/api/conversations").json()["conversations"]
    assert {row["channel"] for row in listed} == {"email"}
    units = client.get("/api/metric/containment_rate/denominator?grain=all").json()["units"]
    with Answers.open(root) as answers:
        (expected,) = answers.estimates(["containment_rate"], where={"channel": "email"}).estimates
    assert len(units) == min(50, expected.observed)


def test_a_link_with_another_snapshot_says_that_figures_moved(ann: TestClient) -> None:
    moved = "Figures have been published since"
    current = ann.get("/api/scorecard").json()["snapshot"]
    assert moved in ann.get("/?snapshot=0123456789abcdef").text
    assert moved not in ann.get(f"/?snapshot={current}").text


@pytest.mark.parametrize(
    "query",
    ["bad=1", "grain=years", "until=yesterday", "view=none", "channel=a&channel=b",
     "until=2026-13-01", "snapshot=x", "stage=crawl&channel=chat", "view=' or 1=1 --"],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_place(ann: TestClient, query: str) -> None:
    answer = ann.get(f"/api/scorecard?{query}")
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["what"]


@pytest.mark.parametrize(
    "value",
    ["' or '1'='1", "chat'; drop table conversation; --", "\\", "%", "chat\u0000", "(none)"],
)
def test_a_filter_is_a_value_and_nothing_else(ann: TestClient, value: str) -> None:
    answer = ann.get(f"/api/conversations?channel={quote(value)}")
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json()["conversations"] == []
    assert ann.get(f"/api/conversations?id={quote(value)}").json().get("conversations", []) == []


def test_a_conversation_with_signs_in_its_id_is_reached_by_every_link(
    ann: TestClient, browser: Browser
) -> None:
    page = Parts(ann.get("/conversations/t1%231").text)
    links = [attrs["href"] or "" for tag, attrs in page.found if tag == "a" and "href" in attrs]
    found = [link for link in links if "t1%231" in link]
    assert len(found) == 3, "as JSON, with its snapshot, and its outcome"
    for link in found:
        assert ann.get(link).status_code == 200
    asked = browser().get("/conversations/t1%231").headers["location"]
    assert asked == "/login?next=%2Fconversations%2Ft1%25231"


def test_a_conversation_shows_what_every_rule_says_of_it(ann: TestClient) -> None:
    told = ann.get("/api/conversations/t1").json()["rules"]
    assert len(told) >= 16
    assert {row["outcome"] for row in told} <= {
        "resolved", "not_resolved", "undetermined", "needs_judge", "excluded",
    }  # fmt: skip
    assert all(row["because"] for row in told)


def test_nothing_measured_yet_is_told_not_failed(
    tmp_path: Path, browser: Browser, person: Maker, site: Site
) -> None:
    from candor import pipeline
    from candor.web.desk import Desk

    pipeline.initialise(tmp_path / "new", [])
    desk = Desk(tmp_path / "new", wait=10)
    person("vic", "viewer")
    client = browser("vic")
    before, site.desk, site.root = (site.desk, site.root), desk, tmp_path / "new"
    try:
        answer = client.get("/")
        assert answer.status_code == 409
        assert "nothing has been measured" in answer.text.lower()
        assert str(tmp_path) not in answer.text
        assert str(tmp_path) not in json.dumps(client.get("/api/scorecard").json())
    finally:
        site.desk, site.root = before
        desk.close()


def test_the_script_that_is_not_ours_is_the_pinned_one() -> None:
    path, _ = render.ASSETS["htmx.js"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in path.with_name("htmx-2.0.8.LICENSE").read_text(encoding="utf-8")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_a_metric_narrowed_is_the_one_of_the_narrowed_scorecard(ann: TestClient) -> None:
    card = ann.get("/api/scorecard?grain=all&channel=chat").json()
    rows = {row["metric"]: row for each in card["categories"] for row in each["metrics"]}
    for name in (
        "containment_rate",
        "deflection_rate",
        "true_resolution_rate",
        "time_to_resolution",
    ):
        page = ann.get(f"/api/metric/{name}?grain=all&channel=chat").json()
        assert (page["figure"] is None) == (name not in rows), name
        for part in ("estimate", "change", "status") if name in rows else ():
            assert page["figure"][part] == rows[name][part], (name, part)
    assert rows["containment_rate"]["estimate"]["point"] is not None


def test_a_segment_named_like_an_argument_does_not_break_a_page(ann: TestClient) -> None:
    assert ann.get("/metric/containment_rate?grain=all&by=path").status_code == 200


def test_data_that_did_not_change_are_not_sent_again(ann: TestClient) -> None:
    first = ann.get("/api/scorecard?grain=all")
    mark = first.headers["etag"]
    again = ann.get("/api/scorecard?grain=all", headers={"if-none-match": mark})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", mark)
    other = ann.get("/api/scorecard?grain=all&channel=chat", headers={"if-none-match": mark})
    assert other.status_code == 200
    assert other.headers["etag"] != mark


def test_without_the_grant_no_word_is_in_any_form_of_a_conversation(
    ann: TestClient, browser: Callable[..., TestClient], person: Callable[..., object], root: Path
) -> None:
    """Grounds of scores quote messages: they are text as well."""
    person("una", "admin")
    una = browser("una")
    with Answers.open(root) as answers:
        quoted = [
            (one, ground.quote)
            for one in ("t1", "t2", "t3", "t5", "t8")
            for score in answers.why(one).scores
            for ground in score.evidence
            if len(ground.quote) > 12
        ]
    assert quoted, "some score has words among its grounds"
    for thread, words in quoted:
        granted = ann.get(f"/api/conversations/{thread}").text
        assert json.dumps(words, ensure_ascii=False)[1:-1] in granted
        for form in ("/api/conversations/", "/conversations/"):
            told = html.unescape(una.get(f"{form}{thread}").text)
            assert words not in told
            assert json.dumps(words, ensure_ascii=False)[1:-1] not in told


def test_the_other_contacts_of_a_customer(ann: TestClient, root: Path) -> None:
    with Answers.open(root) as answers:
        rows = answers.engine.rows(
            "select a.conversation_id, b.conversation_id from conversation as a join conversation as b"
            " on a.person_key = b.person_key and a.thread_key <> b.thread_key and a.customer_known"
            " and abs(a.started_at - b.started_at) <= 30 * 86400000000 order by 1, 2"
        )
    pairs = [(one, other) for one, other in rows if other.endswith("#1") and one.endswith("#1")]
    assert pairs
    one, other = pairs[0]
    found = ann.get(f"/api/conversations/{quote(one, safe='')}").json()["others"]
    assert other in [each["conversation"] for each in found]
    assert one not in [each["conversation"] for each in found]

"""A real browser walks every page: two widths, light and dark, with and without scripts.

No message on the console, no request to another place, nothing that scrolls sideways, nothing that
axe finds; hostile texts run nothing. Needs Chromium: skips visibly without it, fails in CI unless
``CANDOR_WITHOUT_BROWSER=1``.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn

from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.reports import pdf
from candor.reviewing import queue as drawing
from candor.web.application import create
from candor.web.desk import Desk
from candor.web.site import Rates, Site
from candor.workspace import Workspace

from .conftest import HOSTILE_INTENT, HOSTILE_THREAD, PASSWORD, bill_of

PAGES = (
    "/", "/?grain=all&view=legacy", f"/?grain=all&customer_segment={quote(HOSTILE_INTENT)}",
    "/glossary", "/glossary?q=effort", "/metric/containment_rate?by=release&grain=all",
    "/metric/time_to_resolution", "/metric/candor_index",
    "/metric/containment_rate/denominator?grain=all", "/conversations?id=hostile",
    f"/conversations/{quote(HOSTILE_THREAD, safe='')}", "/conversations/t1", "/override/t1", "/resolution", "/claims", "/claims?by=channel",
    "/reviews/weekly", "/reviews", "/calibration", "/plan", "/vendor", "/economics?quality=10&grain=all", "/intents?grain=all",
    "/handoffs?grain=all", "/drop-off?grain=all", "/assist", "/releases", "/experiments", "/fairness", "/knowledge?grain=all", "/topics?grain=all", "/topics/t1?grain=all", "/bill", "/health", "/audit", "/people", "/account", "/shares",
    "/alerts", "/annotations", "/connect", "/mailings", "/privacy",
)  # fmt: skip
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium."""
    found = pdf.browser()
    if found is None:
        if os.environ.get("CI") == "true" and os.environ.get("CANDOR_WITHOUT_BROWSER") != "1":
            pytest.fail("no Chromium in CI; set CANDOR_WITHOUT_BROWSER=1 to run without it")
        pytest.skip("needs Chromium: none is installed, and CANDOR_CHROMIUM names none")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def address(root: Path, desk: Desk, tmp_path: Path) -> Iterator[str]:
    """A listening server with an admin who may read text."""
    store = Store(tmp_path / "restricted")
    site = Site(root, desk, store, may_share=True, rates=Rates(burst=100_000))
    made = site.people.add(OPERATOR, "ada", "admin", PASSWORD)
    site.people.grant_text(OPERATOR, made.id, "tests of pages", 7)
    site.people.add(OPERATOR, "bob", "viewer", PASSWORD, scope={"channel": "email"})
    with _listening(create(site).app, site) as found:
        yield found
    store.close()


@contextmanager
def _listening(application: Any, site: Site) -> Iterator[str]:
    from candor.web.surroundings import Surroundings

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = uvicorn.Config(
        Surroundings(application, site), host="127.0.0.1", port=port, log_level="error",
        lifespan="off",
    )  # fmt: skip
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    assert server.started
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@contextmanager
def _page(
    chromium: Any,
    address: str,
    told: list[str],
    name: str = "ada",
    *,
    start: str = "/",
    **options: Any,
) -> Iterator[Any]:
    """A logged-in page that writes down whatever goes wrong."""
    context = chromium.new_context(**options)
    page = context.new_page()
    page.on(
        "console",
        lambda one: told.append(f"{one.type}: {one.text} at {page.url}")
        if one.type in ("error", "warning") else None,
    )  # fmt: skip
    page.on("pageerror", lambda error: told.append(f"script: {error} at {page.url}"))
    page.on("dialog", lambda dialog: told.append(f"dialog: {dialog.message}") or dialog.dismiss())
    page.on(
        "request",
        lambda one: None if one.url.startswith((f"{address}/", "data:"))
        else told.append(f"outside: {one.url}"),
    )  # fmt: skip
    page.goto(f"{address}/login?next={start}")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{address}{start}")
    yield page
    context.close()


@pytest.mark.parametrize(
    ("width", "scheme", "has_scripts"),
    [(1440, "light", True), (390, "dark", True), (1440, "dark", False), (390, "light", False)],
)
def test_every_page(
    chromium: Any, address: str, width: int, scheme: str, has_scripts: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    told: list[str] = []
    options = {
        "viewport": {"width": width, "height": 900}, "color_scheme": scheme,
        "java_script_enabled": has_scripts,
    }  # fmt: skip
    with _page(chromium, address, told, **options) as page:
        for number, path in enumerate(PAGES):
            # Without scripts each page is walked once; axe looks at each page once.
            is_mine = number % 2 == (width == 390)
            if not (has_scripts or is_mine):
                continue
            answer = page.goto(address + path)
            assert answer.status == 200, path
            assert page.locator("h1").count() == 1, path
            assert page.title() != "broken", path
            if not has_scripts:
                continue
            page.evaluate(
                "document.querySelectorAll('main details').forEach(one => one.open = true)"
            )
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} scrolls sideways: {wide}"
            if not is_mine:
                continue
            found = axe.run(page, options=AXE).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], path
    assert told == []


def test_a_journey_from_the_page_to_a_conversation_without_scripts(
    chromium: Any, address: str
) -> None:
    told: list[str] = []
    with _page(chromium, address, told, java_script_enabled=False) as page:
        page.select_option("select[name=grain]", "all")
        page.click("form.filters > button")
        assert "grain=all" in page.url
        page.click("#m-containment_rate a >> nth=0")
        page.select_option("select[name=by]", "channel")
        page.click("form.filters > button")
        page.click("table.bars tbody a >> nth=0")
        assert page.locator(".chip").count() == 1
        page.click(".behind a >> nth=1")
        page.click("tbody th a >> nth=0")
        assert page.locator(".timeline li").count() > 1
        page.click(".menu summary")
        page.click("text=Log out")
        assert "/login" in page.url
    assert told == []


def test_a_journey_by_keyboard(chromium: Any, address: str) -> None:
    told: list[str] = []
    with _page(chromium, address, told) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("/")
        page.wait_for_url("**/glossary")
        page.keyboard.press("/")
        page.keyboard.type("effort", delay=5)
        page.wait_for_url("**/glossary?q=effort")
        assert 0 < page.locator(".shelf li").count() < 30
        page.goto(f"{address}/")
        before = page.locator(".steps strong").inner_text()
        page.keyboard.press("Shift+ArrowLeft")
        page.wait_for_url("**until=**")
        assert page.locator(".steps strong").inner_text() != before
    assert told == []


def test_a_choice_is_taken_at_once_where_scripts_run(chromium: Any, address: str) -> None:
    told: list[str] = []
    with _page(chromium, address, told) as page:
        assert not page.locator("form.filters > button").is_visible()
        page.select_option("select[name=grain]", "all")
        page.wait_for_url("**grain=all**")
    assert told == []


def test_printing_leaves_the_figures_and_drops_what_is_for_hands(
    chromium: Any, address: str
) -> None:
    told: list[str] = []
    with _page(chromium, address, told) as page:
        page.emulate_media(media="print")
        for name in ("header.site", ".filters", ".tools"):
            assert not page.locator(name).first.is_visible(), name
        assert page.locator(".card .big").first.is_visible()
    assert told == []


@pytest.mark.parametrize(
    ("width", "scheme", "has_scripts"), [(1440, "light", True), (390, "dark", False)]
)
def test_a_journey_from_a_file_to_a_rehearsal(
    chromium: Any, address: str, tmp_path: Path, width: int, scheme: str, has_scripts: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    file = tmp_path / "<b>export.csv"
    attack = "document.title='broken'"
    good = "".join(
        f'T{n},M{n},2026-06-01T09:0{n}:00Z,customer,<img src=x onerror="{attack}">\n'.replace(
            '"', ""
        )
        for n in range(8)
    )
    file.write_text(
        f"ticket_id,message_id,created_at,sender,body\n{good}"
        f"T9,M9,<script>{attack}</script>,customer,<script>{attack}</script>\n",
        encoding="utf-8",
    )
    told: list[str] = []
    options = {
        "viewport": {"width": width, "height": 900}, "color_scheme": scheme,
        "java_script_enabled": has_scripts,
    }  # fmt: skip
    with _page(chromium, address, told, start="/connect", **options) as page:
        page.set_input_files("#files", file)
        page.click("main button")
        page.wait_for_selector("#mapping", timeout=60_000)
        page.fill("#name", "desk_by_hand")
        page.click("button:has-text('Rehearse')")
        page.wait_for_selector("button:has-text('Store and measure')", timeout=60_000)
        page.wait_for_selector("#result-title", timeout=60_000)
        assert "9 records read = 8 stored + 0 duplicate + 1 quarantined" in page.inner_text("main")
        assert page.title() == "Connect data · candor"
        if has_scripts:
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width
            found = axe.run(page, options=AXE).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
        page.click("text=Drop the files")
        page.wait_for_url(f"{address}/connect")
    assert told == []


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_checked_bill(
    chromium: Any, address: str, root: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    told: list[str] = []
    path = tmp_path / "bill.csv"
    path.write_text(bill_of(root), encoding="utf-8")
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with _page(chromium, address, told, **options) as page:
        page.goto(f"{address}/bill")
        page.set_input_files("#invoice", str(path))
        page.click("main form button")
        page.wait_for_url("**/bill/*")
        assert page.locator("h1").inner_text() == "The bill"
        _looks_right(page, width)
    assert told == []


def test_where_two_people_differ(chromium: Any, root: Path, tmp_path: Path) -> None:
    own = tmp_path / "workspace"
    shutil.copytree(root, own, ignore=shutil.ignore_patterns("restricted", "simulated"))
    drawing.draw_queue(Workspace.open(own), "resolved", 2, double=1.0, salt="b", floor=1)
    store, lent = Store(own / "restricted"), Desk(own, wait=120)
    site = Site(own, lent, store, rates=Rates(burst=100_000))
    for name in ("rex", "roz"):
        made = site.people.add(OPERATOR, name, "reviewer", PASSWORD)
        site.people.grant_text(OPERATOR, made.id, "tests of pages", 7)
    told: list[str] = []
    with _listening(create(site).app, site) as address:
        for name, key, width in (("rex", "y", 1440), ("roz", "n", 390)):
            viewport = {"width": width, "height": 900}
            # Straight to the queue: the scorecard of this copy is nobody's business here.
            options = {"start": "/queue", "viewport": viewport}
            with _page(chromium, address, told, name, **options) as page:
                page.click("main a >> nth=0")
                _looks_right(page, width)
                while page.locator("button[data-key]").count():
                    with page.expect_navigation():
                        page.keyboard.press(key)
                page.goto(f"{page.url}/disagreements")
                assert page.locator("h1").inner_text() == "Disagreements"
                assert (page.locator("tbody tr").count() > 0) == (name == "roz")
                _looks_right(page, width)
    lent.close()
    store.close()
    assert told == []


def _looks_right(page: Any, width: int) -> None:
    """Nothing scrolls sideways, and axe finds nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{page.url} scrolls sideways: {wide}"
    found = axe.run(page, options=AXE).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], page.url

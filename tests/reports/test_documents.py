"""Documents on a page: whole, inert, readable; the same document gives the same bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from candor.reports import html, inert, terminal_document
from candor.reports.document import Document

from .papers import small
from .sample import HOSTILE
from .test_html import _Page

GOLDEN = Path(__file__).parent / "golden" / "document.html"


def _main(page: str) -> str:
    found = re.search(r"<main.*</main>", page, re.DOTALL)
    assert found is not None
    return found[0] + "\n"


def test_a_small_document_is_written_as_it_was_agreed() -> None:
    """Read the difference; when it is meant, write ``_main(…)`` into the golden file."""
    assert _main(html.render_document(small())) == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize("rich", [False, True])
def test_every_element_is_closed_and_every_anchor_leads_somewhere(rich: bool) -> None:
    page = _Page(html.render_document(small(rich=rich)))
    assert page.open == []
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {a["href"] for a in page.all("a")} <= {f"#{name}" for name in ids}
    assert all("scope" in th for th in page.all("th"))
    assert len(page.all("table")) == len(page.all("caption"))
    assert len([level for level, _ in page.tags if level == "h1"]) == 1


def test_every_number_and_its_interval_is_on_the_page() -> None:
    text = " ".join(_Page(html.render_document(small(rich=True))).texts)
    for figure in ("73.5\u202f%", "70.0–77.0\u202f%", "−5.0\u202fs", "1\u202f234", "—"):
        assert figure in text
    assert "9f27c1d04b7a3e58" in text
    assert "412\u202f338" in text
    assert "true_resolution_rate@1" in text


def _hostile(shared: Callable[[str], Path]) -> list[str]:
    archive = shared("data/hostile/xss_payload_list/xss-payload-list.txt.gz")
    lines = gzip.decompress(archive.read_bytes()).decode("utf-8", "replace").splitlines()
    messages = shared("data/hostile/own/messages.jsonl").read_text("utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in messages]
    return [HOSTILE, *texts, *lines[:: max(1, len(lines) // 250)]]


@pytest.mark.shared
def test_hostile_text_is_inert_on_the_page_and_on_the_terminal(
    shared: Callable[[str], Path],
) -> None:
    texts = [text for text in _hostile(shared) if text.strip()]
    assert len(texts) > 400
    plain = _Page(html.render_document(small()))
    tags = [tag for tag, _ in plain.tags]
    for start in range(0, len(texts), 40):
        said = " ¶ ".join(texts[start : start + 40])
        page = _Page(html.render_document(small(said)))
        assert page.open == []
        assert [tag for tag, _ in page.tags] == tags
        shown = inert.visible(said).strip()
        assert "".join(shown.split()) in "".join("".join(page.texts).split())
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x1b]", shown)
    for text in texts[::7]:
        console = Console(file=io.StringIO(), width=200)
        terminal_document.print_document(small(text), console)
        assert isinstance(console.file, io.StringIO)
        assert "\x1b" not in console.file.getvalue()


def _printed(document: Document, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width)
    terminal_document.print_document(document, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_terminal_says_what_the_page_says() -> None:
    text = _printed(small(rich=True))
    for words in ("A plain sentence.", "73.5 %", "70.0–77.0 %", "✓ Met", "1. A plain sentence.",
                  "Owner: CX", "snapshot 9f27c1d04b7a3e58", "September 2025"):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = _printed(small(rich=True), width).splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"), ("  @SUM(A1)", "'  @SUM(A1)"), ('"=cmd', '\'"=cmd'), ("＝1", "'＝1"),
        ("\ufeff-2", "'\ufeff-2"), ("+44 20 7946", "'+44 20 7946"), ("|x", "'|x"),
        ("%0A=1", "'%0A=1"), ("\t=1", "'\t=1"), ("\x00=1", "'␀=1"), ("; =1", "'; =1"),
        ("a=1", "a=1"), ("plain", "plain"), ("", ""), ("a\u202eb", "a\ufffdb"), ("a\x1b[2J", "a␛[2J"),
    ],
)  # fmt: skip
def test_a_cell_is_never_a_formula(text: str, shown: str) -> None:
    assert inert.cell(text) == shown

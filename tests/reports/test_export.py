"""Files: XLSX with numbers as numbers and text as text, PDF where something can print, JSON."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from candor.answers import views
from candor.errors import CandorError
from candor.metrics.registry import load
from candor.reports import export, html, inert, pdf, workbook

from .papers import COLOPHON, small
from .sample import scorecard
from .test_documents import _hostile


def _book(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def _card() -> bytes:
    arranged = views.arrange(scorecard(), views.choose("legacy", None), load())
    return workbook.of_scorecard(arranged, COLOPHON)


def test_a_scorecard_has_a_sheet_for_each_section_and_its_origin_on_every_sheet() -> None:
    book = _book(_card())
    assert book.sheetnames[0] == "In short"
    assert {"Deflection", "Where old figures mislead", "Unknowns", "Over time", "Definitions used",
            "Data health"} <= set(book.sheetnames)  # fmt: skip
    for sheet in book.worksheets:
        head = [sheet.cell(row, 1).value for row in (1, 2, 3)]
        assert head[0] == "Northwind Outdoor"
        assert "May 2026" in head[1]
        assert "snapshot 9f27c1d04b7a3e58" in head[2]
        assert "0.1.0" in head[2]


def test_figures_are_numbers_with_their_unit() -> None:
    sheet = _book(_card())["Deflection"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=5)]
    heading = next(row for row in rows if row[0] == "Metric")
    found = next(row for row in rows if row[0] == "True resolution rate")
    row = dict(zip(heading, found, strict=True))
    truth = scorecard().row("true_resolution_rate")
    assert truth is not None
    assert row["Figure"] == pytest.approx(truth.estimate.point)
    assert row["Low"] == pytest.approx(truth.estimate.low)
    assert row["Target"] == 0.6
    assert row["Status"] == "missed"
    assert row["Owner"] == "Head of Support"
    assert row["Known"] == truth.estimate.observed
    formats = {cell.value: cell.number_format for line in sheet.iter_rows() for cell in line}
    assert formats[row["Figure"]] == "0.0%"


def test_a_document_has_a_sheet_a_section_and_keeps_its_numbers() -> None:
    book = _book(workbook.of_document(small(rich=True)))
    assert book.sheetnames == ["In short", "A plain sentence.", "Definitions used", "Data health"]
    values = [cell.value for row in book["A plain sentence."].iter_rows() for cell in row]
    assert 0.735 in values
    assert -5 in values
    assert 1234 in values
    assert "September 2025" in values


def test_the_same_content_gives_the_same_bytes() -> None:
    assert _card() == _card()
    assert workbook.of_document(small()) == workbook.of_document(small())


@pytest.mark.shared
def test_hostile_text_is_text_in_every_cell(shared: Callable[[str], Path]) -> None:
    texts = [text for text in _hostile(shared) if text.strip()]
    texts += ['=HYPERLINK("http://x")', "+1", "-2+3", "@A1", "\t=1", "http://a.example", "'=1"]
    for start in range(0, len(texts), 60):
        book = workbook.Workbook(COLOPHON, title=texts[start], subtitle=texts[start])
        part = texts[start : start + 60]
        book.sheet(part[0], [(part[0], ("h",), [[text] for text in part])])
        read = _book(book.bytes())
        (sheet,) = read.worksheets
        cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
        assert all(cell.data_type == "s" for cell in cells)
        assert all(cell.hyperlink is None for cell in cells)
        held = [str(cell.value) for cell in cells]
        folded = {"".join(one.split()) for one in held}
        for text in part:
            # A spreadsheet knows one kind of line end; everything else must be as it was.
            assert "".join(inert.cell(text).split()) in folded, text
        assert not any(one[:1] in "=+-@|%" for one in held)


def test_sheet_names_are_made_valid_and_unique() -> None:
    book = workbook.Workbook(COLOPHON, title="t", subtitle="s")
    for name in ("a/b", "a b", "x" * 40, "x" * 40, "history", ""):
        book.sheet(name, [])
    names = _book(book.bytes()).sheetnames
    assert names == ["a b", "a b 2", "x" * 31, "x" * 27 + " 2", "history 2", "Sheet"]


def test_a_long_text_is_cut_visibly() -> None:
    book = workbook.Workbook(COLOPHON, title="t", subtitle="s")
    book.sheet("one", [("", (), [["y" * 40_000]])])
    value = _book(book.bytes())["one"].cell(5, 1).value
    assert len(value) == 32_000
    assert value.endswith("…")


def test_a_pdf_holds_the_page(tmp_path: Path) -> None:
    if pdf.browser() is None:
        pytest.skip("needs Chromium: nothing here prints a page")
    content = pdf.render(html.render_document(small("Solved more than last week.")))
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") >= 1
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("needs pdftotext to read the words")
    path = tmp_path / "page.pdf"
    path.write_bytes(content)
    ran = subprocess.run([reader, str(path), "-"], capture_output=True, check=True)
    text = ran.stdout.decode()
    for words in ("Solved more than last week.", "73.5", "9f27c1d04b7a3e58", "Data health"):
        assert words in text


def test_without_anything_that_prints_the_refusal_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CANDOR_CHROMIUM", "")
    monkeypatch.setattr(pdf.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CandorError) as caught:
        pdf.render("<p>x</p>")
    assert caught.value.code == "export.no_pdf"
    assert "candor-cx[pdf]" in caught.value.problems[0].fix


def test_a_browser_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "browser"
    broken.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CANDOR_CHROMIUM", str(broken))
    with pytest.raises(CandorError) as caught:
        pdf.render("<p>x</p>")
    assert caught.value.code == "export.pdf"
    assert "no display" in caught.value.problems[0].what


@pytest.mark.parametrize("ending", [".html", ".xlsx", ".json"])
def test_the_ending_says_what_is_written(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"page{ending}"
    export.check(out)
    export.write_document(out, small, lambda: {"b": 1, "a": "é"})
    content = out.read_bytes()
    if ending == ".html":
        assert content.decode() == html.render_document(small())
    elif ending == ".xlsx":
        assert content == workbook.of_document(small())
    else:
        assert json.loads(content) == {"a": "é", "b": 1}
        assert content.index(b'"a"') < content.index(b'"b"')
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("name", ["x.docx", "x", "absent/x.html", "x.PDF"])
def test_a_name_that_cannot_be_written_is_refused_before_anything_is_reckoned(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(CandorError) as caught:
        export.check(tmp_path / name)
    assert caught.value.exit_code == 2
    assert ".pdf" in caught.value.problems[0].expected


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    out.write_text("old")

    def data() -> dict[str, float]:
        return {"x": float("nan")}

    with pytest.raises(ValueError, match="JSON"):
        export.write(out, page=str, book=bytes, data=data)
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_the_payload_list_is_there(shared: Callable[[str], Path]) -> None:
    archive = shared("data/hostile/xss_payload_list/xss-payload-list.txt.gz")
    assert len(gzip.decompress(archive.read_bytes()).splitlines()) > 6_000

"""A bill in the browser: checked as on the command line, for its uploader only, hostile files refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from fastapi.testclient import TestClient

from candor.access.sessions import form_mark
from candor.answers import Answers
from candor.answers import resolution as asked
from candor.errors import CandorError
from candor.resolution import confined, invoice
from candor.sources.confinement import Confinement

from .conftest import BILL_HEAD, bill_of

RULE = "intercom_fin"


def _send(client: TestClient, content: bytes, name: str = "bill.csv", rule: str = RULE):
    mark = form_mark(next(iter(client.cookies.values())))
    return client.post(
        "/bill/check", data={"mark": mark, "rule": rule}, files={"invoice": (name, content)}
    )


@pytest.fixture
def ann(browser: Callable[..., TestClient], person: Callable[..., object]) -> TestClient:
    """An analyst."""
    person("ann", "analyst")
    return browser("ann")


def test_a_bill_is_checked_as_on_the_command_line(
    ann: TestClient, root: Path, tmp_path: Path, browser: Callable[..., TestClient],
    person: Callable[..., object],
) -> None:  # fmt: skip
    text = bill_of(root)
    path = tmp_path / "bill.csv"
    path.write_text(text, encoding="utf-8")
    with Answers.open(root) as answers:
        expected = asked.audit_bill(answers, path, rule_id=RULE)
    sent = _send(ann, text.encode())
    assert sent.status_code == 303, sent.text
    where = sent.headers["location"]
    assert ann.get(where).status_code == 200
    file = ann.get(f"{where}/dispute/json")
    disputed = [f for f in expected.audit.findings if f.status == "disputed"]
    rows = file.json()["rows"]
    assert len(rows) == len(disputed)
    seen = [row for row, one in zip(rows, disputed, strict=True) if one.thread is not None]
    assert all(
        row["evaluated_at"] <= row["as_of"] for row in seen if row["reason"] == "rule_says_no"
    )
    assert {row["vendor_claim_raw"] for row in seen} & {
        "assumed_resolution",
        "confirmed_resolution",
    }
    assert {row["label_assessor"] for row in seen} == {""}
    assert ann.get(f"{where}/dispute/csv").text.startswith("snapshot,candor")
    assert ann.get(f"{where}/dispute/exe").status_code == 404
    person("ben", "analyst")
    assert browser("ben").get(where).status_code == 404
    assert not list((root / "restricted").glob("tmp*"))


def test_a_workbook_is_read_too(ann: TestClient, root: Path) -> None:
    book = openpyxl.Workbook()
    for line in bill_of(root).split("\n"):
        book.active.append(line.replace("=1+1", "Vendor").split(","))
    out = io.BytesIO()
    book.save(out)
    sent = _send(ann, out.getvalue(), "bill.xlsx")
    assert sent.status_code == 303, sent.text[-900:]


@pytest.mark.parametrize(
    ("content", "name", "rule"),
    [(b"x", "bill.exe", RULE), (b"", "bill.csv", RULE), (b"a,b\n1,2\n", "bill.csv", RULE),
     (b"PK\x03\x04 no zip", "bill.xlsx", RULE), (BILL_HEAD.encode(), "bill.csv", "no_such_rule")],
)  # fmt: skip
def test_what_is_no_bill_is_refused_in_words(
    ann: TestClient, content: bytes, name: str, rule: str
) -> None:
    answer = _send(ann, content, name, rule)
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text


def test_a_file_that_is_too_large_never_arrives(ann: TestClient) -> None:
    assert _send(ann, b"x" * 1_100_000).status_code == 413


def test_a_bomb_costs_the_file_and_not_the_server(tmp_path: Path) -> None:
    path = tmp_path / "bill.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("xl/workbook.xml", b"<" + b" " * 300_000_000)
    with pytest.raises(CandorError) as told:
        confined.read(path)
    assert told.value.code.startswith("invoice.")


def test_a_child_that_says_too_much_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"{BILL_HEAD}\ni1,1,V,2026-07-01,2026-11-01,resolution,0.99,EUR,t1\n")
    assert confined.read(path) == invoice.read(path)
    with pytest.raises(CandorError) as told:
        confined.read(path, bounds=Confinement(output_bytes=10))
    assert told.value.code == "invoice.unreadable"

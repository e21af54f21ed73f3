"""Names, ages and states of uploads; advice for every reason."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from candor.connecting.uploads import KEPT_SECONDS, MOST_UPLOADS, State, Uploads, harmless
from candor.errors import CandorError
from candor.events import ReasonCode
from candor.events.advice import ADVICE


def _id(number: int) -> str:
    return f"u_{number:016x}"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("export.csv", "export.csv"), ("../../etc/passwd", "passwd"), ("C:\\a\\b c.XLSX", "b_c.XLSX"),
        (".htaccess", "htaccess"), ("", "file"), ("\u202egnp.exe", "gnp.exe"), ("-rf", "rf"),
        ("…", "file"), ("a" * 300 + ".csv.gz", "a" * 60 + ".csv.gz"), ("a\x00b\n.csv", "a_b_.csv"),
    ],
)  # fmt: skip
def test_a_name_is_cut_down_to_what_harms_nobody(given: str, made: str) -> None:
    assert harmless(given) == made


def test_equal_names_do_not_overwrite_each_other(tmp_path: Path) -> None:
    upload = Uploads(tmp_path).begin(_id(1))
    for content in ("one", "two", "three"):
        upload.new_file("Dir/a.csv").write_text(content)
    assert {path.name: path.read_text() for path in upload.files} == {
        "a.csv": "one", "2-a.csv": "two", "3-a.csv": "three",
    }  # fmt: skip
    assert upload.folder.stat().st_mode & 0o077 == 0


def test_what_nobody_finished_is_removed_after_a_day_unless_it_is_worked_on(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    old, busy, new = (uploads.begin(_id(number)) for number in range(3))
    for one in (old, busy, new):
        one.save(State("p_1", 1, status="done"))
    held = busy.lock()
    past = time.time() - KEPT_SECONDS - 5
    for one in (old, busy):
        os.utime(one.folder, (past, past))
    uploads.tidy()
    os.close(held)
    assert [one.id for one in uploads] == [busy.id, new.id]
    assert [one.id for one in uploads.of("p_1")] == [busy.id, new.id]
    assert uploads.of("p_2") == []


def test_there_is_an_end_to_unfinished_uploads(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    for number in range(MOST_UPLOADS):
        uploads.begin(_id(number)).save(State("p_1", 1, status="done"))
    with pytest.raises(CandorError) as told:
        uploads.begin(_id(99))
    assert told.value.code == "upload.invalid"


@pytest.mark.parametrize("name", ["", "..", "u_1", "../x", _id(7)])
def test_what_is_no_upload_of_one_s_own_is_not_there(tmp_path: Path, name: str) -> None:
    uploads = Uploads(tmp_path)
    uploads.begin(_id(7)).save(State("p_1", 1, status="done"))
    with pytest.raises(CandorError) as told:
        uploads.get(name, "p_2")
    assert told.value.code == "upload.unknown"


def test_every_reason_has_its_advice() -> None:
    assert set(ADVICE) == set(ReasonCode)
    assert all(len(text) > 10 for text in ADVICE.values())

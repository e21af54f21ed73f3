"""Pseudonyms against a plain HMAC, and the key file's modes and mistakes."""

from __future__ import annotations

import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from candor.errors import CandorError
from candor.privacy.keys import KEY_FILE, load_or_create
from candor.privacy.pseudonyms import Pseudonymiser

KEY = b"0123456789abcdef0123456789abcdef"


def reference(kind: str, value: str) -> str:
    digest = hmac.new(KEY, f"{kind}\x1f{value}".encode(), hashlib.sha256).hexdigest()
    return "k1:" + digest[:32]


def test_pseudonym_is_a_truncated_hmac() -> None:
    made = Pseudonymiser(KEY, "k1")
    assert made.one("customer", "C-17") == reference("customer", "C-17")
    assert made.one("account", "C-17") == reference("account", "C-17")
    assert made.one("customer", " c-17") == reference("customer", " c-17")


def test_a_pseudonym_is_hashed_like_any_value() -> None:
    made = Pseudonymiser(KEY, "k1")
    assert made.one("customer", made.one("customer", "a")) != made.one("customer", "a")


def test_aliases_meet_across_spellings() -> None:
    made = Pseudonymiser(KEY, "k1")
    assert made.one("alias", " Ann@Example.com") == made.one("alias", "ann@example.COM")
    assert made.one("alias", "+49 (30) 90-18 20") == made.one("alias", "0049 30 901820")
    assert made.one("alias", "device-A") != made.one("alias", "device-a")


@pytest.mark.parametrize("dictionary", [False, True])
def test_column_equals_one_by_one(dictionary: bool) -> None:
    values = ["a", None, "b", "a", "ü"]
    column = pa.array(values).dictionary_encode() if dictionary else pa.array(values)
    made = Pseudonymiser(KEY, "k1")
    expected = [None if value is None else reference("customer", value) for value in values]
    assert made.column("customer", column).to_pylist() == expected
    assert made.column("customer", pa.chunked_array([column])).to_pylist() == expected


def test_short_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Pseudonymiser(b"short", "k1")


def test_key_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "restricted"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: load_or_create(folder), range(16)))
    assert len(made) == 1
    key_id, key = made.pop()
    assert (key_id, len(key)) == ("k1", 32)
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]
    assert load_or_create(tmp_path / "other")[1] != key


def test_exposed_or_damaged_keys_are_refused(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    path = tmp_path / KEY_FILE
    path.chmod(0o644)
    with pytest.raises(CandorError) as exposed:
        load_or_create(tmp_path)
    assert exposed.value.code == "privacy.key_exposed"
    path.chmod(0o600)
    path.write_text("k1 abc\n")
    with pytest.raises(CandorError) as damaged:
        load_or_create(tmp_path)
    assert damaged.value.code == "privacy.key_damaged"
    assert path.read_text() == "k1 abc\n"

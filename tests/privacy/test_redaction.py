"""Recall by kind, harmless text, stability of placeholders, and the public hostile texts."""

from __future__ import annotations

import json
import random
import re
import tarfile
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.errors import CandorError
from candor.privacy.redaction import Redactor

from .planted import FIXED, FRAMES, HARMLESS

KEY = bytes(range(32))
REDACTOR = Redactor(KEY)
PLANTED_EACH = 200


def mask(texts: list[str], redactor: Redactor = REDACTOR, thread: str = "t-1") -> list[str]:
    masked, _ = redactor.column(pa.array(texts, pa.string()), pa.array([thread] * len(texts)))
    return masked.to_pylist()


@pytest.mark.parametrize("kind", sorted(FIXED))
def test_recall_of_fixed_forms(kind: str) -> None:
    placeholder, make = FIXED[kind]
    rng = random.Random(f"planted:{kind}")
    values = [make(rng) for _ in range(PLANTED_EACH)]
    texts = [rng.choice(FRAMES).format(value) for value in values]
    masked = mask(texts)
    missed = [
        text for text, after in zip(texts, masked, strict=True) if f"[{placeholder}_" not in after
    ]
    assert len(missed) <= 0.02 * PLANTED_EACH, missed[:10]
    # What is left of a number must not be its greater part.
    leaking = [
        a for a in masked if sum(c.isdigit() for c in re.sub(r"\[[A-Z_]+_.{4}\]", "", a)) > 4
    ]
    assert len(leaking) <= 0.02 * PLANTED_EACH, leaking[:10]


@pytest.mark.parametrize("kind", sorted(HARMLESS))
def test_harmless_text_stays(kind: str) -> None:
    rng = random.Random(f"harmless:{kind}")
    texts = [HARMLESS[kind](rng) for _ in range(500)]
    wrong = [(a, b) for a, b in zip(texts, mask(texts), strict=True) if a != b]
    assert len(wrong) <= 5, wrong[:10]


def test_hostile_messages(shared: Callable[[str], Path]) -> None:
    lines = shared("data/hostile/own/messages.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for line in lines if (record := json.loads(line))["category"] == "pii"]
    assert len(records) == 27
    for record, after in zip(records, mask([r["text"] for r in records]), strict=True):
        assert (after != record["text"]) == (record["expect"] == "masked"), record
        digits = re.sub(r"\[[A-Z_]+_.{4}\]", "", after)
        assert record["expect"] != "masked" or sum(map(str.isdigit, digits)) <= 1, after


def test_libinjection_harmless_lines(shared: Callable[[str], Path]) -> None:
    with tarfile.open(shared("data/hostile/libinjection/files.tar.gz")) as archive:
        member = archive.extractfile("false_positives.txt")
        assert member is not None
        raw = member.read().decode("utf-8", "replace").splitlines()
    lines = [urllib.parse.unquote_plus(line) for line in raw if line and not line.startswith("#")]
    assert len(lines) == 421
    changed = [(a, b) for a, b in zip(lines, mask(lines), strict=True) if a != b]
    # Three e-mail addresses and three North American telephone numbers stand among them.
    truly = [a for a, _ in changed if re.search(r"@\w+\.\w|\d{3}\D{0,2}\d{3}-?\d{4}", a)]
    assert len(truly) == 6
    assert len(changed) - len(truly) <= 0.01 * len(lines), changed


def test_naughty_strings_stay(shared: Callable[[str], Path]) -> None:
    texts = json.loads(shared("data/hostile/blns/blns.json").read_text(encoding="utf-8"))
    assert mask(texts) == texts


def test_placeholders_do_not_depend_on_order() -> None:
    texts = ["mail a.b@example.com", "or c.d@example.com", "A.B@Example.com again", "+49 30 901820"]
    forward = mask(texts)
    assert mask(texts[::-1])[::-1] == forward
    assert [mask([text])[0] for text in texts] == forward
    assert forward[0].split()[1] == forward[2].split()[0]
    assert forward[0].split()[1] != forward[1].split()[1]


def test_placeholders_differ_between_threads_and_keys() -> None:
    suffixes = {
        Redactor(key).one("a.b@example.com", thread)
        for key in (KEY, KEY[::-1])
        for thread in ("t-1", "t-2", "t-3")
    }
    assert len(suffixes) == 6


def test_spellings_of_one_value_share_a_placeholder() -> None:
    masked = mask(["4111 1111 1111 1111", "4111111111111111", "four one one one 1111 1111 1111"])
    assert len(set(masked)) == 1


def test_names_of_the_customer_record() -> None:
    texts = pa.array(["Hi Maria, it is KELLER here", "maria's order", "Mariana is fine", None])
    threads = pa.array(["a", "a", "a", "a"])
    masked, found = REDACTOR.column(texts, threads, {"a": ["Maria Keller"]})
    first, second, third, last = masked.to_pylist()
    assert re.fullmatch(r"Hi \[NAME_.{4}\], it is \[NAME_.{4}\] here", first)
    assert second.startswith("[NAME_")
    assert (third, last) == ("Mariana is fine", None)
    assert found == {"name": 3}
    other, _ = REDACTOR.column(pa.array(["Maria"]), pa.array(["b"]), {"a": ["Maria Keller"]})
    assert other.to_pylist() == ["Maria"]


def test_deny_names() -> None:
    redactor = Redactor(KEY, deny_names=["Zorblatt"])
    assert mask(["ask zorblatt about it"], redactor)[0].startswith("ask [NAME_")
    assert redactor.version != REDACTOR.version


def test_digits_of_other_scripts_count() -> None:
    card = "4111 1111 1111 1111".translate({48 + n: 0x966 + n for n in range(10)})
    assert mask([card]) == mask(["4111 1111 1111 1111"])


def test_announced_numbers_that_fail_their_checksum() -> None:
    assert "[CARD_" in mask(["my credit card number is 4564789008133456"])[0]
    assert mask(["order 4564789008133456"]) == ["order 4564789008133456"]


def test_unknown_locale_is_named() -> None:
    with pytest.raises(CandorError) as caught:
        Redactor(KEY, locales=("us", "xx", "yy"))
    assert caught.value.code == "privacy.unknown_locale"
    assert len(caught.value.problems) == 2
    assert Redactor(KEY, locales=("UK",)).locales == ("gb",)


def test_chunked_columns_and_nulls() -> None:
    texts = pa.chunked_array([["x@example.com", None], ["fine"]])
    masked, found = REDACTOR.column(texts, pa.chunked_array([["a", None], [None]]))
    assert masked.to_pylist()[1:] == [None, "fine"]
    assert found == {"email": 1}
    empty, none = REDACTOR.column(pa.array([], pa.string()), pa.array([], pa.string()))
    assert (len(empty), sum(none.values())) == (0, 0)


_RNG = random.Random("pieces")
PIECES = [make(_RNG) for _, make in FIXED.values() for _ in range(3)] + [
    "order", "call", "password is", "my name is", " ", ", ", "\n", "born", "version", "@", ".", "-", "48",
    "[EMAIL_12ab]", "[PHONE_9999]", "Anna", "http://", "12 Oak", "Street",
]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.sampled_from(["", " "]))
def test_masking_twice_changes_nothing(pieces: list[str], between: str) -> None:
    once = mask([between.join(pieces)])
    assert mask(once) == once


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_masked_without_error(text: str) -> None:
    once = mask([text])
    assert mask(once) == once

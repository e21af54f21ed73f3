"""Vendors' markup as text: nothing lost, nothing executed, never slow."""

from __future__ import annotations

import time

import pytest

from candor.sources.markup import Body, of_html, of_plain, read


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>My tent pole snapped</p>", "My tent pole snapped"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        (
            'see <a href="https://a.example/?x=1&amp;y=2">the page</a>.',
            "see the page (https://a.example/?x=1&y=2).",
        ),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:x@a.example">write</a>', "write (x@a.example)"),
        ('<img src="x.png" alt="broken pole">', "[image: broken pole]"),
        ("fish &amp; chips &#8364;5", "fish & chips €5"),
        ("<script>alert('x')</script>after", "after"),
        ("<style>p{}</style><!-- hidden --><p>seen</p>", "seen"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("▇▇▇▇ 1234", "▇▇▇▇ 1234"),
        ("<div>שלום</div><div>👩‍👩‍👧</div>", "שלום\n\n👩‍👩‍👧"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert of_html(html) == Body(text, None)


@pytest.mark.parametrize(
    ("html", "text", "quoted"),
    [
        ("<p>new</p><blockquote><p>old</p></blockquote>", "new", "old"),
        (
            '<div>new</div><div class="gmail_quote"><div>old</div></div><p>below</p>',
            "new\n\nbelow",
            "old",
        ),
        ("<blockquote>only quoted</blockquote>", "only quoted", None),
    ],
)
def test_quoted_html_is_split_off(html: str, text: str, quoted: str | None) -> None:
    assert of_html(html) == Body(text, quoted)


@pytest.mark.parametrize(
    ("plain", "text", "quoted"),
    [
        (
            "thanks\n\nOn Mon, 2 Mar 2026 Ann wrote:\n> old\n> more",
            "thanks",
            "On Mon, 2 Mar 2026 Ann wrote:\n> old\n> more",
        ),
        (
            "danke\nAm Mo., 2. März 2026 schrieb Ann:\n> alt",
            "danke",
            "Am Mo., 2. März 2026 schrieb Ann:\n> alt",
        ),
        (
            "yes\n-- Original Message --\nFrom: Ann\nold",
            "yes",
            "-- Original Message --\nFrom: Ann\nold",
        ),
        (
            "> question one?\nanswer one\n> question two?\nanswer two",
            "answer one\nanswer two",
            "> question one?\n> question two?",
        ),
        ("> all quoted", "> all quoted", None),
        ("On the whole I wrote: nothing", "On the whole I wrote: nothing", None),
    ],
)
def test_quoted_mail_is_split_off(plain: str, text: str, quoted: str | None) -> None:
    assert of_plain(plain) == Body(text, quoted)


def test_unknown_bodies_are_told_apart() -> None:
    assert read("a < b & c").text == "a < b & c"
    assert read("<p>a</p>").text == "a"


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "<script>", "x", "<p>hi</p>", "&amp;", " ", "\n", '<a href="', "> "]
)
def test_a_megabyte_is_read_in_linear_time(piece: str) -> None:
    began = time.perf_counter()
    read(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - began < 5

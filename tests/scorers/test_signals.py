"""Languages, kinds of AI messages, rephrasing, and the table of all signals."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from candor.scorers import accelerated, fallbacks, reply
from candor.scorers.language import LANGUAGES, guess_languages
from candor.scorers.rephrase import rephrases
from candor.scorers.signals import score
from candor.scorers.tokens import Flattener, WordTable, cut

from .texts import mixed_sentences


def language(text: str) -> str | None:
    number = int(guess_languages(pa.array([text]))[0])
    return None if number < 0 else LANGUAGES[number]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is the order that I made last week?", "en"),
        ("ok thanks", "en"),
        ("Hello", "en"),
        ("Wo ist meine Bestellung, die ich gemacht habe?", "de"),
        ("¿Dónde está el pedido que hice la semana pasada?", "es"),
        ("Où est la commande que j'ai faite la semaine passée ?", "other"),
        ("Moja karta nie jest aktywna i nie dziala prosze", "other"),
        ("Где мой заказ", "other"),
        ("注文はどこですか", "other"),
        ("48813", None),
        ("Ben", None),
        ("", None),
        ("\U0001f602\U0001f602", None),
    ],
)
def test_languages(text: str, expected: str | None) -> None:
    assert language(text) == expected


@pytest.mark.parametrize(
    ("text", "expected", "sorry"),
    [
        ("I'm sorry, I didn't understand that. Could you rephrase?", "fallback", True),
        ("Sorry, I can't help with that.", "fallback", True),
        ("I could not find an answer to that in our help pages.", "fallback", False),
        ("Hi! How can I help you today?", "greeting", False),
        ("Hello, I'm the assistant of Acme.", "greeting", False),
        ("Hello, your refund was sent on Monday and should arrive within five days.", "answer", False),
        ("I'll transfer you to an agent.", "handoff_notice", False),
        ("One of our specialists will be with you shortly: an agent will join this chat.", "handoff_notice", False),
        ("You're welcome! Have a great day!", "closing", False),
        ("I am closing this conversation now.", "closing", False),
        ("How would you rate our service?", "survey", False),
        ("What is your order number?", "clarification", False),
        ("Open Billing, choose Company details and save.", "answer", False),
        ("We apologise for the delay; the parcel arrives tomorrow.", "answer", True),
        ("Ich verbinde Sie mit einem Mitarbeiter.", "handoff_notice", False),
        ("Das habe ich leider nicht verstanden, bitte anders formulieren.", "fallback", False),
        ("Lo siento, no entendí su pregunta.", "fallback", True),
        ("Où est la commande que vous avez faite ?", None, False),
    ],
)  # fmt: skip
def test_kinds_of_ai_messages(text: str, expected: str | None, sorry: bool) -> None:
    plain = reply.normalised(pa.array([text]))
    kinds, apologies = fallbacks.kinds(plain, guess_languages(pa.array([text])))
    assert (None if kinds[0] < 0 else fallbacks.KINDS[kinds[0]]) == expected
    assert bool(apologies[0]) is sorry


CONVERSATION = [
    ("My payment was declined twice", False),
    ("hello?", False),
    ("why was my payment declined", True),
    ("The payments keep getting declined", True),
    ("thanks", False),
    ("thanks", False),
    ("Where is order 48990?", False),
    ("where's my order 48990", True),
    ("Where is order 51200?", False),
    ("How do I change the delivery address of my parcel", False),
    ("I asked about changing the delivery address for this parcel, the address is old", True),
    ("the address is 12 Elm", False),
]


def test_rephrasing() -> None:
    texts = pa.array([text for text, _ in CONVERSATION])
    found = rephrases(np.full(len(texts), 5), np.arange(len(texts)), texts)
    assert found.tolist() == [expected for _, expected in CONVERSATION]


def test_rephrasing_is_within_a_conversation_and_ignores_row_order() -> None:
    texts = [text for text, _ in CONVERSATION]
    rows = [(thread, at, text) for thread in (1, 2) for at, text in enumerate(texts)]
    rows += [(3 + at, at, text) for at, text in enumerate(texts)]
    expected = {(t, at): flag for t in (1, 2) for at, (_, flag) in enumerate(CONVERSATION)}
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        found = rephrases(
            np.array([r[0] for r in rows]),
            np.array([r[1] for r in rows]),
            pa.array([r[2] for r in rows]),
        )
        for (thread, at, _), flag in zip(rows, found.tolist(), strict=True):
            assert flag == expected.get((thread, at), False)


def test_rephrasing_of_nothing_and_of_much() -> None:
    assert (
        rephrases(np.zeros(0, np.int64), np.zeros(0, np.int64), pa.array([], pa.string())).tolist()
        == []
    )
    assert rephrases(np.array([1, 1]), np.array([0, 1]), pa.array([None, "  "])).tolist() == [
        False,
        False,
    ]
    many = rephrases(
        np.ones(5_000, np.int64), np.arange(5_000), pa.array(["refund missing again today"] * 5_000)
    )
    assert many.tolist() == [False] + [True] * 4_999


def test_signals_by_actor() -> None:
    texts = [
        "Thanks, that worked!",
        "Sorry, I did not understand that.",
        "Sorry about that.",
        "closed",
        None,
        "Das funktioniert nicht",
    ]
    actors = ["customer", "ai_agent", "human_agent", "system", "customer", None]
    table = score(pa.array(texts), pa.array(actors)).to_pydict()
    assert table == {
        "reply_class": ["affirm", None, None, None, None, None],
        "sentiment_ppm": [492_600, -77_200, -77_200, 0, None, None],
        "language": ["en", "en", "en", None, None, "de"],
        "message_kind": [None, "fallback", None, None, None, None],
        "is_fallback_text": [None, True, None, None, None, None],
        "is_apology": [None, True, True, None, None, None],
    }


def test_signals_do_not_depend_on_neighbours() -> None:
    texts = [
        "Thanks!",
        "I did not understand.",
        "still wrong",
        "GREAT help \U0001f601",
        "Danke",
        "",
        None,
        "no",
    ] * 3
    actors = (["customer", "ai_agent", "human_agent"] * 8)[: len(texts)]
    whole = score(pa.array(texts), pa.array(actors)).to_pylist()
    alone = [
        score(pa.array([t], pa.string()), pa.array([a])).to_pylist()[0]
        for t, a in zip(texts, actors, strict=True)
    ]
    assert whole == alone
    chunked = score(
        pa.chunked_array([texts[:5], texts[5:]], pa.string()),
        pa.chunked_array([actors[:7], actors[7:]]),
    )
    assert chunked.to_pylist() == whole
    assert score(pa.array([], pa.string()), pa.array([], pa.string())).num_rows == 0


def test_word_tables_find_exact_words_only() -> None:
    words = [f"w{number}" for number in range(5_000)] + [
        "charge",
        "chargeback",
        "averyveryverylongword",
    ]
    table = WordTable(words)
    texts = [
        *words[:4_000],
        "Charge!",
        "charges",
        "chargebac",
        "averyveryverylongwords",
        "w5000",
        "é",
    ]
    (tokens,) = cut(Flattener().flatten(pa.array(texts)))
    found = table.find(tokens).tolist()
    assert found[:4_000] == list(range(1, 4_001))
    assert found[4_000:] == [5_001, 0, 0, 0, 0, 0]


_SOUP = [
    "abI",
    "NOT",
    "é",
    "Ü",
    "ß",
    "Þ",
    "×",
    "÷",
    "’",
    "–",
    "😀",
    "❤️",
    "©",
    "\x01",
    "\x1c",
    "あ",
    "б",
    "ñ",
    "'",
    "!",
    "?",
    ".",
    ",",
    "\n",
    "\u2028",
    "\x85",
    "\xa0",
    "don't",
    "but",
    "中文",
    "𝔘",
]


def _soup(count: int) -> list[str]:
    rng = random.Random("soup")
    return [
        "".join(rng.choice(_SOUP) + rng.choice(["", " "]) for _ in range(rng.randint(0, 40)))
        for _ in range(count)
    ]


def test_the_compiled_cutting_gives_the_same_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    texts = pa.array(
        [
            *mixed_sentences(400, "cut"), *_soup(1_500), "", "  ", None,
            "¿Qué? n't 'n't' DON'T \u2003 :-)", "x" * 200_000 + " é 😀 good", "!" * 300,
        ]
    )  # fmt: skip
    actors = pa.array((["customer", "ai_agent"] * len(texts))[: len(texts)])
    inserted = {"😀": "grinning face", "©": "copyright"}
    plain, flat = score(texts, actors), Flattener(inserted).flatten(texts)
    words = rephrases(np.arange(len(texts)) // 5, np.arange(len(texts)), texts)
    monkeypatch.setattr(accelerated, "WORTH", 0)
    assert score(texts, actors).equals(plain)
    assert Flattener(inserted).flatten(texts.slice(3)).to_pylist() == [
        each or b"" for each in flat.slice(3).to_pylist()
    ]
    assert (words == rephrases(np.arange(len(texts)) // 5, np.arange(len(texts)), texts)).all()

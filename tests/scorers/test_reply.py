"""Reply classes: the fixture of the resolution rules, turns of phrase, languages, own lexicons."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pytest

from candor.errors import CandorError
from candor.scorers import reply

from .texts import Locate, banking, fixture_texts, multidogo


def classes(texts: list[str | None], paths: tuple[Path, ...] = ()) -> list[str | None]:
    found = reply.classify(pa.array(texts, pa.string()), paths=paths).tolist()
    return [None if number < 0 else reply.CLASSES[number] for number in found]


def lexicon_version_1(text: str) -> str:
    """The reply lexicon as the resolution rules state it."""
    low = text.lower()
    if re.search("real person|human|speak to a|talk to a", low):
        return "asks_human"
    if re.search(
        "not it|has not|did not help|didn't help|does not work|doesn't work|not working|wrong|still",
        low,
    ):
        return "negative"
    if re.search("that worked|it works|that helped|solved it|all sorted", low):
        return "affirm"
    if len(low.split()) <= 4 and "?" not in low and re.match("thank|thanks|cheers|ok|great", low):
        return "gratitude"
    return "follow_up"


def test_agrees_with_version_1_on_its_fixture(shared: Locate) -> None:
    texts = fixture_texts(shared)
    assert len(texts) >= 18
    assert classes(list(texts)) == [lexicon_version_1(text) for text in texts]


def test_gives_the_classes_of_the_cases(shared: Locate) -> None:
    cases = json.loads(shared("vectors/resolution_cases.json").read_text(encoding="utf-8"))
    checked = 0
    for case in cases:
        derived, thread = case["derived"], case["subject_thread_id"]
        messages = [
            e for e in case["events"] if e["type"] == "message" and e["thread_id"] == thread
        ]
        after = derived["t_last_ai_answer"] or derived["t_last_ai_message"] or ""
        end = derived["t_conversation_end"] or "9"
        replies = [
            m["text"]
            for m in messages
            if m["actor"] == "customer" and after < m["occurred_at"] <= end
        ]
        found = [each for each in classes(replies) if each is not None]
        strongest = min(found, key=reply.CLASSES.index) if found else "none"
        assert strongest == derived["reply_class"], case["id"]
        checked += 1
    assert checked == 14


ENGLISH = [
    ("no thanks, that's all", "gratitude"),
    ("No, thank you!", "gratitude"),
    ("Thanks so much for all your help, have a great day!", "gratitude"),
    ("perfect, thanks \U0001f60a", "gratitude"),
    ("nope, I'm good now. Bye", "gratitude"),
    ("no problem, thanks", "gratitude"),
    ("You\u2019ve been very helpful", "gratitude"),
    ("ok thanks", "gratitude"),
    ("ok what about the other one?", "follow_up"),
    ("Thanks! Can I also change the address?", "follow_up"),
    ("I'm still happy with it, by the way", "follow_up"),
    ("nothing wrong now", "follow_up"),
    ("I ordered the wrong size", "follow_up"),
    ("If that doesn't work, what should I try next?", "follow_up"),
    ("are you a real person?", "follow_up"),
    ("Can I transfer money to another person?", "follow_up"),
    ("my travel agent booked it", "follow_up"),
    ("yes", "follow_up"),
    ("no", "follow_up"),
    ("48813", "follow_up"),
    ("Thursday at five works for me? I hope it works", "follow_up"),
    ("It worked but now the app crashes", "follow_up"),
    ("It works now, thank you", "affirm"),
    ("great, everything is working fine now", "affirm"),
    ("That did the trick", "affirm"),
    ("problem solved", "affirm"),
    ("that is exactly what I needed", "affirm"),
    ("still not working", "negative"),
    ("I still can\u2019t log in", "negative"),
    ("That didn't help at all", "negative"),
    ("it doesn't look like it worked", "negative"),
    ("wrong answer", "negative"),
    ("same error again", "negative"),
    ("This is useless", "negative"),
    ("you don't understand", "negative"),
    ("I want to speak to an agent", "asks_human"),
    ("can I talk with someone from support", "asks_human"),
    ("Please transfer me to a colleague who is a person", "asks_human"),
    ("representative", "asks_human"),
    ("get me a manager", "asks_human"),
    ("still wrong, I need a real person", "asks_human"),
    ("no more bots", "asks_human"),
]
GERMAN = [
    ("Ich möchte mit einem Menschen sprechen", "asks_human"),
    ("Mitarbeiter bitte", "asks_human"),
    ("Verbinden Sie mich mit einem echten Mitarbeiter", "asks_human"),
    ("Das funktioniert immer noch nicht", "negative"),
    ("Das hat mir leider nicht geholfen", "negative"),
    ("Das hat geholfen, danke", "affirm"),
    ("Vielen Dank für Ihre Hilfe", "gratitude"),
    ("danke, das war alles", "gratitude"),
    ("Wo finde ich meine Rechnung?", "follow_up"),
]
SPANISH = [
    ("quiero hablar con una persona", "asks_human"),
    ("Un agente por favor", "asks_human"),
    ("no funciona", "negative"),
    ("sigue sin funcionar mi cuenta", "negative"),
    ("ya funciona, gracias", "affirm"),
    ("Muchas gracias por su ayuda", "gratitude"),
    ("¿Dónde puedo ver mi pedido?", "follow_up"),
]
ABSTAINED: list[tuple[str | None, None]] = [
    ("Merci beaucoup pour votre aide, c'est tout", None),
    ("Это не работает", None),
    ("動作しません", None),
    ("", None),
    ("   ", None),
    (None, None),
]


@pytest.mark.parametrize(("text", "expected"), [*ENGLISH, *GERMAN, *SPANISH, *ABSTAINED])
def test_turns_of_phrase(text: str | None, expected: str | None) -> None:
    assert classes([text]) == [expected]


def test_problem_statements_ask_for_nobody(shared: Locate) -> None:
    # Banking queries: two of ten thousand mention speaking to staff; none reports success or thanks.
    found = classes(list(banking(shared)))
    assert found.count("asks_human") <= 5
    assert found.count("gratitude") == 0
    assert found.count("affirm") <= 5
    assert found.count(None) <= 10


def test_chats_end_in_courtesy(shared: Locate) -> None:
    texts = multidogo(shared, "dev")
    found = classes(list(texts))
    thanks = [
        c
        for t, c in zip(texts, found, strict=True)
        if re.fullmatch(r"(ok(ay)? )?(thank you|thanks)( very much| so much)?", t)
    ]
    assert len(thanks) > 200
    assert set(thanks) == {"gratitude"}
    assert found.count("asks_human") <= 3


def test_own_lexicon_by_path(tmp_path: Path) -> None:
    path = tmp_path / "fr.yaml"
    path.write_text(
        "language: fr\nversion: 4\nasks_human: ['\\bun humain\\b']\nnegative: ['ne (?:marche|fonctionne) pas']\n"
        "gratitude_phrases: ['merci(?: beaucoup)?']\ngratitude_needs: merci\n",
        encoding="utf-8",
    )
    texts = [
        "Merci beaucoup",
        "cela ne marche pas du tout pour nous",
        "je veux parler avec un humain",
        "still not working",
    ]
    assert classes(list(texts), (path,)) == ["gratitude", "negative", "asks_human", "negative"]


def test_mistakes_in_a_lexicon_come_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "xx.yaml"
    path.write_text("language: xx\nnegativ: []\naffirm: ['(']\nturn: [a]\n", encoding="utf-8")
    with pytest.raises(CandorError) as caught:
        classes(["a"], (path, tmp_path / "none.yaml"))
    assert caught.value.code == "lexicon.invalid"
    text = str(caught.value)
    assert len(caught.value.problems) == 5
    for part in (
        "did you mean 'negative'?",
        "'version' is missing",
        "no RE2 pattern",
        "'turn' is of the wrong kind",
        "none.yaml",
    ):
        assert part in text

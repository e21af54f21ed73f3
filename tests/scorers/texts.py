"""Own sentences and the public texts the scorers are tried on."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from vaderSentiment import vaderSentiment as vader  # noqa: N813 (a module, not a class)

Locate = Callable[[str], Path]

_OTHER = (
    "the a i it is was am and this so but least at very never without doubt or nor kind of sort just enough my order "
    "bad ass bus stop yeah right kiss death to die for beating heart shit bomb badass don't isn't DON'T n't can't ok okay "
    "\U0001f601 \u2764 \u00e9 \u00c9! \u00dcnder \u00dcBER \u0130x \u212aind don\u2019t 48990 :) :-D ;) XD <3 ?! ?? ??? ???? ! !!! !!!!! ... -- '' \u2026 ' \" ("
)
_OTHER_WORDS = _OTHER.split()


def mixed_sentences(count: int, seed: str) -> list[str]:
    """Sentences of lexicon words, boosters, negations, idioms, capitals, emoji and punctuation."""
    rng = random.Random(seed)
    scored = sorted(vader.SentimentIntensityAnalyzer().lexicon)
    boosters, negations = sorted(vader.BOOSTER_DICT), list(vader.NEGATE)
    made = []
    for _ in range(count):
        words = []
        for _ in range(rng.randint(1, 13)):
            draw = rng.random()
            source = (
                scored
                if draw < 0.35
                else boosters
                if draw < 0.47
                else negations
                if draw < 0.58
                else _OTHER_WORDS
            )
            word = rng.choice(source)
            shape = rng.random()
            word = word.upper() if shape < 0.12 else word.capitalize() if shape < 0.2 else word
            if rng.random() < 0.15:
                word += rng.choice("!?.,;:'\"*)") * rng.randint(1, 4)
            if rng.random() < 0.05:
                word = rng.choice("('\"*-") + word
            words.append(word)
        made.append(rng.choice([" ", " ", "  ", "\n", "\u00a0"]).join(words))
    return made


def multidogo(shared: Locate, split: str) -> list[str]:
    """Customer turns of role-played chats."""
    found = []
    for path in sorted(shared("data/multidogo/turn_level").glob(f"*/{split}.tsv*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            found += [row["utterance"] for row in csv.DictReader(file, delimiter="\t")]
    return found


def banking(shared: Locate) -> list[str]:
    """Banking queries."""
    with gzip.open(
        shared("data/banking77/train.csv.gz"), "rt", encoding="utf-8", newline=""
    ) as file:
        return [row["text"] for row in csv.DictReader(file)]


def breakdowns(shared: Locate) -> list[str]:
    """Both sides of talks with chat bots."""
    with gzip.open(shared("data/dbdc3/en_dev_revised.jsonl.gz"), "rt", encoding="utf-8") as file:
        return [
            turn["utterance"] for line in file for turn in json.loads(line)["dialogue"]["turns"]
        ]


def star(shared: Locate, dialogues: int) -> list[str]:
    """Customers of a staged assistant."""
    found = []
    with gzip.open(shared("data/star/dialogues.jsonl.gz"), "rt", encoding="utf-8") as file:
        for _, line in zip(range(dialogues), file, strict=False):
            found += [
                e["Text"]
                for e in json.loads(line)["Events"]
                if e.get("Agent") == "User" and e.get("Text")
            ]
    return found


def fixture_texts(shared: Locate) -> list[str]:
    """Every customer text of the resolution cases, variants included."""

    def within(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            if node.get("actor") == "customer" and node.get("text"):
                yield node["text"]
            for value in node.values():
                yield from within(value)
        elif isinstance(node, list):
            for value in node:
                yield from within(value)

    cases = json.loads(shared("vectors/resolution_cases.json").read_text(encoding="utf-8"))
    return sorted(set(within(cases)))

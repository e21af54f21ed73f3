"""What customers ask about in a measured workspace, where the AI does not help, and what is new.

Reads the current publication; nothing is written here (see ``gaps``). A topic is a gap when contacts
that the AI did not help (see ``contacts``) are clearly more frequent in it than elsewhere, after
Benjamini–Hochberg over all topics and by ten points at least, or clearly more frequent than not. Each
customer counts once. With few contacts or customers it stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import fisher_exact

from candor.estimates.multiplicity import benjamini_hochberg
from candor.estimates.proportion import wilson
from candor.lake.serving import Serving
from candor.reviewing.contacts import Contact, read_contacts
from candor.reviewing.examples import read_embeddings, read_examples
from candor.reviewing.topic_memory import FOLDER, former_topics
from candor.scorers.grounding import FILE as KNOWLEDGE
from candor.scorers.grounding import load_knowledge
from candor.scorers.topics.groups import Grouped, group
from candor.scorers.topics.identity import Former, name
from candor.scorers.topics.intents import Guess, Known, learn
from candor.scorers.topics.nearest import nearest_article
from candor.scorers.topics.questions import Floats, space
from candor.scorers.topics.training import Training, examine
from candor.workspace import Workspace

MIN_CONTACTS, MIN_CUSTOMERS = 20, 10
"""Fewest contacts and customers of a topic: below, nothing is said of its gap."""
_MARGIN = 0.10
_LEVEL = 0.05
_SHOWN = 3
_READ = 200
"""Questions of a topic that are held against the articles."""


@dataclass(slots=True)
class Topic:
    """One topic.

    Attributes:
        topic: id, the same in later runs. parent: of the upper topic. terms: that tell it apart.
        contacts, customers: in it.
        answered: contacts with AI of which it is known whether it helped; unhelped: it did not.
        share, low, high: unhelped of answered, with the interval that counts customers.
        elsewhere: the same share in all other topics.
        is_gap: None where too little is known.
        excess: unhelped contacts beyond the share elsewhere.
        novel: questions called novel, of ``judged``.
        is_new: not found in an earlier run.
        article: nearest article of knowledge.jsonl, when one is near.
        questions: those nearest to its centre. profile: mean weight by term.
    """

    topic: str
    parent: str
    terms: tuple[str, ...]
    parent_terms: tuple[str, ...]
    contacts: int
    customers: int
    answered: int
    unhelped: int
    share: float | None = None
    low: float | None = None
    high: float | None = None
    elsewhere: float | None = None
    is_gap: bool | None = None
    excess: float = 0.0
    novel: int = 0
    judged: int = 0
    is_new: bool = True
    article: str = ""
    questions: tuple[str, ...] = ()
    members: tuple[Contact, ...] = field(default=(), repr=False)
    profile: Mapping[str, float] = field(default_factory=dict, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without texts of customers."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for hidden in ("members", "questions", "profile"):
            del told[hidden]
        return told


@dataclass(frozen=True)
class Topics:
    """What was found.

    Attributes:
        contacts: looked at = grouped + alone + silent. alone: in no topic. silent: ask nothing.
        topics: largest first. separation: silhouette, None without topics.
        refusal: why there are no topics, or "".
        known, training: of the examples; None without, or with too few.
        guesses: by conversation key, where examples were given.
        as_of_us: of the publication.
        used: greatest number ever given to a topic.
    """

    contacts: tuple[Contact, ...]
    alone: int
    silent: int
    topics: tuple[Topic, ...]
    separation: float | None
    refusal: str
    known: Known | None
    training: Training | None
    guesses: Mapping[int, Guess]
    as_of_us: int
    used: int

    def suggestions(self) -> list[dict[str, Any]]:
        """What to write next: articles for gaps, then intents for topics that are mostly novel."""
        articles = [
            ("revise_article" if one.article else "write_article", one, one.article, one.excess)
            for one in sorted(self.topics, key=lambda t: (-t.excess, t.topic))
            if one.is_gap
        ]
        intents = [
            ("add_intent", one, "", float(one.novel))
            for one in sorted(self.topics, key=lambda t: (-t.novel, t.topic))
            if one.judged >= MIN_CONTACTS and 2 * one.novel > one.judged
        ]
        return [
            {"kind": kind, "topic": one.topic, "terms": list(one.terms),
             "article": article or None, "would_help": round(helped)}
            for kind, one, article, helped in (*articles, *intents)
        ]  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        known = self.known
        return {
            "contacts": len(self.contacts), "in_no_topic": self.alone, "asked_nothing": self.silent,
            "separation": self.separation, "refusal": self.refusal or None,
            "topics": [one.as_dict() for one in self.topics], "suggestions": self.suggestions(),
            "intents": None if known is None else {
                "intents": len(known.intents), "examples": known.examples, "kept": known.kept,
                "accuracy_in_scope": known.accuracy, "accuracy_without_rejection": known.plain_accuracy,
                "left_out_intents_found": known.found, "checked_on": known.checked,
                "novel": sum(g.is_novel is True for g in self.guesses.values()),
                "judged": sum(g.is_novel is not None for g in self.guesses.values()),
            },
            "training": None if self.training is None else self.training.as_dict(),
        }  # fmt: skip


def find_topics(
    workspace: Workspace, *, examples: Path | None = None, embeddings: Path | None = None
) -> Topics:
    """Find topics, gaps and novel questions in what was published last.

    Args:
        workspace: measured.
        examples: texts of the known intents, CSV or JSON Lines with ``text`` and ``intent``.
        embeddings: Parquet with ``conversation_id`` and ``embedding``.

    Raises:
        CandorError: ``serving.none``, ``examples.invalid``, ``embeddings.invalid``.
    """
    publication = Serving(workspace.serving).current()
    contacts = read_contacts(publication.facts, publication.text)
    asked = [one for one in contacts if one.question is not None]
    given = read_examples(examples) if examples else []
    known = learn(given) if given else None
    guesses: dict[int, Guess] = {}
    if known is not None:
        said = known.judge([one.question or "" for one in asked])
        guesses = dict(zip((one.key for one in asked), said, strict=True))
    vectors = (
        read_embeddings(embeddings, [c.conversation_id for c in asked]) if embeddings else None
    )
    grouped, refusal = _grouped(asked, vectors)
    former, used = former_topics(workspace.root / FOLDER)
    topics: list[Topic] = []
    if grouped is not None:
        topics, used = _topics(asked, grouped, former, used, guesses)
        judge_gaps(topics)
        _find_articles(workspace.root / KNOWLEDGE, topics)
    inside = sum(one.contacts for one in topics)
    return Topics(
        tuple(contacts), len(asked) - inside, len(contacts) - len(asked),
        tuple(sorted(topics, key=lambda one: (-one.contacts, one.topic))),
        None if grouped is None else grouped.separation, refusal, known,
        examine(given, known) if given else None, guesses,
        int(publication.about["as_of_us"]), used,
    )  # fmt: skip


def _grouped(asked: Sequence[Contact], vectors: Floats | None) -> tuple[Grouped | None, str]:
    if not asked:
        return None, "no_questions"
    found = space([one.question or "" for one in asked], vectors)
    grouped = group(found)
    return grouped, "" if grouped is not None else "too_few_questions"


def _topics(
    asked: Sequence[Contact], grouped: Grouped, former: Sequence[Former], used: int,
    guesses: Mapping[int, Guess],
) -> tuple[list[Topic], int]:  # fmt: skip
    rows = [np.flatnonzero(grouped.group == at) for at in range(len(grouped.centres))]
    members = [[asked[row] for row in mine.tolist()] for mine in rows]
    names, used = name(
        [frozenset(one.key for one in mine) for mine in members], grouped.profile, former, used
    )
    uppers: dict[int, str] = {}
    for at in sorted(range(len(names)), key=lambda at: (len(names[at]), names[at])):
        uppers.setdefault(grouped.parent[at], names[at])
    before = {one.topic for one in former}
    made = []
    for at, mine in enumerate(members):
        known = [one for one in mine if one.is_unhelped is not None]
        said = [guesses[one.key].is_novel for one in mine if one.key in guesses]
        upper = grouped.parent[at]
        order = rows[at][np.argsort(-grouped.likeness[rows[at]], kind="stable")]
        made.append(
            Topic(
                names[at], f"group-{uppers[upper]}", grouped.terms[at],
                grouped.parent_terms[upper], len(mine), len({one.person for one in mine}),
                len(known), sum(one.is_unhelped is True for one in known),
                novel=sum(one is True for one in said), judged=sum(one is not None for one in said),
                is_new=names[at] not in before, members=tuple(mine), profile=grouped.profile[at],
                questions=_distinct(asked[row].question or "" for row in order.tolist()),
            )
        )  # fmt: skip
    return made, used


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))[:_SHOWN]


def judge_gaps(topics: Sequence[Topic]) -> None:
    """Say of every topic whether it is a gap, where enough is known."""
    answered, unhelped = sum(t.answered for t in topics), sum(t.unhelped for t in topics)
    told = []
    for one in topics:
        people = len({c.person for c in one.members if c.is_unhelped is not None})
        if not one.answered:
            continue
        one.share = one.unhelped / one.answered
        one.low, one.high = wilson(one.share, people)
        others = answered - one.answered
        if others:
            one.elsewhere = (unhelped - one.unhelped) / others
            one.excess = max(0.0, (one.share - one.elsewhere) * one.answered)
        if one.answered >= MIN_CONTACTS and people >= MIN_CUSTOMERS:
            told.append((one, people))
    if not told:
        return
    chances = [_chance(one, people, answered, unhelped) for one, people in told]
    clear = benjamini_hochberg(chances, level=_LEVEL)
    for (one, _), stands_out in zip(told, clear, strict=True):
        share, low = one.share or 0.0, one.low or 0.0
        beyond = one.elsewhere is not None and share - one.elsewhere >= _MARGIN
        one.is_gap = (stands_out and beyond) or low > 0.5


def _chance(one: Topic, people: int, answered: int, unhelped: int) -> float:
    """One-sided p of a share as large as the topic's, each customer counted once."""
    mine = round((one.share or 0.0) * people)
    others = answered - one.answered
    if not others:
        return 1.0
    rest = max(1, round(others * people / one.answered))
    theirs = round(rest * (unhelped - one.unhelped) / others)
    table = [[mine, people - mine], [theirs, rest - theirs]]
    return float(fisher_exact(table, alternative="greater")[1])


def _find_articles(path: Path, topics: Sequence[Topic]) -> None:
    if not path.exists():
        return
    articles = load_knowledge(path).to_pydict()
    known = list(zip(articles["knowledge_id"], articles["text"], strict=True))
    asked = [[c.question or "" for c in one.members[:_READ]] for one in topics]
    for one, article in zip(topics, nearest_article(asked, known), strict=True):
        one.article = article

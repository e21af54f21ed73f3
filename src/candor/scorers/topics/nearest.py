"""Which article of the knowledge lies nearest to what a topic asks; "" when none is near."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer

from candor.scorers.topics.questions import content_words

LEAST = 0.2
"""Least cosine of a topic's questions and an article."""


def nearest_article(
    topics: Sequence[Sequence[str]], articles: Sequence[tuple[str, str]]
) -> list[str]:
    """Id of the nearest article of each topic.

    Args:
        topics: questions of each topic.
        articles: (id, text).
    """
    texts = [text for _, text in articles]
    if not topics or not any(content_words(text) for text in texts):
        return [""] * len(topics)
    weigher = TfidfVectorizer(analyzer=content_words, sublinear_tf=True)
    known = weigher.fit_transform(texts)
    asked = weigher.transform([" ".join(questions) for questions in topics])
    like = (asked @ known.T).toarray()
    best = like.argmax(axis=1)
    return [
        articles[at][0] if like[row, at] >= LEAST else "" for row, at in enumerate(best.tolist())
    ]

"""What is wrong with the examples that intents are learnt from.

Counts only what can be shown: empty texts, repeats, one text under two intents, intents with few
examples, examples that look like another intent, and how evenly the intents are covered.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from candor.scorers.topics.intents import Example, Known
from candor.scorers.topics.questions import words

FEW = 10
"""An intent with fewer distinct examples is thin."""


@dataclass(frozen=True, slots=True)
class Training:
    """Quality of training examples.

    Attributes:
        examples: given. usable: neither empty, repeated nor contradictory; ``usable_share`` of all.
        empty, repeated: without a word; said before under the same intent.
        contradictory: texts that stand under several intents (all their rows).
        thin: (intent, distinct examples) below ten.
        evenness: entropy of the distinct examples over intents, 1 = all alike; None for one intent.
        wrong, suspects: see ``Known``; empty when nothing could be learnt.
    """

    examples: int
    usable: int
    usable_share: float | None
    empty: int
    repeated: int
    contradictory: int
    intents: int
    thin: tuple[tuple[str, int], ...]
    evenness: float | None
    wrong: tuple[tuple[str, str, int], ...]
    suspects: tuple[tuple[str, str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def examine(examples: Sequence[Example], known: Known | None) -> Training:
    """Examine examples.

    Args:
        examples: all that were given.
        known: what was learnt from them, for confusions and suspects.
    """
    keys = [(" ".join(words(e.text)), e.intent) for e in examples]
    under: dict[str, set[str]] = {}
    for text, intent in keys:
        under.setdefault(text, set()).add(intent)
    distinct = {key for key in keys if key[0]}
    empty = sum(not text for text, _ in keys)
    contradictory = sum(bool(text) and len(under[text]) > 1 for text, _ in keys)
    repeated = len(keys) - empty - len(distinct)
    usable = sum(len(under[text]) == 1 for text, _ in distinct)
    sizes = Counter(intent for _, intent in distinct)
    total = sum(sizes.values())
    spread = -sum(n / total * math.log(n / total) for n in sizes.values())
    return Training(
        len(keys), usable, usable / len(keys) if keys else None, empty, repeated, contradictory,
        len({intent for _, intent in keys}),
        tuple(sorted(((i, n) for i, n in sizes.items() if n < FEW), key=lambda one: (one[1], one[0]))),
        spread / math.log(len(sizes)) if len(sizes) > 1 else None,
        known.wrong if known else (), known.suspects if known else (),
    )  # fmt: skip

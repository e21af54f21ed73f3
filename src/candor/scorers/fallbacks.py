"""What kind of message an AI agent wrote, when its system does not say.

Only reads text: fallback, handoff_notice, survey, closing, greeting, clarification, else answer;
and whether the agent apologises. Facts use the kind only where the source states none.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.scorers.language import LANGUAGES, UNCLEAR
from candor.scorers.lexicon import KindLexicon, kind_lexicons
from candor.scorers.tokens import Array

KINDS = (
    "handoff_notice", "fallback", "survey", "closing", "greeting", "clarification", "answer",
)  # fmt: skip
NO_KIND = -1


def kinds(texts: pa.Array, languages: Array) -> tuple[Array, Array]:
    """Kind of each AI message, and whether it apologises.

    Args:
        texts: string array from ``reply.normalised``.
        languages: int8 indices into ``LANGUAGES``, -1 unclear.

    Returns:
        int8 index into ``KINDS`` (-1 for empty text and for languages without a lexicon), and
        bool (false there).
    """
    lexicons = kind_lexicons()
    found = np.full(len(texts), NO_KIND, np.int8)
    sorry = np.zeros(len(texts), dtype=bool)
    filled = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False)
    found[filled & (languages != LANGUAGES.index("other"))] = KINDS.index("answer")
    for language, lexicon in lexicons.items():
        known = LANGUAGES.index(language)
        rows = np.flatnonzero(filled & ((languages == known) | (languages == UNCLEAR)))
        if len(rows):
            some = texts.take(pa.array(rows))
            found[rows] = np.minimum(found[rows], _by_lexicon(some, lexicon))
            sorry[rows] |= _matches(some, lexicon.apology)
    return found, sorry


def _by_lexicon(texts: pa.Array, lexicon: KindLexicon) -> Array:
    found = np.full(len(texts), KINDS.index("answer"), np.int8)
    for kind, pattern in reversed(lexicon.kinds):
        found[_matches(texts, pattern)] = KINDS.index(kind)
    return found


def _matches(texts: pa.Array, pattern: str) -> Array:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)

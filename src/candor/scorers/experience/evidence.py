"""What moved each part of a score, as text: the features, by how much, and the sentence that shows it.

Quotes are cut from the stored, redacted messages and occur in them letter by letter. Writes JSON
whose keys stand in a fixed order, so that equal evidence is equal text.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from candor.engines.duck import DuckEngine
from candor.scorers.experience.features import Feature
from candor.scorers.experience.model import Floats

KEPT = 3
"""Most features told for each part of a conversation: those that moved it most."""
_LEAST_POINTS = 0.005
_QUOTE = 200
_EVIDENCE_SQL = """
select
    e.row,
    '[' || string_agg(
        cast(json_object(
            'feature', e.feature, 'points', e.points, 'message_id', e.message_id, 'quote', e.quote
        ) as varchar), ',' order by e.rank
    ) || ']' as evidence
from _experience_evidence as e
group by e.row
order by e.row
"""


def told(
    engine: DuckEngine,
    features: Mapping[str, Feature],
    points: Mapping[str, Floats],
    messages: pa.Table,
    markers: Mapping[str, str],
) -> pa.Array:
    """Evidence of one part: per conversation a JSON array, ``[]`` where nothing moved it.

    Args:
        engine: writes the JSON.
        features: by name.
        points: what each feature moved the part by, per conversation.
        messages: ``message_id`` and ``text``, the rows that features point at.
        markers: patterns by kind.
    """
    names = list(points)
    moved = np.stack([points[name] for name in names])
    ranks = np.argsort(-np.abs(moved), axis=0, kind="stable")[:KEPT]
    rows = moved.shape[1]
    columns = np.broadcast_to(np.arange(rows), ranks.shape)
    size = moved[ranks, columns]
    rank, row = np.nonzero(np.abs(size) >= _LEAST_POINTS)
    feature = ranks[rank, row]
    message = np.stack([features[name].message for name in names])[feature, row]
    marker = np.array([features[name].marker for name in names])[feature]
    table = pa.table(
        {
            "row": pa.array(row),
            "rank": pa.array(rank),
            "feature": pa.array(names).take(pa.array(feature)),
            "points": pa.array(np.round(size[rank, row], 3)),
            "message_id": _taken(messages["message_id"], message),
            "quote": _quotes(messages["text"], message, marker, markers),
        }
    )
    engine.load("_experience_evidence", table, temporary=True)
    found = engine.arrow(_EVIDENCE_SQL)
    texts = np.full(rows, "[]", dtype=object)
    texts[found["row"].to_numpy()] = found["evidence"].to_numpy(zero_copy_only=False)
    return pa.array(texts, pa.string())


def _taken(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> pa.Array:
    return column.combine_chunks().take(pa.array(rows, mask=rows < 0))


def _quotes(
    texts: pa.ChunkedArray, rows: NDArray[np.int64], marker: NDArray[np.str_],
    markers: Mapping[str, str],
) -> pa.Array:  # fmt: skip
    """The sentence with the marker, else the message's first; null without a message."""
    coded = _taken(texts, rows).dictionary_encode()
    distinct = coded.dictionary
    first = _sentence(distinct, r"\s*(?P<quote>[^.!?\n]*[^\s.!?][^.!?\n]*[.!?]*)")
    quotes = first.take(coded.indices)
    for kind in sorted(set(marker.tolist()) - {""}):
        shown = _sentence(distinct, rf"(?is)(?P<quote>[^.!?\n]*(?:{markers[kind]})[^.!?\n]*[.!?]*)")
        named = pc.coalesce(pc.if_else(pc.equal(shown, ""), None, shown), first)
        quotes = pc.if_else(pa.array(marker == kind), named.take(coded.indices), quotes)
    return quotes


def _sentence(texts: pa.Array, pattern: str) -> pa.Array:
    found = pc.struct_field(pc.extract_regex(texts, pattern), "quote")
    return pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(found, 0, _QUOTE))

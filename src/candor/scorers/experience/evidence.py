"""What moved each part of a score, as text: the features, by how much, and the sentence that shows it.

Quotes are cut from the stored, redacted messages and occur in them letter by letter. Writes JSON
whose keys stand in a fixed order, so that equal evidence is equal text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from candor.scorers.experience.features import Feature
from candor.scorers.experience.model import Floats

KEPT = 3
"""Most features told for each part of a conversation: those that moved it most."""
_LEAST_POINTS = 0.005
_QUOTE = 200


def told(
    features: Mapping[str, Feature],
    points: Mapping[str, Floats],
    messages: pa.Table,
    markers: Mapping[str, str],
) -> pa.Array:
    """Evidence of one part: per conversation a JSON array, ``[]`` where nothing moved it.

    Args:
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
    row, rank = np.nonzero(np.abs(size.T) >= _LEAST_POINTS)
    feature = ranks[rank, row]
    message = np.stack([features[name].message for name in names])[feature, row]
    marker = np.array([features[name].marker for name in names])[feature]
    entries = pc.binary_join_element_wise(
        '{"feature":"', pa.array(names).take(pa.array(feature)),
        '","points":', pc.cast(pa.array(np.round(size[rank, row], 3)), pa.string()),
        ',"message_id":', _json(_taken(messages["message_id"], message)),
        ',"quote":', _json(_quotes(messages["text"], message, marker, markers)), "}", "",
    )  # fmt: skip
    ends = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(ends), entries)
    return pc.binary_join_element_wise("[", pc.binary_join(lists, ","), "]", "")


def _json(texts: pa.Array) -> pa.Array:
    """Texts as JSON strings, null as null."""
    coded = texts.dictionary_encode()
    plain = coded.dictionary
    told = pc.replace_substring(pc.replace_substring(plain, "\\", "\\\\"), '"', '\\"')
    told = pc.binary_join_element_wise('"', told, '"', "")
    odd = pc.match_substring_regex(plain, r"[\x00-\x1f\x7f]")
    if pc.any(odd).as_py():
        # Control characters are rare enough to be written one by one.
        written = [json.dumps(text, ensure_ascii=False) for text in plain.filter(odd).to_pylist()]
        told = pc.replace_with_mask(told, odd, pa.array(written, pa.string()))
    return pc.fill_null(told.take(coded.indices), "null")


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

"""The vectorised rules against the library, text by text, to its four decimals."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from candor.scorers import accelerated
from candor.scorers.sentiment import compound

from .texts import Locate, banking, breakdowns, mixed_sentences, multidogo, star


@pytest.fixture(scope="module", params=["plain", "compiled"], autouse=True)
def printing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything here holds for both printings of the rules."""
    if request.param == "compiled":
        pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accelerated, "WORTH", 0 if request.param == "compiled" else 1 << 60)
        yield


LIBRARY = SentimentIntensityAnalyzer()


def differences(texts: list[str]) -> list[tuple[str, float, float]]:
    ours = compound(pa.array(texts, pa.string())).tolist()
    theirs = [LIBRARY.polarity_scores(text)["compound"] for text in texts]
    return [
        (t, a, b) for t, a, b in zip(texts, ours, theirs, strict=True) if a != round(b * 10_000)
    ]


@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_equals_the_library_on_mixed_sentences(seed: str) -> None:
    texts = mixed_sentences(3_000, seed)
    assert len({LIBRARY.polarity_scores(text)["compound"] for text in texts[:300]}) > 150
    assert differences(texts) == []


def test_equals_the_library_on_real_texts(shared: Locate) -> None:
    texts = [
        *multidogo(shared, "dev"),
        *banking(shared)[:4_000],
        *breakdowns(shared)[:3_000],
        *star(shared, 300),
    ]
    assert len(texts) > 12_000
    assert differences(texts) == []


RULES = [
    ("The answer was good.", 4_404),
    ("The answer was very good.", 4_927),
    ("The answer was not good.", -3_412),
    ("The answer was VERY GOOD!", 7_141),
    ("", 0),
    ("   ", 0),
]


@pytest.mark.parametrize(("text", "expected"), RULES)
def test_known_scores(text: str, expected: int) -> None:
    assert compound(pa.array([text])).tolist() == [expected]
    assert round(LIBRARY.polarity_scores(text)["compound"] * 10_000) == expected


def test_equal_values_before_and_after_but() -> None:
    # The library halves the first 1.9 twice and leaves a later one alone; so must we.
    assert (
        differences(
            [
                "good but good good",
                "great good but good",
                "bad good good but bad bad",
                "fine but okay but fine",
            ]
        )
        == []
    )


def test_long_tokens_and_many_rows() -> None:
    texts = ["!" * 5_000, "A" * 5_000 + " GOOD day", "(" * 40 + "good" + ")" * 40, "good", None, ""]
    filled = [text or "" for text in texts]
    assert compound(pa.array(texts)).tolist() == compound(pa.array(filled)).tolist()
    assert differences(filled) == []
    repeated = compound(pa.array(["bad service", "", "great help!"] * 40_000))
    assert set(zip(*[iter(repeated.tolist())] * 3, strict=True)) == {
        tuple(compound(pa.array(["bad service", "", "great help!"])).tolist())
    }


def test_slices_and_chunks() -> None:
    texts = pa.array(["bad", "good", "\U0001f601 fine", "awful"])
    whole = compound(texts).tolist()
    assert compound(texts.slice(1, 2)).tolist() == whole[1:3]
    assert compound(pa.chunked_array([texts.slice(0, 1), texts.slice(1)])).tolist() == whole
    assert compound(pa.array([], pa.string())).tolist() == []


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["good", "not", "VERY", "bad", "but", "kind", "of", "least", "n't"]),
            st.text(max_size=4),
        ),
        max_size=8,
    ),
    st.sampled_from(["", " "]),
)
def test_any_text_equals_the_library(pieces: list[str], between: str) -> None:
    assert differences([between.join(pieces)]) == []

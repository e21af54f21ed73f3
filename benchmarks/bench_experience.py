"""How fast conversations are scored for experience on one core, beside the VADER library in the same run.

Run ``python benchmarks/bench_experience.py [--conversations N]``. Conversations of eight messages are
made up and seeded. Each figure is the median of five interleaved rounds; absolute times mean nothing
on a shared machine, the ratio to the library does. Storing the scores is not counted.
"""

from __future__ import annotations

import argparse

import numpy as np
import pyarrow as pa
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

import bench_text
from candor.scorers.experience import evidence, model
from candor.scorers.experience.features import read

MESSAGES = 8


def made_up(conversations: int) -> tuple[pa.Table, pa.Table]:
    """Facts and messages of conversations."""
    rng = np.random.default_rng(5)
    rows = conversations * MESSAGES
    flag = pa.array(np.zeros(conversations, bool))
    true = pa.array(np.ones(conversations, bool))
    few = pa.array(rng.integers(0, 3, conversations))
    half = pa.array(np.full(conversations, MESSAGES // 2))
    mood = pa.array(rng.integers(-900_000, 900_000, conversations))
    none = pa.nulls(conversations, pa.bool_())
    facts = pa.table(
        {
            "engaged": true, "is_open": flag, "confirmed": flag, "contradicted": flag,
            "explicit_feedback": pa.nulls(conversations, pa.string()),
            "reply_class": pa.array(rng.choice(["gratitude", "follow_up", "negative"], conversations)),
            "ended_negative": flag, "human_came": none, "abandoned": flag, "rage_quit": flag,
            "forced_termination": flag, "answered": true, "customer_spoke_last": true,
            "returned_72h": flag, "ai_messages": half, "human_messages": few, "customer_messages": half,
            "ai_fallbacks": few, "ai_clarifications": few, "rephrases": few, "transfers": few,
            "first_response_us": pa.array(rng.integers(1, 9_000_000_000, conversations)),
            "sentiment_first_ppm": mood, "sentiment_last_ppm": mood, "sentiment_mean_ppm": mood,
            "sentiment_messages": half,
        }
    )  # fmt: skip
    texts = bench_text.messages(rows, personal=False)
    messages = pa.table(
        {
            "row": pa.array(np.repeat(np.arange(conversations), MESSAGES)),
            "message_id": pa.array([f"m{number}" for number in range(rows)]),
            "actor": pa.array(["customer", "ai_agent"] * (rows // 2)),
            "kind": pa.nulls(rows, pa.string()),
            "text": pa.array(texts),
            "sentiment": pa.array(rng.uniform(-1, 1, rows)),
            "is_rephrase": pa.array(np.zeros(rows, bool)),
        }
    )
    return facts, messages


def main() -> None:
    """Print a table of rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    facts, messages = made_up(options.conversations)
    learnt = model.built_in()
    library = SentimentIntensityAnalyzer()
    few = messages["text"].slice(0, bench_text.LIBRARY_ROWS).to_pylist()

    def features() -> None:
        read(facts, messages, learnt.markers)

    def everything() -> None:
        found = read(facts, messages, learnt.markers)
        values = {name: one.values for name, one in found.features.items()}
        for part in learnt.parts:
            scored = model.score(part, values, found.abstains[part.name] != "")
            evidence.told(found.features, scored.points, messages, learnt.markers)

    rates = bench_text.rates(
        {
            "sentiment, library": (
                len(few),
                lambda: [library.polarity_scores(text) for text in few],
            ),
            "features": (messages.num_rows, features),
            "features, scores and evidence": (messages.num_rows, everything),
        }
    )
    print(f"{options.conversations:,} conversations of {MESSAGES} messages, one core")
    for name, rate in rates.items():
        print(f"{name:34s} {rate:12,.0f} messages/s")
    ratio = rates["features, scores and evidence"] / rates["sentiment, library"]
    print(f"{'scoring ÷ library':34s} {ratio:12.1f} ×")


if __name__ == "__main__":
    main()

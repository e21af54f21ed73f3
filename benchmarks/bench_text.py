"""How fast text is redacted and scored on one core, beside the VADER library in the same run.

Run ``python benchmarks/bench_text.py [--rows N] [--texts FILE]``. Messages are made up and seeded,
or taken from FILE (one a line). Each figure is the median of five interleaved rounds; absolute
times mean nothing on a shared machine, the ratio to the library does.

``--data FOLDER`` with the folder of the reference data takes the distinct texts of public dialogues
instead and prints one line a set: processor time, the least of five interleaved rounds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from candor.privacy.redaction import Redactor
from candor.scorers import accelerated, sentiment
from candor.scorers.rephrase import rephrases
from candor.scorers.signals import score

ROUNDS = 5
LIBRARY_ROWS = 2_000
ROUND_SECONDS = 0.15
"""Least length of a round, so that small sets are not all warming up."""

_OPENINGS = (
    "hi there",
    "hello",
    "thanks for the quick answer",
    "ok",
    "sorry to bother you again",
    "",
)
_SUBJECTS = (
    "my parcel",
    "the app",
    "the refund for my order",
    "your answer",
    "the second invoice",
    "this page",
)
_STATES = (
    "still has not arrived", "is not working at all", "works now, great", "looks wrong to me", "was really helpful",
    "shows an error when I open it", "is fine but slow", "was charged twice", "is exactly what I needed",
)  # fmt: skip
_CLOSINGS = (
    "can you help me please?",
    "thank you so much!",
    "I am very disappointed",
    "what should I do next?",
    "",
)
_PERSONAL = (
    "my mail is {w}.{w}@example.com", "call me on (415) 555-{d}", "card 4111 1111 1111 1111", "my name is {w} {w}",
    "I live at {n} Oak Street", "IBAN GB82 WEST 1234 5698 7654 32", "password is {w}{n}",
)  # fmt: skip


def messages(rows: int, *, personal: bool) -> list[str]:
    """Made-up customer messages, each different; with personal data in every one if asked."""
    rng = random.Random(f"bench:{personal}")
    made = []
    for number in range(rows):
        parts = [
            rng.choice(_OPENINGS),
            rng.choice(_SUBJECTS),
            rng.choice(_STATES),
            rng.choice(_CLOSINGS),
        ]
        if rng.random() < 0.2:
            parts[2] = parts[2].upper()
        if personal:
            word = "".join(rng.choice("abcdefghiklmnoprstu") for _ in range(6))
            parts.append(
                rng.choice(_PERSONAL).format(
                    w=word, n=rng.randint(10, 99), d=rng.randint(1000, 9999)
                )
            )
        else:
            parts.append(f"order {10_000 + number}")
        made.append(" ".join(part for part in parts if part))
    return made


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a compressed JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def public(data: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Name of a set, and text and actor of its messages."""
    yield (
        "STAR",
        [
            (event["Text"], "customer" if event["Agent"] == "User" else "ai_agent")
            for told in lines(data / "star/dialogues.jsonl.gz")
            for event in told["Events"]
            if event.get("Text") and event["Action"] == "utter"
        ],
    )
    yield (
        "DBDC3",
        [
            (turn["utterance"], "ai_agent" if turn["speaker"] == "S" else "customer")
            for told in lines(data / "dbdc3/en_dev_revised.jsonl.gz")
            for turn in told["dialogue"]["turns"]
        ],
    )
    yield "τ-bench and τ²-bench", list(spoken(data))


def spoken(data: Path) -> Iterator[tuple[str, str]]:
    """Text and actor of each message of the simulated customers and agents."""
    airline = data / "tau_bench_gpt4o_airline/gpt-4o-airline.json.gz"
    talks = [run["traj"] for run in json.loads(gzip.decompress(airline.read_bytes()))]
    for path in sorted((data / "tau2_runs").glob("*.json.gz")):
        runs = json.loads(gzip.decompress(path.read_bytes()))["simulations"]
        talks += [run["messages"] for run in runs]
    for said in (each for talk in talks for each in talk):
        if said["role"] in ("user", "assistant") and isinstance(said.get("content"), str):
            yield said["content"], "customer" if said["role"] == "user" else "ai_agent"


def on_public(data: Path) -> None:
    """One line a set: library and candor in turns."""
    library = SentimentIntensityAnalyzer()
    for name, messages in public(data):
        said = dict(reversed([pair for pair in messages if pair[0].strip()]))
        listed = list(said)
        texts, actors = pa.array(listed), pa.array(list(said.values()))
        few = listed[:: max(1, len(listed) // LIBRARY_ROWS)]
        customers = texts.filter(pc.equal(actors, "customer"))
        keys = np.arange(len(customers)) // 8

        def every(texts: pa.Array = texts, actors: pa.Array = actors, customers: pa.Array = customers,
                  keys: Any = keys) -> None:  # fmt: skip
            score(texts, actors)
            rephrases(keys, np.arange(len(customers)), customers)

        tasks: dict[str, tuple[int, int, Callable[[], object]]] = {
            "library": (len(few), 0, lambda few=few: [library.polarity_scores(one) for one in few]),
            "compiled": (len(texts), 0, lambda texts=texts: sentiment.compound(texts)),
            "numpy": (len(texts), 1 << 60, lambda texts=texts: sentiment.compound(texts)),
            "all signals": (len(texts), 0, every),
        }
        least = dict.fromkeys(tasks, float("inf"))
        for turn in range(ROUNDS + 1):
            for task, (rows, worth, run) in tasks.items():
                accelerated.WORTH = worth
                times, begun = 0, time.process_time()
                spent = 0.0
                while spent < ROUND_SECONDS:
                    run()
                    times += 1
                    spent = time.process_time() - begun
                if turn:
                    least[task] = min(least[task], spent / times / rows)
        size = sum(map(len, few)) / len(few)
        told = ", ".join(f"{task} {1 / seconds:,.0f}/s" for task, seconds in least.items())
        print(f"{name}, {len(texts):,} texts of {size:.0f} characters: {told};"
              f" compiled ÷ library {least['library'] / least['compiled']:.1f}")  # fmt: skip


def rates(tasks: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, float]:
    """Messages per second of each task: median over interleaved rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _, task in tasks.values():
        task()
    for _ in range(ROUNDS):
        for name, (_, task) in tasks.items():
            begun = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - begun)
    return {name: rows / statistics.median(seconds[name]) for name, (rows, _) in tasks.items()}


def main() -> None:
    """Print a table of rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    if options.data:
        on_public(options.data)
        return
    if options.texts:
        given = [line for line in options.texts.read_text(encoding="utf-8").splitlines() if line]
        texts = (given * (options.rows // len(given) + 1))[: options.rows]
    else:
        texts = messages(options.rows, personal=False)
    clean, dirty = pa.array(texts), pa.array(messages(options.rows // 5, personal=True))
    rows = len(clean)
    threads = pa.array([f"t{number // 8}" for number in range(rows)])
    actors = pa.array((["customer", "ai_agent"] * rows)[:rows])
    redactor = Redactor(bytes(32))
    library = SentimentIntensityAnalyzer()
    few = texts[:LIBRARY_ROWS]
    keys = np.arange(rows) // 8
    found = rates(
        {
            "redaction, clean": (rows, lambda: redactor.column(clean, threads)),
            "redaction, personal data in each": (len(dirty), lambda: redactor.column(dirty, threads.slice(0, len(dirty)))),
            "sentiment, library": (len(few), lambda: [library.polarity_scores(text) for text in few]),
            "sentiment, ours": (rows, lambda: sentiment.compound(clean)),
            "all signals": (rows, lambda: score(clean, actors)),
            "rephrasing": (rows, lambda: rephrases(keys, np.arange(rows), clean)),
        }
    )  # fmt: skip
    size = sum(map(len, texts)) / rows
    print(f"{rows:,} messages of {size:.0f} characters, {len(set(texts)):,} distinct, one core")
    for name, rate in found.items():
        print(f"{name:34s} {rate:12,.0f} messages/s")
    print(
        f"{'sentiment, ours ÷ library':34s} {found['sentiment, ours'] / found['sentiment, library']:12.1f} ×"
    )


if __name__ == "__main__":
    main()

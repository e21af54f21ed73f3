"""What the built-in message signals know of broken-down turns (DBDC3) and annoyed customers (STAR).

``python benchmarks/bench_signals.py FOLDER`` with the folder of the reference data. Nothing is fitted;
intervals of areas under the curve resample whole dialogues (DBDC3) or customers (STAR).
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from candor.scorers.rephrase import rephrases
from candor.scorers.signals import score

BAD = ("negative", "asks_human")
DRAWS = 200


def area(truth: np.ndarray, value: np.ndarray, cluster: np.ndarray) -> str:
    """Area under the curve with its 95 % interval over clusters."""
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(cluster == one) for one in np.unique(cluster)]
    drawn = []
    for _ in range(DRAWS):
        take = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        if 0 < truth[take].sum() < len(take):
            drawn.append(roc_auc_score(truth[take], value[take]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{roc_auc_score(truth, value):.3f} ({low:.3f}–{high:.3f})"


def flagged(truth: np.ndarray, flag: np.ndarray) -> str:
    hit = (truth & flag).sum()
    return f"flags {flag.mean():.1%}, precision {hit / max(1, flag.sum()):.3f}, recall {hit / truth.sum():.3f}"


def dbdc3(path: Path) -> None:
    texts, actors, threads, share, broken, clear = [], [], [], [], [], []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            for turn in json.loads(line)["dialogue"]["turns"]:
                said = [one["breakdown"] for one in turn["annotations"]]
                texts.append(turn["utterance"])
                actors.append("ai_agent" if turn["speaker"] == "S" else "customer")
                threads.append(number)
                counts = {kind: said.count(kind) for kind in "OTX"}
                most = max(counts.values()) if said else 0
                top = [kind for kind in "OTX" if counts[kind] == most]
                share.append(counts["X"] / len(said) if said else np.nan)
                broken.append(bool(said) and top == ["X"])
                clear.append(bool(said) and len(top) == 1)
    found = score(pa.array(texts), pa.array(actors))
    thread, order = np.asarray(threads), np.arange(len(texts))
    is_bot = np.asarray(actors) == "ai_agent"
    after = np.append(thread[1:] == thread[:-1], False) & is_bot & np.append(~is_bot[1:], False)
    again = np.zeros(len(texts), bool)
    for side in (is_bot, ~is_bot):
        rows = np.flatnonzero(side)
        again[rows] = rephrases(thread[rows], order[rows], pa.array(texts).take(pa.array(rows)))
    fallback = np.isin(
        np.asarray(found["message_kind"].to_pylist(), dtype=object), ("fallback", "clarification")
    )
    upset = np.isin(np.asarray(found["reply_class"].to_pylist(), dtype=object), BAD)
    felt = np.asarray(
        [np.nan if v is None else v / 1e6 for v in found["sentiment_ppm"].to_pylist()]
    )

    def following(values: np.ndarray, none: float) -> np.ndarray:
        return np.where(after, np.append(values[1:], none), none)

    signals = {
        "fallback or clarification": fallback & is_bot,
        "the bot repeats itself": again & is_bot,
        "the next message repeats the question": following(again, False).astype(bool),
        "the next message is negative or asks for a human": following(upset, False).astype(bool),
        "the next message feels negative (≤ −0.05)": following(np.nan_to_num(felt), 0.0) <= -0.05,
    }
    every = np.sum(list(signals.values()), axis=0)
    keep = np.asarray(clear)
    truth = np.asarray(broken)[keep]
    print(
        f"DBDC3 revised: {keep.sum():,} bot turns with a clear majority, {truth.sum():,} broken down"
    )
    for name, flag in signals.items():
        print(f"  {name}: {flagged(truth, flag[keep])}")
    print(
        f"  any: {flagged(truth, every[keep] > 0)}; area {area(truth, every[keep], thread[keep])}"
    )
    labelled = ~np.isnan(np.asarray(share))
    print(f"  correlation of their number with the share of X, {labelled.sum():,} turns:"
          f" {np.corrcoef(every[labelled], np.asarray(share)[labelled])[0, 1]:.3f}")  # fmt: skip


def star(path: Path) -> None:
    texts, threads, truth, people = [], [], [], []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            asked = [
                q["Answer"] for q in told["WizardQuestionnaire"] or [] if "annoyed" in q["Question"]
            ]
            said = [
                e["Text"]
                for e in told["Events"]
                if e["Agent"] == "User" and e["Action"] == "utter" and e.get("Text")
            ]
            if asked and said:
                texts += said
                threads += [len(truth)] * len(said)
                truth.append(bool(asked[0]))
                people.append(told["AnonymizedUserWorkerID"])
    found = score(pa.array(texts), pa.array(["customer"] * len(texts)))
    thread, answer = np.asarray(threads), np.asarray(truth)
    again = rephrases(thread, np.arange(len(texts)), pa.array(texts))
    upset = np.isin(np.asarray(found["reply_class"].to_pylist(), dtype=object), BAD)
    felt = np.asarray([0.0 if v is None else v / 1e6 for v in found["sentiment_ppm"].to_pylist()])
    size = np.bincount(thread, minlength=len(answer))
    mean = np.bincount(thread, felt, len(answer)) / size
    least = np.full(len(answer), 1.0)
    np.minimum.at(least, thread, felt)
    last = felt[np.cumsum(size) - 1]
    bad = np.bincount(thread, upset, len(answer))
    repeats = np.bincount(thread, again, len(answer))
    customer = np.unique(people, return_inverse=True)[1]
    print(f"STAR: {len(answer):,} dialogues with an answer and text, {answer.sum()} annoyed")
    for name, value in (
        ("mean sentiment", -mean), ("least sentiment", -least), ("last sentiment", -last),
        ("messages negative or asking for a human", bad), ("repeated questions", repeats),
    ):  # fmt: skip
        print(f"  {name}: area {area(answer, value, customer)}")
    print(f"  any message negative or asking for a human: {flagged(answer, bad > 0)}")


def main() -> None:
    shared = Path(sys.argv[1])
    dbdc3(shared / "dbdc3/en_dev_revised.jsonl.gz")
    star(shared / "star/dialogues.jsonl.gz")


if __name__ == "__main__":
    main()

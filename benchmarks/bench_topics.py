"""Intents and topics on public data, beside what was published for them; prints tables.

``python benchmarks/bench_topics.py FOLDER`` with the folder of the reference data. Train, development
and test parts are kept apart: nothing here is chosen by a test row.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from candor.scorers.topics.groups import group
from candor.scorers.topics.intents import Example, Known, learn
from candor.scorers.topics.questions import space

OUT = "NO_NODES_DETECTED"


def rows(path: Path) -> list[dict[str, str]]:
    with (gzip.open if path.suffix == ".gz" else open)(
        path, "rt", encoding="utf-8", newline=""
    ) as f:
        return list(csv.DictReader(f))


def told(known: Known, texts: list[str], truth: list[str]) -> tuple[float, float, float]:
    """Accuracy over all, in-scope accuracy, out-of-scope recall."""
    said = [OUT if g.is_novel is not False else g.intent for g in known.judge(texts)]
    right = np.asarray([a == b for a, b in zip(said, truth, strict=True)])
    out = np.asarray([one == OUT for one in truth])
    return right.mean(), right[~out].mean(), right[out].mean() if out.any() else float("nan")


def hint3(folder: Path, bot: str) -> None:
    train = [
        Example(r["sentence"], r["label"])
        for r in rows(folder / f"dataset/v1/train/{bot}_train.csv")
    ]
    test = rows(folder / f"dataset/v1/test/{bot}_test.csv")
    texts, truth = [r["sentence"] for r in test], [r["label"] for r in test]
    known = learn(train)
    assert known is not None
    overall, inside, recall = told(known, texts, truth)
    print(
        f"HINT3 {bot}: accuracy {overall:.3f}, in scope {inside:.3f}, out-of-scope recall {recall:.3f}"
    )
    print(
        f"  promised from train: kept {known.kept:.3f}, in scope {known.accuracy:.3f}, found {known.found:.3f}"
    )
    for path in sorted((folder / "results").glob(f"*_{bot}.csv")):
        every = [{k: float(v) for k, v in row.items() if k} for row in rows(path)]
        near = min(every, key=lambda r: (abs(r["Inscope Accuracy"] - inside), r["Threshold"]))
        print(f"  {path.stem:<24} at {near['Threshold']}: accuracy {near['Accuracy']:.3f}, in scope"
              f" {near['Inscope Accuracy']:.3f}, out-of-scope recall {near['OOS Recall']:.3f}")  # fmt: skip


def banking(folder: Path) -> None:
    train, test = rows(folder / "train.csv.gz"), rows(folder / "test.csv.gz")
    names = sorted({r["category"] for r in train})
    for left_out in (set(), set(names[::4])):
        known = learn(
            [Example(r["text"], r["category"]) for r in train if r["category"] not in left_out]
        )
        assert known is not None
        truth = [OUT if r["category"] in left_out else r["category"] for r in test]
        texts = [r["text"] for r in test]
        overall, inside, recall = told(known, texts, truth)
        plain = np.mean(
            [g.intent == t for g, t in zip(known.judge(texts), truth, strict=True) if t != OUT]
        )
        print(f"banking77 without {len(left_out)} intents: plain accuracy {plain:.4f}, accuracy {overall:.3f},"
              f" in scope {inside:.3f}, out-of-scope recall {recall:.3f}; promised kept {known.kept:.3f},"
              f" in scope {known.accuracy:.3f}, found {known.found:.3f}")  # fmt: skip


def quality(truth: list[str], chosen: np.ndarray) -> tuple[float, float]:
    from sklearn.metrics import normalized_mutual_info_score

    names = np.unique(truth, return_inverse=True)[1]
    labels = np.unique(chosen, return_inverse=True)[1]
    table = np.zeros((labels.max() + 1, names.max() + 1))
    np.add.at(table, (labels, names), 1)
    a, b = linear_sum_assignment(-table)
    return table[a, b].sum() / len(names), normalized_mutual_info_score(names, labels)


def dstc11(folder: Path) -> None:
    for part in ("development", "test-banking"):
        told = [json.loads(line) for line in (folder / f"{part}.test-utterances.jsonl").open()]
        shown(part, [r["utterance"] for r in told], [r["intent"] for r in told])
    with gzip.open(folder / "test-banking.turns.jsonl.gz", "rt") as lines:
        turns = [json.loads(line) for line in lines]
    truth = [r["reference_label"] for r in turns]
    shown("test-banking turns", [r["utterance"] for r in turns], truth)
    given = {r["turn_id"]: r for r in rows(folder / "test-banking.predictions.csv.gz")}
    for system in ("Baseline", "T05"):
        found = quality(truth, np.asarray([given[r["turn_id"]][system] for r in turns]))
        print(f"  {system}: ACC {found[0]:.4f}, NMI {found[1]:.4f}")


def shown(part: str, texts: list[str], truth: list[str]) -> None:
    made = space(texts)
    for number in (None, len(set(truth))):
        found = group(made, number=number)
        assert found is not None
        acc, nmi = quality(truth, found.group)
        print(f"DSTC11 {part}, {len(texts)} texts, {len(set(truth))} intents: {len(found.centres)} groups"
              f"{' (number given)' if number else ''}, in none {np.mean(found.group < 0):.3f},"
              f" ACC {acc:.4f}, NMI {nmi:.4f}")  # fmt: skip


def main() -> None:
    shared = Path(sys.argv[1])
    dstc11(shared / "dstc11_intent_induction")
    hint3(shared / "hint3", "sofmattress")
    hint3(shared / "hint3", "curekart")
    banking(shared / "banking77")


if __name__ == "__main__":
    main()

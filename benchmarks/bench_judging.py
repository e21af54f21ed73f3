"""Recorded judges corrected by labels (τ²-bench airline), and grounding against people (BEGIN).

``python benchmarks/bench_judging.py FOLDER [--draws N]`` with the folder of the reference data; prints
two tables. Nothing is fitted. The graded end of each conversation is the truth; a random half of
them are its labels.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

from candor.estimates.estimate import DEFAULT_THRESHOLDS
from candor.estimates.proportion import wilson
from candor.reviewing.rates import Verdict, correct
from candor.scorers.groundedness import check

PROMPTS = (
    "quick_triage_v1", "customer_outcome_v1", "policy_chain_of_thought_v1", "policy_conversation_v1",
)  # fmt: skip
SOLVED = ("compliant", "correct", "pass", "satisfactory", "satisfied")
LABELS = 25
FEW = replace(DEFAULT_THRESHOLDS, min_labels=20)
BEGIN = {"Wizard of Wikipedia": "wow/begin_dev_wow.tsv", "CMU-DoG": "cmu-dog/begin_dev_cmu.tsv.gz"}


def judges(folder: Path, draws: int) -> None:
    """Of each recorded judge what it says, and how often the corrected interval holds the truth."""
    for prompt in PROMPTS:
        path = folder / f"airline.{prompt}.summary.json.gz"
        entries = json.loads(gzip.decompress(path.read_bytes()))["entries"]
        said = [int(entry["judge_verdict"].strip().lower() in SOLVED) for entry in entries]
        truth = [int(entry["tau2_success"]) for entry in entries]
        rate, n = sum(truth) / len(truth), len(truth)
        machine = [Verdict(f"c{at}", False, "judge", one, at, None) for at, one in enumerate(said)]
        held = refused = 0
        widths = []
        for seed in range(draws):
            drawn = random.Random(seed).sample(range(n), LABELS)
            people = [Verdict(f"c{at}", True, "ann", truth[at], at, LABELS / n) for at in drawn]
            found = correct("resolved", machine + people, thresholds=FEW)[0].corrected
            if found.low is None or found.high is None:
                refused += 1
                continue
            held += found.low <= rate <= found.high
            widths.append(found.high - found.low)
        low, high = wilson(sum(said) / n, n)
        print(
            f"{prompt}: judge says {sum(said) / n:.0%} ({low:.0%}–{high:.0%}), truth {rate:.0%};"
            f" corrected by {LABELS} labels holds it in {held / max(1, len(widths)):.1%} of {draws:,}"
            f" draws, mean width {np.mean(widths):.2f}, no rate {refused / draws:.1%}"
        )


def grounding(folder: Path) -> None:
    """Of each BEGIN set how claims held against what was given agree with people."""
    for name, where in BEGIN.items():
        path = folder / where
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        truth = np.array([row["begin_label"].startswith("Fully") for row in rows])
        found = check(
            pa.array([row["response"] for row in rows]),
            pa.array([row["knowledge"] for row in rows]),
        )
        grounded = np.array([one is True for one in found.grounded.to_pylist()])
        area = roc_auc_score(truth, np.nan_to_num(found.share, nan=0.0))
        print(
            f"BEGIN {name}, {len(rows)} replies: area {area:.3f}, attributable found"
            f" {grounded[truth].mean():.1%}, others found {(~grounded[~truth]).mean():.1%},"
            f" no verdict {found.grounded.null_count}"
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=2_000)
    options = parser.parse_args()
    judges(options.folder / "tau2_llm_judges", options.draws)
    grounding(options.folder / "begin")


if __name__ == "__main__":
    main()

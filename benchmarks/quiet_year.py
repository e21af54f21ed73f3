"""False alarms of a quiet year: how often the default set of watched metrics alerts on nothing.

Simulates a world in which nothing changes for a year, measures it, and looks at every period after the
baselines as `candor tick` would have. Prints the signals and, after one trouble is one alert, the
alerts per week. The data are read as they stand at the end of the year; what late events would have
changed in between is not part of the figure.

    python benchmarks/quiet_year.py --conversations 12000 --seeds 1 2 3
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from candor import pipeline
from candor.answers import Answers
from candor.answers.alert_book import AlertBook
from candor.answers.watching import VOLUME, looks, watched
from candor.simulator import QUIET, reference
from candor.simulator import simulate as play
from candor.workspace import Workspace

DAYS = 365
LAST_DAYS = 3
"""The simulator moves contacts of its last day forward; volumes there are its own doing."""


def build(folder: Path, conversations: int, seed: int) -> Path:
    """A measured workspace of a quiet year."""
    config = '[workspace]\nname = "Quiet year"\n'
    workspace = Workspace.create(folder / f"quiet_{seed}", config)
    (workspace.root / "intents.yaml").write_text(reference.INTENTS_YAML, encoding="utf-8")
    simulated = workspace.root / "simulated"
    play(conversations, seed, simulated, world=replace(QUIET, days=DAYS))
    pipeline.ingest(workspace, "canonical", [simulated / "events.jsonl"], name="desk")
    pipeline.measure(workspace)
    return workspace.root


def count(root: Path) -> dict[str, object]:
    """Signals and alerts of one year, per week of watching and by metric."""
    with Answers.open(root) as answers, tempfile.TemporaryDirectory() as kept:
        # A first look at the year's beginning makes every period after the baselines due.
        found = looks(answers, dict.fromkeys(watched(answers), 0))
        periods = Counter({one.watched.metric: len(one.looks) for one in found})
        trimmed = [
            replace(one, looks=one.looks[:-LAST_DAYS]) if one.watched.metric == VOLUME else one
            for one in found
        ]
        signals = Counter(
            one.watched.metric for one in trimmed for each in one.looks if each.signal
        )
        with AlertBook(Path(kept)) as book:
            book.enter(trimmed)
            alerts = Counter(alert.metric for alert in book.alerts(closed=True))
        daily = max(len(one.looks) for one in found if one.watched.grain == "day") / 7
    return {
        "watched": len(found),
        "periods": sum(periods.values()),
        "weeks": daily,
        "signals": sum(signals.values()),
        "alerts": sum(alerts.values()),
        "alerts_per_week": sum(alerts.values()) / daily,
        "by_metric": dict(sorted(alerts.items())),
        "never_judged": sorted(one.watched.metric for one in found if one.waits),
    }


def main() -> None:
    """Run the years asked for and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    chosen = parser.parse_args()
    years = {}
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory() as folder:
            years[seed] = count(build(Path(folder), chosen.conversations, seed))
    weeks = sum(float(str(year["weeks"])) for year in years.values())
    alerts = sum(int(str(year["alerts"])) for year in years.values())
    print(json.dumps({"years": years, "alerts_per_week": alerts / weeks}, indent=1))


if __name__ == "__main__":
    main()

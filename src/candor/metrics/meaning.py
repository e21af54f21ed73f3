"""What a definition counts, as a digest: two definitions with equal digests give equal figures.

Covers the parts that decide the figure (conditions, windows, inputs, parameters) and leaves out
every word about it. The digests of the shipped catalogue stand in ``catalogue.lock``, so that none
changes its meaning under an unchanged version. ``python -m candor.metrics.meaning`` writes that
file anew and refuses where a version would have to be raised first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem
from candor.metrics.derived import Derived
from candor.metrics.registry import Catalogue, Metric, load

LOCK = Path(__file__).parent / "catalogue.lock"
_HEADER = (
    "# name version meaning: one line per shipped metric. Written by\n"
    "# `python -m candor.metrics.meaning`; a changed meaning needs a new version in the YAML.\n"
)


def meaning(metric: Metric) -> str:
    """Digest (16 hex digits) of everything that decides the figure."""
    if isinstance(metric, Derived):
        told: dict[str, Any] = {
            "method": metric.method, "inputs": metric.inputs, "params": metric.params,
            "optional": sorted(metric.optional),
            "reads": {fact: metric.condition(fact).sql for fact in metric.reads},
        }  # fmt: skip
    else:
        told = {
            "fact": metric.fact, "estimator": metric.estimator, "window": metric.window,
            "quantiles": metric.quantiles, "exclude": list(metric.exclude),
            "unknown": list(metric.unknown),
            "places": {place: metric.expression(place).sql for place in metric.texts()},
        }  # fmt: skip
        if metric.judged is not None:
            told["judged"] = metric.judged.meaning
    told["unit"] = metric.measured_in
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def locked(text: str) -> dict[str, tuple[int, str]]:
    """Name to version and digest of a lock file."""
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {name: (int(version), digest) for name, version, digest in lines}


def changed(catalogue: Catalogue, lock: Mapping[str, tuple[int, str]]) -> list[Problem]:
    """Metrics whose meaning changed while their version did not, or whose version went back."""
    problems = []
    for item in catalogue.every:
        version, digest = lock.get(item.name, (0, ""))
        if item.version == version and meaning(item) != digest:
            problems.append(
                Problem(
                    f"'{item.name}' counts something else than version {version} did",
                    f"{item.family}/{item.name}.yaml",
                    f"version {version + 1}",
                    f"set `version: {version + 1}`, add a line to `history` that says what "
                    "changed, then run `python -m candor.metrics.meaning`",
                )
            )
        elif item.version < version:
            problems.append(
                Problem(
                    f"'{item.name}' went back from version {version} to {item.version}",
                    f"{item.family}/{item.name}.yaml",
                    f"version {version} or later",
                )
            )
    return problems


def written(catalogue: Catalogue) -> str:
    """The lock file of a catalogue."""
    lines = [f"{item.name} {item.version} {meaning(item)}\n" for item in catalogue.every]
    return _HEADER + "".join(lines)


def update(path: Path = LOCK) -> int:
    """Write the lock file anew; returns the number of metrics.

    Raises:
        CandorError: ``metric.version`` with every metric that needs a new version first.
    """
    catalogue = load()
    lock = locked(path.read_text(encoding="utf-8")) if path.exists() else {}
    problems = changed(catalogue, lock)
    if problems:
        raise CandorError("metric.version", problems)
    path.write_text(written(catalogue), encoding="utf-8")
    return len(catalogue.every)


if __name__ == "__main__":
    import sys

    try:
        sys.stdout.write(f"{update()} metrics in {LOCK.name}\n")
    except CandorError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
        raise SystemExit(1) from None

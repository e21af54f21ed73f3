"""Verdicts: an estimate held against a target and its own history; it may be "cannot say".

Reads estimates only. Never a colour from a point: status comes from the interval, stability from
limits that a frozen baseline sets, findings from what survives having looked everywhere.
"""

from candor.verdicts.bands import Status, Verdict, status
from candor.verdicts.compare import Change, Direction, compare
from candor.verdicts.findings import Exhibit, Finding, Severity, ranked
from candor.verdicts.scorecard import MetricEntry, Scorecard, build
from candor.verdicts.split import Split, split
from candor.verdicts.stability import Stability, Word, stability
from candor.verdicts.targets import Target, Targets, load_targets
from candor.verdicts.trend import Trend, trend

__all__ = [
    "Change", "Direction", "Exhibit", "Finding", "MetricEntry", "Scorecard", "Severity", "Split",
    "Stability", "Status", "Target", "Targets", "Trend", "Verdict", "Word", "build", "compare",
    "load_targets", "ranked", "split", "stability", "status", "trend",
]  # fmt: skip

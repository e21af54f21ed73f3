"""Verdicts: an estimate held against a target and its own history; it may be "cannot say".

Reads estimates only. Never a colour from a point: status comes from the interval.
"""

from candor.verdicts.bands import Status, Verdict, status
from candor.verdicts.compare import Change, Direction, compare
from candor.verdicts.scorecard import MetricEntry, Scorecard, build
from candor.verdicts.targets import Target, Targets, load_targets

__all__ = [
    "Change", "Direction", "MetricEntry", "Scorecard", "Status", "Target", "Targets", "Verdict",
    "build", "compare", "load_targets", "status",
]  # fmt: skip

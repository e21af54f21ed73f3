"""Experiments: who is in which arm, what the arms differ by, and whether that may ship.

Pure functions of sums per customer; knows no SQL, no engine and no lake. Reference: STATISTICS §4.
"""

from candor.experiments.arms import ArmSums, Comparison
from candor.experiments.assignment import Design, arm_of
from candor.experiments.fixed_horizon import compare_arms
from candor.experiments.ratio_mismatch import srm, srm_evidence
from candor.experiments.reading import Exposure, Outcome, Reading, read_arms
from candor.experiments.sequential import always_valid, bernoulli_cs
from candor.experiments.shipping import Criterion, Decision, ship_decision

__all__ = [
    "ArmSums", "Comparison", "Criterion", "Decision", "Design", "Exposure", "Outcome", "Reading",
    "always_valid", "arm_of", "bernoulli_cs", "compare_arms", "read_arms", "ship_decision", "srm",
    "srm_evidence",
]  # fmt: skip

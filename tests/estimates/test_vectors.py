"""Published and oracle anchors of every method; each vector is asserted case by case."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candor.estimates import control
from candor.estimates.adjustment import treatment_effect

from .anchors_deciding import DECIDING
from .anchors_measuring import MEASURING

Case = dict[str, Any]
Shared = Callable[[str], Path]
METHODS = MEASURING | DECIDING
ELSEWHERE = {"stata_teffects_cattaneo2": "test_classical_adjustments_of_the_birth_weight_data"}
"""Vectors that need more than their own input, and the test below that asserts them."""
FOR_THE_READER = {("ddsketch_integers", "true")}
"""Expected keys that are no figure of the method: the exact quantile beside the sketch's."""


def _vectors(shared: Shared) -> dict[str, Any]:
    document = json.loads(shared("vectors/statistics.json").read_text(encoding="utf-8"))
    return {vector["id"]: vector for vector in document["vectors"]}


def _tolerance(vector: Case, case: Case) -> dict[str, float]:
    absolute = case.get("tolerance_abs", vector["tolerance_abs"])
    if absolute is None:
        return {"rel": vector["tolerance_rel"]}
    return {"abs": absolute, "rel": 1e-15}


def _agrees(found: Any, expected: Any, within: dict[str, float]) -> bool:
    """Whether two nested figures agree number by number."""
    if isinstance(expected, Mapping):
        return set(found) == set(expected) and all(
            _agrees(found[key], value, within) for key, value in expected.items()
        )
    if isinstance(expected, Sequence) and not isinstance(expected, str):
        return len(found) == len(expected) and all(
            _agrees(a, b, within) for a, b in zip(found, expected, strict=True)
        )
    return bool(
        found == (expected if isinstance(expected, str) else pytest.approx(expected, **within))
    )


def test_every_vector_has_a_test(shared: Shared) -> None:
    assert sorted(_vectors(shared)) == sorted([*METHODS, *ELSEWHERE])
    assert not METHODS.keys() & ELSEWHERE.keys()
    assert len(METHODS) == len(MEASURING) + len(DECIDING)
    assert all(name in globals() for name in ELSEWHERE.values())


@pytest.mark.parametrize("name", METHODS)
def test_vector(name: str, shared: Shared) -> None:
    vector = _vectors(shared)[name]
    for index, case in enumerate(vector["cases"]):
        within = _tolerance(vector, case)
        found = METHODS[name](case["input"])
        asserted = [key for key in case["expected"] if (name, key) not in FOR_THE_READER]
        assert asserted, f"case {index} asserts nothing"
        for key in asserted:
            expected = case["expected"][key]
            assert _agrees(found[key], expected, within), (index, key, found[key], expected)


def test_agreement_is_judged_within_the_tolerance_of_the_vector() -> None:
    within = _tolerance({"tolerance_abs": 0.01}, {})
    assert _agrees([1.005, {"a": 2.0}], [1.0, {"a": 2.0}], within)
    assert not _agrees([1.02], [1.0], within)
    assert not _agrees({"a": 1.0}, {"a": 1.0, "b": 2.0}, within)
    assert not _agrees([1.0], [1.0, 2.0], within)
    assert _tolerance({"tolerance_abs": 0.01}, {"tolerance_abs": 0.5})["abs"] == 0.5
    assert _tolerance({"tolerance_abs": None, "tolerance_rel": 0.03}, {}) == {"rel": 0.03}


def test_run_length_of_the_poisson_cusum(shared: Shared) -> None:
    """The chart itself, simulated, signals as fast as its exact run length says."""
    vector = _vectors(shared)["poisson_cusum_thresholds"]
    rng = np.random.Generator(np.random.Philox(20))
    for case in vector["cases"]:
        given, expected = case["input"], case["expected"]["arl_at_2x"]
        lengths = []
        for _ in range(1500):
            counts = rng.poisson(2 * given["lambda0"], size=250).tolist()
            path = control.poisson_cusum(
                counts, rate=given["lambda0"], worse=2 * given["lambda0"], h=given["h"]
            )
            lengths.append((path.first_signal if path.first_signal is not None else 249) + 1)
        assert np.mean(lengths) == pytest.approx(expected, rel=vector["tolerance_rel"])


OUTCOME = ("mmarried_", "mage", "prenatal1_", "fbaby_")
TREATMENT = ("mmarried_", "mage", "mage2", "medu", "fbaby_")
EXACT = {
    "RA": (-239.639211, 23.824021),
    "IPW": (-230.688638, 25.815244),
    "AIPW": (-230.989201, 26.210565),
}
"""Effect and standard error as Stata prints them, kept with the tests of statsmodels."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", EXACT)
def test_classical_adjustments_of_the_birth_weight_data(how: str, shared: Shared) -> None:
    """candor's figures against Stata's; the anchor against the library that it was taken from.

    The anchor's figures of weighting and of both together are those of the library's iterative
    solution, 0.0004 away from Stata's; the closed form has no such rest.
    """
    module = pytest.importorskip("statsmodels.treatment.treatment_effects")
    vector = _vectors(shared)["stata_teffects_cattaneo2"]
    expected = next(c["expected"] for c in vector["cases"] if c["input"]["estimator"] == how)
    file = Path(module.__file__).parent / "tests" / "results" / "cataneo2.csv"
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    data = {
        name: np.array([float(row[name]) for row in rows])
        for name in {*OUTCOME, *TREATMENT, "bweight", "mbsmoke_"}
    }
    x, z = (np.column_stack([data[n] for n in names]) for names in (OUTCOME, TREATMENT))
    d, y = data["mbsmoke_"], data["bweight"]
    found = treatment_effect(y.tolist(), d.astype(int).tolist(), x, z, how=how, link="probit")
    assert (found.point, found.se) == pytest.approx(EXACT[how], abs=1e-5)
    if how == "RA":
        assert (found.point, found.se) == pytest.approx((expected["ate"], expected["se"]), abs=1e-4)
        return
    from statsmodels.api import OLS, Probit, add_constant

    selection = Probit(d, add_constant(z)).fit(disp=0)
    theirs = getattr(module.TreatmentEffect(OLS(y, add_constant(x)), d, selection), how.lower())()
    effect, se = theirs.summary_frame()[["coef", "std err"]].iloc[0].tolist()
    assert (effect, se) == pytest.approx((expected["ate"], expected["se"]), abs=1e-4)
    assert (effect, se) == pytest.approx((found.point, found.se), abs=5e-3)

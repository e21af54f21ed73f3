"""How each published anchor of weighting, groups, experiments, lift, credit and index is reckoned."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from candor.engines.duck import BUCKET_SALT, BUCKETS, DuckEngine
from candor.estimates import composite
from candor.estimates.aipw import aipw
from candor.estimates.allocation import (
    Path,
    Removal,
    equal_split,
    markov_removal,
    path_game,
    shapley,
)
from candor.estimates.between_groups import BetweenGroups, between_group
from candor.estimates.change_points import change_points
from candor.estimates.confounding import e_value
from candor.estimates.estimate import Thresholds
from candor.estimates.weighting import Moments, Weights, greg, poststratify, rake
from candor.experiments import ArmSums, always_valid, bernoulli_cs, compare_arms, srm
from candor.experiments.fixed_horizon import fieller
from candor.experiments.ratio_mismatch import SampleRatio, srm_evidence
from candor.experiments.sequential import mixture_scale, normal_mixture_bound

from .adaptive_window import first_change

Case = dict[str, Any]
FIFTEEN = Thresholds(min_units=1, min_customers=2, min_k_eff=1)


def _bucket(case: Case) -> Case:
    """The engine's own macro, which every fact uses."""
    assert (case["salt"], case["buckets"]) == (BUCKET_SALT, BUCKETS)
    text = case["salt"] + case["customer_id"]
    with DuckEngine(None) as engine:
        ((found,),) = engine.rows(f"select bucket200('{case['customer_id']}')")
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15]
    assert int(digest, 16) % BUCKETS == found
    return {"md5_first15": digest, "bucket": found}


def _sums(arm: Case) -> ArmSums:
    if "sum" in arm:
        return ArmSums(arm["n"], arm["sum"], arm["sum_squares"])
    return ArmSums(
        arm["n"], *(arm[f"sum_{key}"] for key in ("y", "y2", "m", "m2", "ym", "x", "x2", "xy"))
    )


def _arms(case: Case) -> Case:
    kinds = {"welch": "mean", "cuped": "cuped", "ratio_delta": "ratio"}
    found = compare_arms(
        _sums(case["control"]), _sums(case["treatment"]), kind=kinds[case.get("analysis", "welch")]
    )
    return _limits("diff", found)


def _limits(name: str, found: Any) -> Case:
    return {name: found.found.point, "lo": found.found.low, "hi": found.found.high, "p": found.p}


def _relative(case: Case) -> Case:
    found = compare_arms(_sums(case["control"]), _sums(case["treatment"]), relative="delta")
    if "n_star" not in case:
        return _limits("lift", found)
    customers = case["control"]["n"] + case["treatment"]["n"]
    return _limits(
        "lift", always_valid(found.found.point, found.found.se, customers, case["n_star"])
    )


def _proportion(case: Case) -> Case:
    arms = [ArmSums(case[f"n{i}"], case[f"k{i}"], case[f"k{i}"]) for i in (1, 2)]
    found = {}
    for relative in ("no", "delta"):
        figure = compare_arms(*arms, kind="share", relative=relative).found
        found[relative] = always_valid(
            figure.point, figure.se, case["n1"] + case["n2"], case["n_star"]
        )
    lift = found["delta"].found
    return _limits("diff", found["no"]) | {"relative_lo": lift.low, "relative_hi": lift.high}


def _beta_binomial(case: Case) -> Case:
    low, high = bernoulli_cs(case["k"], case["n"], tuned_at=case["t_opt"], alpha=case["alpha"])
    return {"lo": low, "hi": high}


def _mismatch(case: Case) -> Case:
    found = srm(case["counts"], case["expected"])
    assert isinstance(found, SampleRatio)
    return {"p": found.p, "e": found.evidence}


def _fieller(case: Case) -> Case:
    low, high = fieller(case["mean_t"], case["se_t"], case["mean_c"], case["se_c"], quantile=1.96)
    return {"lo": low, "hi": high}


def _rake(case: Case) -> Case:
    sample, population = np.array(case["sample"]), np.array(case["population"])
    rows, columns = np.indices(sample.shape)
    found = rake(
        [rows.ravel().tolist(), columns.ravel().tolist()],
        [population.sum(axis=1).tolist(), population.sum(axis=0).tolist()],
        counts=sample.ravel().tolist(),
    )  # fmt: skip
    assert isinstance(found, Weights)
    cells = rake(
        [list(range(sample.size))], [population.ravel().tolist()], counts=sample.ravel().tolist()
    )
    assert isinstance(cells, Weights)
    shape = sample.shape
    return {
        "rake": np.array(found.values).reshape(shape).tolist(),
        "poststrat": np.array(cells.values).reshape(shape).tolist(),
        "kish_deff_raked": found.deff,
    }


def _poststratified_clusters(case: Case) -> Case:
    cells = np.array(case["cells_by_cluster_EHM_n_sum"])
    counts, sums = cells[:, :, 0].tolist(), cells[:, :, 1].tolist()
    k, total = case["fpc"]
    found, jackknife = (
        poststratify(
            counts, sums, case["population"], customers=k, jackknife=jack, thresholds=FIFTEEN
        )
        for jack in (False, True)
    )
    return {
        "mean": found.point, "se": found.se, "se_fpc": found.se * math.sqrt(1 - k / total),
        "jackknife_se": jackknife.se,
    }  # fmt: skip


def _calibrated_clusters(case: Case) -> Case:
    moments = [
        Moments([[n, sx], [sx, sxx]], [sy, sxy])
        for n, sx, sy, sxx, sxy in case["cluster_n_sx_sy_sxx_sxy"]
    ]
    k, total = case["fpc"]
    found = greg(
        moments, [case["population_N"], case["population_sum_x"]], customers=k, thresholds=FIFTEEN
    )
    return {"mean": found.point, "se_fpc": found.se * math.sqrt(1 - k / total)}


def _clasp(case: Case) -> Case:
    a, n1, c, n2 = (np.array(case[key], float) for key in ("a", "n1", "c", "n2"))
    effect = np.log(a * (n2 - c) / (c * (n1 - a)))
    se = np.sqrt(1 / a + 1 / (n1 - a) + 1 / c + 1 / (n2 - c))
    found = between_group(effect.tolist(), se.tolist(), estimator=case["estimator"])
    assert isinstance(found, BetweenGroups)
    return {"tau": found.tau, "mu": found.mean, "se": found.mean_se}


def _nile(case: Case) -> Case:
    (found,) = change_points(case["x"])
    return {"breakpoint": found}


def _adwin(case: Case) -> Case:
    stream = random.Random(12345)
    data = stream.choices([0, 1], k=1000) + stream.choices(range(4, 8), k=1000)
    index = first_change(data)
    # What candor itself offers finds the same change, afterwards, where it happened.
    assert change_points([float(v) for v in data[900:1100]]) == (100,)
    return {"index": index, "value": data[index]}


def _cross_fitted(case: Case) -> Case:
    rng = np.random.default_rng(4)
    n = 4000
    x = rng.normal(size=(n, 4))
    d = rng.binomial(1, 1 / (1 + np.exp(-(0.8 * x[:, 0] - 0.6 * x[:, 1]))))
    y = d + 1.5 * x[:, 0] - x[:, 1] + 0.5 * x[:, 2] + rng.normal(size=n)
    for key, value in (("sum_X", x.sum()), ("sum_D", d.sum()), ("sum_Y", y.sum())):
        assert math.isclose(float(value), case["check"][key], rel_tol=1e-12), "the stream changed"
    who = [str(i) for i in range(n)]
    found = aipw(x, d.tolist(), y.tolist(), who, folds=[i % 5 for i in range(n)])
    return {"naive": found.raw, "ate": found.found.point, "se": found.found.se}


def _markov(case: Case) -> Case:
    found = markov_removal(_paths(case))
    assert isinstance(found, Removal)
    return {"p_conversion": found.conversion, "removal": found.effect, "credit": found.credit}


def _paths(case: Case) -> list[Path]:
    return [Path(tuple(p["touches"]), p["converted"], p.get("lost", 0)) for p in case["paths"]]


def _glove(case: Case) -> Case:
    return {"value": shapley(case["players"], lambda s: float("R" in s and len(s) > 1))}


def _equal(case: Case) -> Case:
    split = equal_split(_paths(case))
    assert split == shapley(["g", "m"], path_game(_paths(case)))
    return {"value": split}


def _human_development(case: Case) -> Case:
    income = composite.position(case["gni"], case["gni_lo"], case["gni_hi"], scale="log")
    index = composite.aggregate([*case["components"][:2], income], [1, 1, 1])
    return {"income_index": income, "index": index / 100}


def _compensation(case: Case) -> Case:
    positions = [
        composite.position(x, low, high, floor=case["floor"])
        for x, low, high in zip(case["x"], case["lo"], case["hi"], strict=True)
    ]
    return {
        how: composite.aggregate(positions, case["w"], how=how)
        for how in ("arithmetic", "geometric")
    }


DECIDING: dict[str, Callable[[Case], Case]] = {
    "stable_customer_bucket": _bucket,
    "customer_level_experiment": _arms,
    "welch_absolute_gbstats": _arms,
    "welch_relative_gbstats": _relative,
    "always_valid_relative_gbstats": _relative,
    "always_valid_proportion_gbstats": _proportion,
    "beta_binomial_confidence_sequence": _beta_binomial,
    "normal_mixture_bound": lambda c: {
        "rho": mixture_scale(c["v_opt"], c["alpha"]),
        "bound": normal_mixture_bound(c["v"], v_opt=c["v_opt"], alpha=c["alpha"]),
    },
    "sample_ratio_mismatch": _mismatch,
    "sample_ratio_mismatch_evalue": lambda c: {
        "e": srm_evidence(c["counts"], c["expected"], concentration=c["concentration"])
    },
    "fieller_ratio": _fieller,
    "raking_kalton": _rake,
    "poststratification_apiclus1": _poststratified_clusters,
    "calibration_apiclus1": _calibrated_clusters,
    "between_group_sd_clasp": _clasp,
    "nile_change_point": _nile,
    "adwin_abrupt_change": _adwin,
    "e_value": lambda c: {"e": e_value(c["rr"])},
    "aipw_cross_fitted": _cross_fitted,
    "markov_removal_effect": _markov,
    "shapley_glove": _glove,
    "shapley_equal_split": _equal,
    "hdi_technical_note": _human_development,
    "composite_compensation": _compensation,
}

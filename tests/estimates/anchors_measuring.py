"""How each published anchor of labels, intervals, charts, survival and drift is reckoned by candor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from candor.estimates import (
    agreement,
    bounds,
    compare,
    control,
    labelled,
    multiplicity,
    rare,
    run_rules,
    sampling,
)
from candor.estimates import quantile as sketch
from candor.estimates import time_to_event as tte
from candor.estimates.estimate import Reckoning, Refusal, Thresholds
from candor.estimates.proportion import clopper_pearson, mn_diff, newcombe_diff, wilson
from candor.estimates.ratio import linearise

Case = dict[str, Any]
ANY_BASELINE = Thresholds(baseline_points=2)


def _limits(pair: tuple[float, ...]) -> Case:
    return {"lo": pair[-2], "hi": pair[-1]}


def _ppi(case: Case) -> Case:
    n = {key: case[f"n_{key}"] for key in ("y1f1", "y0f1", "y1f0", "y0f0")}
    y = [1] * n["y1f1"] + [0] * n["y0f1"] + [1] * n["y1f0"] + [0] * n["y0f0"]
    f = [1] * (n["y1f1"] + n["y0f1"]) + [0] * (n["y1f0"] + n["y0f0"])
    N, share = case["N"], case["N_f1"] / case["N"]
    variance = share * (1 - share) * N / (N - case["ddof"])
    weight, point, v = labelled.ppi_terms(
        y, f, judged_mean=share, judged_variance=variance, units=N, ddof=case["ddof"]
    )
    if case["quantile"] == "t":
        found = labelled.ppi_mean(y, f, judged_mean=share, judged_variance=variance, units=N)
        return {"lam": weight, "theta": found.point, "lo": found.low, "hi": found.high}
    half = 1.959963984540054 * math.sqrt(v)
    return {"lam": weight, "theta": point, "lo": point - half, "hi": point + half}


def _poststratified(case: Case) -> Case:
    truth = (
        [1] * case["n_y1f1"] + [0] * case["n_y0f1"] + [1] * case["n_y1f0"] + [0] * case["n_y0f0"]
    )
    flagged = case["n_y1f1"] + case["n_y0f1"]
    n = len(truth)
    labels = labelled.Labels(
        truth, [0] * flagged + [1] * (n - flagged), [n / case["N"]] * n, range(n)
    )
    units = [case["N_f1"], case["N"] - case["N_f1"]]
    found = labelled.poststratified_rate(units, labels, target="period")
    if case["variance"] == "design_plus_iid_period":
        return _with_period_term(case, found)
    return {
        "theta": found.point, "V": found.se**2, "n_eff": found.n_eff, "lo": found.low,
        "hi": found.high,
    }  # fmt: skip


def _with_period_term(case: Case, found: Reckoning) -> Case:
    """The variant candor does not offer (it covers too little): its own V plus the i.i.d. term."""
    counts = (case["n_y1f1"], case["n_y0f1"]), (case["n_y1f0"], case["n_y0f0"])
    shares = [(y + 0.5) / (y + n + 1) for y, n in counts]
    sizes = (case["N_f1"] / case["N"], 1 - case["N_f1"] / case["N"])
    period = sum(w * (p - found.point) ** 2 for w, p in zip(sizes, shares, strict=True)) / case["N"]
    variance = found.se**2 + period
    n_eff = found.point * (1 - found.point) / variance
    low, high = wilson(found.point, n_eff)
    return {"theta": found.point, "V": variance, "n_eff": n_eff, "lo": low, "hi": high}


def _rogan(case: Case) -> Case:
    arguments = [case[key] for key in ("apparent", "n", "se", "n_se", "sp", "n_sp")]
    found = labelled.rogan_gladen(*arguments)
    return {"theta": found.point, **_limits(labelled.lang_reiczigel(*arguments))}


def _rogan_point(case: Case) -> Case:
    found = labelled.rogan_gladen(
        case["positives"] / case["n"], case["n"], case["se"], 500, case["sp"], 500
    )
    if found.refusal is Refusal.JUDGE_UNINFORMATIVE:
        assert found.point is None
        # The anchor is the negative figure that must not be shown.
        return {
            "theta_pct": 100
            * (case["positives"] / case["n"] + case["sp"] - 1)
            / (case["se"] + case["sp"] - 1)
        }
    return {"theta_pct": 100 * found.point}


def _begg(case: Case) -> Case:
    tp, fn = case["verified_Tpos_Dpos"], case["verified_Tneg_Dpos"]
    fp, tn = case["verified_Tpos_Dneg"], case["verified_Tneg_Dneg"]
    found = labelled.begg_greenes(
        ((tp, fp), (fn, tn)), tp + fp + case["unverified_Tpos"], fn + tn + case["unverified_Tneg"]
    )
    return {
        "naive_se": tp / (tp + fn), "naive_sp": tn / (tn + fp), "se": found.sensitivity,
        "sp": found.specificity,
    }  # fmt: skip


def _kappa(case: Case) -> Case:
    if "table" not in case:
        return {"kappa": agreement.fleiss_kappa(case["counts"])}
    table = case["table"]
    pairs = [(i, j) for i in (0, 1) for j in (0, 1) for _ in range(table[i][j])]
    return {
        "kappa": agreement.kappa(table),
        "ac1": agreement.gwet_ac1([[a for a, _ in pairs], [b for _, b in pairs]]),
        "agreement": sum(a == b for a, b in pairs) / len(pairs),
    }


def _newcombe(case: Case) -> Case:
    arms = [
        (case[f"k{i}"] / case[f"n{i}"], *wilson(case[f"k{i}"] / case[f"n{i}"], case[f"n{i}"]))
        for i in (1, 2)
    ]
    return _limits(newcombe_diff(*arms))


def _cluster(case: Case) -> Case:
    found = linearise(case["x"], case["m"])
    return {
        "R": found.ratio, "se": found.se, "k_eff": found.k_eff,
        "se_with_fpc_15_of_757": found.se * math.sqrt(1 - 15 / 757),
    }  # fmt: skip


def _xmr(case: Case) -> Case:
    chart = control.xmr(case["x"], thresholds=ANY_BASELINE)
    x = case["x"]
    return {
        "cl": chart.centre, "lcl": chart.low[0], "ucl": chart.high[0],
        "mr_bar": float(np.abs(np.diff(x)).mean()),
    }  # fmt: skip


def _first_limits(chart: control.Chart) -> Case:
    return {"cl": chart.centre, "first_lcl": chart.low[0], "first_ucl": chart.high[0]}


def _laney(case: Case) -> Case:
    plain, laney = (chart(case["x"], case["n"]) for chart in (control.p_chart, control.laney_p))
    return {
        "p_bar": laney.centre, "sigma_z": laney.sigma_z, "first_lcl": laney.low[0],
        "first_ucl": laney.high[0], "p_chart_points_outside": sum(plain.flags),
        "p_prime_points_outside": sum(laney.flags),
    }  # fmt: skip


def _cusum(case: Case) -> Case:
    up, _ = control.cusum(case["x"], target=case["target"], k=case["k"], h=case["h"])
    return {"s_hi_last8": list(up.path[-8:]), "first_signal": (up.first_signal or 0) + 1}


def _ewma(case: Case) -> Case:
    path, chart = control.ewma(
        case["x"], target=case["target"], sigma=case["sigma"], weight=case["lam"],
        width=case["L"], steady=True,
    )  # fmt: skip
    return {"ewma": list(path.path), "lcl": chart.low[-1], "ucl": chart.high[-1]}


def _anhoej(case: Case) -> Case:
    longest, crossings = control.anhoej_limits(case["n"])
    return {"longest_run_max": longest, "crossings_min": crossings}


def _km(case: Case) -> Case:
    moments, events, at_risk = tte.steps(case["t"], case["event"])
    curve = tte.km(events, at_risk)
    return {
        "times": list(moments), "S": list(curve.survival), "se": list(curve.se),
        "lo": list(curve.low), "hi": list(curve.high),
    }  # fmt: skip


def _aalen(case: Case) -> Case:
    rows = list(zip(case["t"], case["status"], strict=True))
    moments = sorted(set(case["t"]))
    events = [[sum(t == m and s == j for t, s in rows) for j in (1, 2)] for m in moments]
    at_risk = [sum(t >= m for t, _ in rows) for m in moments]
    first, second = tte.aalen_johansen(events, at_risk)
    naive = tte.km([row[0] for row in events], at_risk)
    return {
        "cif1_final": first[-1], "cif2_final": second[-1],
        "survival_final": 1 - first[-1] - second[-1], "wrong_one_minus_km": 1 - naive.survival[-1],
    }  # fmt: skip


def _dasgupta(case: Case) -> Case:
    size = np.array([case["size_1970"], case["size_1985"]], float).T
    rate = np.array([case["rate_1970"], case["rate_1985"]], float).T
    weights = size / size.sum(axis=0)
    found = compare.decompose(rate * size, size)
    middle = weights.mean(axis=1)
    return {
        "rate_standardised_1970": float((middle * rate[:, 0]).sum()),
        "rate_standardised_1985": float((middle * rate[:, 1]).sum()),
        "crude_diff": found.change, "rate_effect": found.performance, "mix_effect": found.mix,
    }  # fmt: skip


def _kidney(case: Case) -> Case:
    table = np.array([case["B"], case["A"]], float)  # new treatment minus old
    found = compare.decompose(table[:, :, 0].T, table[:, :, 1].T)
    return {"crude": found.change, "rate_effect": found.performance, "mix_effect": found.mix}


def _sketch(case: Case) -> Case:
    counts: dict[int, int] = {}
    for value in range(1, 1001):
        bucket = sketch.bucket_of(value, case["alpha"])
        counts[bucket] = counts.get(bucket, 0) + 1
    bucket = sketch.sketch_bucket(counts, case["q"] * 999)
    return {"bucket": bucket, "estimate": sketch.value_of(bucket, case["alpha"])}


def _run_lengths(case: Case) -> Case:
    rules: dict[str, list[run_rules.Rule]] = {
        "1": ["limit"], "1+2of3": ["limit", "two_of_three"], "1+run8": ["limit", "run_of_eight"],
        "all4": list(run_rules.ALL_RULES),
    }  # fmt: skip
    if "rules" in case:
        return {"arl0": run_rules.run_length(rules[case["rules"]])}
    k, h = case["k"], case["cusum_h"]
    return {
        "arl0": run_rules.cusum_run_length(k=k, h=h),
        "arl_at_1sigma": run_rules.cusum_run_length(k=k, h=h, shift=1),
    }


def _poisson_run_lengths(case: Case) -> Case:
    rate, k, h = (case[key] for key in ("lambda0", "k", "h"))
    # The slack itself comes from the rates; the anchor prints it to three digits.
    worse = case["ratio"] * rate
    assert (worse - rate) / math.log(worse / rate) == pytest.approx(k, abs=6e-4)
    return {
        key: run_rules.poisson_run_length(rate=rate, k=k, h=h, true_rate=times * rate)
        for key, times in (("arl0", 1), ("arl_at_2x", 2), ("arl_at_3x", 3))
    }


MEASURING: dict[str, Callable[[Case], Case]] = {
    "ppi_mean_binary": _ppi,
    "poststratified_double_sampling": _poststratified,
    "rogan_gladen_lang_reiczigel": _rogan,
    "rogan_gladen_llm_judge": _rogan,
    "rogan_gladen_point_negative": _rogan_point,
    "begg_greenes": _begg,
    "neyman_allocation": lambda c: {"n_h": list(sampling.neyman_allocation(c["W"], c["p"], c["n"]))},
    "krippendorff_alpha_data_C": lambda c: {
        "alpha": agreement.krippendorff_alpha(c["coders_by_units"], c["level"])
    },
    "gwet_ac1_data_C": lambda c: {"ac1": agreement.gwet_ac1(c["coders_by_units"])},
    "kappa_paradox": _kappa,
    "cohen_kappa_2x2": _kappa,
    "fleiss_kappa": _kappa,
    "wilson_newcombe1998": lambda c: _limits(wilson(c["k"] / c["n"], c["n"])),
    "clopper_pearson": lambda c: _limits(clopper_pearson(c["k"], c["n"])),
    "newcombe_hybrid_difference": _newcombe,
    "miettinen_nurminen_difference": lambda c: _limits(mn_diff(c["k1"], c["n1"], c["k2"], c["n2"])),
    "cluster_ratio_apiclus1": _cluster,
    "garwood_poisson": lambda c: _limits(rare.garwood(c["x"])),
    "rate_ceiling_sample_size": lambda c: {"n": rare.ceiling_n(c["ceiling"], c["events"])},
    "xmr_montgomery_6_5": _xmr,
    "xmr_nist": _xmr,
    "p_chart_montgomery_7_4": lambda c: _first_limits(control.p_chart(c["x"], c["n"])),
    "u_chart_montgomery_7_10": lambda c: _first_limits(control.u_chart(c["x"], c["n"])),
    "laney_p_prime_nhs": _laney,
    "cusum_nist": _cusum,
    "ewma_nist": _ewma,
    "anhoej_limits": _anhoej,
    "in_control_run_lengths": _run_lengths,
    "poisson_cusum_thresholds": _poisson_run_lengths,
    "benjamini_hochberg_1995": lambda c: {
        "bh": sum(multiplicity.benjamini_hochberg(c["p"], level=c["level"])),
        "holm": sum(multiplicity.holm(c["p"], level=c["level"])),
        "bonferroni": sum(p <= c["level"] / len(c["p"]) for p in c["p"]),
    },
    "non_inferiority_sample_size": lambda c: {
        "n_per_arm": multiplicity.non_inferiority_n(
            c["p"], c["margin"], alpha=c["alpha_one_sided"], power=c["power"],
            design_effect=c.get("deff", 1),
        )
    },
    "kaplan_meier_6mp": _km,
    "aalen_johansen_small": _aalen,
    "manski_bounds": lambda c: _limits(
        bounds.worst_case_bounds(c["response_rate"], c["mean_respondents"])
    ),
    "kitagawa_das_gupta_5_3": _dasgupta,
    "kitagawa_simpson_kidney": _kidney,
    "psi_threshold": lambda c: {"crit": compare.psi_threshold(c["bins"], c["n"], c["m"])},
    "jensen_shannon": lambda c: {"js": compare.jensen_shannon(c["p"], c["q"])},
    "ddsketch_integers": _sketch,
}  # fmt: skip

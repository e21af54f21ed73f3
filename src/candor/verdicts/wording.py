"""Figures in words: how a number, an interval and a change are written for people.

Only wording; nothing is reckoned here. Shares become per cent, points percentage points, times the
largest sensible unit, money two decimals with its currency.
"""

from __future__ import annotations

from candor.estimates.estimate import Estimate

THIN = "\u202f"
"""Narrow no-break space between number and unit."""
DASH = "–"
NONE = "—"
GRADES: dict[str, str] = {
    "system_confirmed": "confirmed by a system of record",
    "customer_confirmed": "confirmed by the customer",
    "census": "counted on every unit",
    "human_sample": "human-labelled sample",
    "judge_corrected": "judge, corrected by human labels",
    "survey_weighted": "survey, weighted",
    "provisional": "provisional",
    "allocated": "allocated by a rule",
    "vendor_claimed": "claimed by the vendor",
}
CAVEATS: dict[str, str] = {
    "judge_no_gain": "The judge adds nothing; human labels only.",
    "transported_error_rates": "Error rates come from another period.",
    "few_minority_labels": "Few labels of the rarer outcome.",
    "dominant_customer": "One customer group carries much of the figure.",
    "anonymous_customers": "Many units have no known customer; the interval is too narrow.",
    "adjusted_observed_only": "Adjusted for what is observed only.",
    "nowcast": "Partly forecast from how long outcomes usually take.",
    "allocation_not_causal": "Shared out by a rule; not caused by.",
    "sensitivity_low": "A weak unseen cause could explain it.",
    "coincident_with_release": "Coincides with a release; not shown to be caused by it.",
    "mix_driven": "The mix of conversations changed, not the performance.",
    "reweighted_missing": "A component is missing; weights were rescaled.",
    "uncorrected_judge": "A machine's own verdicts, not corrected by labels of people.",
    "judge_changed": "The judge's model changed under its name: verdicts before and after are two machines'.",
    "same_family_judge": "The judge is of the same family as the agent it grades.",
}


def figure(number: float | None, unit: str, currency: str = "") -> str:
    """A number with its unit, e.g. ``73.5 %``; a dash when there is none."""
    if number is None:
        return NONE
    if unit == "share":
        return f"{_share(100 * number)}{THIN}%"
    if unit == "points":
        return f"{_decimals(100 * number, 1)}{THIN}points"
    if unit == "seconds":
        return _duration(number)
    if unit == "money":
        return f"{_decimals(number, 2)}{THIN}{currency}".rstrip()
    is_whole = unit == "count" and (abs(number) >= 100 or number == int(number))
    return _decimals(number, 0 if is_whole else 2)


def interval(low: float | None, high: float | None, unit: str, currency: str = "") -> str:
    """An interval, the unit written once where it can be."""
    if low is None or high is None:
        return NONE
    first, second = figure(low, unit, currency), figure(high, unit, currency)
    if unit in ("share", "points", "money") and THIN in first:
        first = first.split(THIN)[0]
    return f"{first} to {second}" if low < 0 or unit == "seconds" else f"{first}{DASH}{second}"


def signed(number: float | None, unit: str, currency: str = "") -> str:
    """A change with its sign."""
    text = figure(number, unit, currency)
    is_zero = not any(digit in text for digit in "123456789")
    return f"+{text}" if number is not None and number > 0 and not is_zero else text


def with_interval(estimate: Estimate, currency: str = "") -> str:
    """Point and interval of an estimate."""
    if estimate.point is None:
        return NONE
    point = figure(estimate.point, estimate.unit, currency)
    if estimate.low is None:
        return point
    return f"{point} ({interval(estimate.low, estimate.high, estimate.unit, currency)})"


def judged(estimate: Estimate) -> str:
    """What the machine says, and what labels of people make of it; "" where no machine judged."""
    found = estimate.judged
    if found is None:
        return ""
    labels = f"{found.labels:,} label{'' if found.labels == 1 else 's'} of people"
    right = found.corrected
    if right.point is None:
        have = "there are no labels of people" if not found.labels else f"{labels} are too few"
        if right.refusal == "incompatible":
            return (
                "Verdicts of a machine stand behind it; labels of people cannot correct it itself."
            )
        if right.refusal == "judge_uninformative":
            have = f"{labels} show that it cannot tell the two outcomes apart"
        need = (
            f"; about {found.needed:,} drawn at random would give ±5 points" if found.needed else ""
        )
        return f"By a machine alone: {have}{need}."
    if found.beside:
        shown = figure(right.point, estimate.unit)
        limits = interval(right.low, right.high, estimate.unit)
        return f"By {labels}: {shown} ({limits})."
    return f"The machine says {figure(found.says, estimate.unit)}; put right by {labels}."


def rests_on(estimate: Estimate) -> str:
    """The grade of a figure, and what machines and people said where it rests on verdicts."""
    told = judged(estimate).rstrip(".")
    return f"{GRADES[str(estimate.evidence)]}{f'; {told}' if told else ''}"


def axis(number: float, unit: str, currency: str = "") -> str:
    """A round number at the end of an axis, without idle decimals."""
    if unit == "share":
        return f"{100 * number:g}{THIN}%"
    if unit == "seconds" and number == 0:
        return "0"
    if unit in ("money", "count", "score"):
        return f"{number:g}{THIN}{currency if unit == 'money' else ''}".rstrip()
    return figure(number, unit, currency).replace(f".0{THIN}", THIN)


def which(method: str) -> str:
    """Which statistic a method gives, where that is not the plain figure."""
    if method.startswith("km_"):
        return "followed to the end of the window"
    if not method.startswith("sketch_p"):
        return ""
    rank = method.removeprefix("sketch_p")
    return "median" if rank == "50" else f"{rank}th percentile"


def _share(percent: float) -> str:
    """One decimal, more where the figure would vanish or look complete."""
    if 0 < percent < 0.1 or 99.9 < percent < 100:
        return f"{percent:.2g}" if percent < 1 else f"{percent:.2f}"
    return f"{percent:.1f}"


def _decimals(number: float, places: int) -> str:
    text = f"{number:,.{places}f}"
    return text.replace("-", "\u2212") if float(text.replace(",", "")) else text.replace("-", "")


def _duration(seconds: float) -> str:
    sign, seconds = ("\u2212" if seconds < 0 else ""), abs(seconds)
    if seconds < 60:
        return f"{sign}{seconds:.1f}{THIN}s"
    for size, name, small, part in ((3600, "min", 60, "s"), (86_400, "h", 3600, "min")):
        if seconds < size:
            whole, rest = divmod(seconds, small)
            portion = round(rest if part == "s" else rest / 60)
            if portion == 60:
                whole, portion = whole + 1, 0
            return f"{sign}{whole:.0f}{THIN}{name}" + (f" {portion}{THIN}{part}" if portion else "")
    return f"{sign}{seconds / 86_400:.1f}{THIN}days"

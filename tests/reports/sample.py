"""A realistic report made from simulated cells: every status, refusal and picture occurs in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np

from candor.estimates import Estimate, change, make
from candor.estimates.quantile import bucket_of
from candor.measure import BucketSums, MeasureCell
from candor.reports.report import HowCounted, Line, Report, Sample
from candor.verdicts import MetricEntry, Scorecard, Target, Targets, build
from candor.verdicts.scorecard import MetricInfo
from candor.window import period_end, period_start, to_day

MONTHS = [to_day(date(2025, month, 1)) for month in range(9, 13)] + [
    to_day(date(2026, month, 1)) for month in range(1, 6)
]
LINEAGE = {"snapshot": "9f27c1d04b7a3e58", "as_of": "2026-06-05T06:00:00Z"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@dataclass(frozen=True)
class Planted:
    name: str
    title: str
    question: str
    category: str
    rate: float
    better: str = "higher"
    tier: str = "secondary"
    drift: float = 0.0
    per_customer: float = 9.0
    customers: int = 180
    unknown: float = 0.0
    confirmed: float | None = None
    shown_with: tuple[str, ...] = ()
    available: bool = True
    missing: str = ""


SHARES = (
    Planted("true_resolution_rate", "True resolution rate", "How many conversations did the AI really solve?",
            "automation", 0.52, tier="primary", drift=0.008, unknown=0.11, confirmed=0.55),
    Planted("containment_rate", "Containment rate", "How many ended without a human, a cut-off or a walk-out?",
            "automation", 0.735, tier="primary", drift=0.006),
    Planted("deflection_rate", "Deflection rate", "How many did no human agent touch?", "automation", 0.79,
            shown_with=("true_resolution_rate",)),
    Planted("automation_rate", "Automation rate", "Of everything that came in, what did the AI solve alone?",
            "automation", 0.41, drift=0.004),
    Planted("involvement_rate", "Involvement rate", "In how many conversations did the AI take part?",
            "automation", 0.81, better="neither", tier="diagnostic"),
    Planted("silent_failure_rate", "Silent failure rate", "Of those that looked successful, how many were not?",
            "quality", 0.142, better="lower", tier="primary", drift=-0.004),
    Planted("appropriate_escalation_rate", "Appropriate escalation rate", "Did what was handed over need a human?",
            "quality", 0.68, per_customer=2.5, shown_with=("missed_escalation_rate",)),
    Planted("missed_escalation_rate", "Missed escalation rate", "How many that needed a human did not get one?",
            "quality", 0.021, better="lower", tier="primary", shown_with=("appropriate_escalation_rate",)),
    Planted("intent_recognition_accuracy", "Intent recognition accuracy", "Was the first guess of the topic right?",
            "quality", 0.88, customers=9),
    Planted("groundedness_rate", "Groundedness rate", "Is every claim supported by the sources given?", "quality",
            0.9, available=False, missing="No message carries the sources it was answered from."),
    Planted("csat_ai_only", "Satisfaction, AI only", "How content are customers whom only the AI served?",
            "experience", 0.715, tier="primary", per_customer=1.2),
    Planted("rephrase_rate", "Rephrase rate", "How often must customers say it again?", "experience", 0.187,
            better="lower", drift=-0.002),
    Planted("abandonment_rate", "Abandonment rate", "How many left without an answer?", "experience", 0.094,
            better="lower", drift=0.003),
    Planted("csat_hybrid", "Satisfaction, hybrid", "How content are customers who were handed over?",
            "experience", 0.6, per_customer=0.1),
    Planted("sla_adherence_first_response", "First response within target", "Do we answer in time?",
            "operational", 0.962, tier="primary"),
    Planted("transfer_chain_rate", "Transfer chain rate", "How many were passed on more than once?",
            "operational", 0.038, better="lower"),
    Planted("policy_violation_rate", "Policy violation rate", "How often did the AI break a rule?", "risk", 0.004,
            better="lower", tier="primary"),
    Planted("undetermined_share", "Undetermined share", "Of how many do we not know the outcome?", "risk", 0.11,
            better="lower"),
)  # fmt: skip


def share_cell(planted: Planted, month: int, rng: np.random.Generator) -> MeasureCell:
    """One month of a share: heavy-tailed customers hashed into buckets."""
    index = MONTHS.index(month)
    people = planted.customers
    sizes = (
        rng.poisson(planted.per_customer * rng.gamma(0.8, 1.25, people))
        if planted.available
        else [0] * people
    )
    sizes = np.asarray(sizes)
    rates = np.clip(
        rng.beta(planted.rate * 6, (1 - planted.rate) * 6, people) + planted.drift * (index - 8),
        0,
        1,
    )
    trues = rng.binomial(sizes, rates)
    buckets: dict[int, BucketSums] = {}
    for bucket, n, x in zip(
        rng.integers(0, 200, people).tolist(), sizes.tolist(), trues.tolist(), strict=True
    ):
        if n:
            buckets[bucket] = buckets.get(bucket, BucketSums()) + BucketSums(n, x, x, n, n, x)
    observed, total = int(sizes.sum()), int(trues.sum())
    late = index == len(MONTHS) - 1 and planted.name == "automation_rate"
    unknown = {
        "undetermined": int(observed * planted.unknown),
        "immature": int(observed * (0.2 if late else 0.01)),
    }
    return MeasureCell(
        metric=planted.name, definition=f"{planted.name}@1", grain="month", period_start=month,
        period_end=period_end(month, "month"), segment={}, eligible=observed + sum(unknown.values()),
        unknown=unknown, excluded={"test": 14, "spam": 37, "outbound": 212}, buckets=buckets,
        customers=int((sizes > 0).sum()), anonymous=observed // 4 if "csat" in planted.name else 0,
        confirmed=None if planted.confirmed is None else int(total * planted.confirmed),
        available=planted.available, missing=planted.missing,
    )  # fmt: skip


def _shares(rng: np.random.Generator) -> list[MetricEntry]:
    entries = []
    for planted in SHARES:
        cells = [share_cell(planted, month, rng) for month in MONTHS]
        if planted.name == "rephrase_rate":  # a month that cannot be given
            cells[3] = replace(cells[3], customers=4)
        evidence = (
            "by_confirmation"
            if planted.confirmed
            else "survey_weighted"
            if "csat" in planted.name
            else "census"
        )
        series = [
            make(cell, estimator="proportion", unit="share", evidence=evidence, **LINEAGE)
            for cell in cells
        ]
        moved = change(cells[-1], cells[-2], unit="share", evidence=evidence, **LINEAGE)
        info = MetricInfo(
            planted.name, planted.title, planted.question, planted.category,
            better=planted.better, tier=planted.tier, shown_with=planted.shown_with,
        )  # fmt: skip
        entries.append(MetricEntry(info, series[-1], series[-2], moved, tuple(series)))
    return entries


def _times(rng: np.random.Generator) -> MetricEntry:
    series: list[Estimate] = []
    also: list[Estimate] = []
    for index, month in enumerate(MONTHS):
        buckets, histogram = {}, {}
        for bucket in range(160):
            values = (rng.lognormal(5.6 - 0.03 * index, 0.9, 12) * 1e6).astype(int).tolist()
            n = len(values)
            buckets[bucket] = BucketSums(
                n, sum(values), sum(v * v for v in values), n, n, sum(values)
            )
            for value in values:
                histogram[bucket_of(value)] = histogram.get(bucket_of(value), 0) + 1
        cell = MeasureCell(
            metric="time_to_resolution", definition="time_to_resolution@1", grain="month", period_start=month,
            period_end=period_end(month, "month"), segment={}, eligible=1920, unknown={}, excluded={},
            buckets=buckets, customers=640, histogram=histogram,
        )  # fmt: skip
        options = {"estimator": "quantile", "unit": "seconds", "evidence": "census", **LINEAGE}
        series.append(make(cell, quantile=0.5, **options))
        also = [make(cell, quantile=0.9, **options)]
    info = MetricInfo(
        "time_to_resolution",
        "Time to resolution",
        "How long until it is solved?",
        "operational",
        better="lower",
    )
    return MetricEntry(info, series[-1], series[-2], None, tuple(series), tuple(also))


def _money(rng: np.random.Generator) -> MetricEntry:
    buckets = {}
    for bucket in range(180):
        values = (rng.gamma(3, 0.4, 8) * 1e6).astype(int).tolist()
        buckets[bucket] = BucketSums(8, sum(values), sum(v * v for v in values), 8, 8, sum(values))
    month = MONTHS[-1]
    cell = MeasureCell(
        metric="cost_per_resolution", definition="cost_per_resolution@1", grain="month", period_start=month,
        period_end=period_end(month, "month"), segment={}, eligible=1500, unknown={"no_cost": 60}, excluded={},
        buckets=buckets, customers=700,
    )  # fmt: skip
    found = make(cell, estimator="mean", unit="money", evidence="allocated", **LINEAGE)
    info = MetricInfo(
        "cost_per_resolution", "Cost per true resolution", "What does one solved conversation cost, all in?",
        "operational", better="lower",
    )  # fmt: skip
    return MetricEntry(info, found)


TARGETS = Targets(
    tuple(
        Target(metric=metric, target=goal, amber=amber, owner=owner)
        for metric, goal, amber, owner in [
            ("true_resolution_rate", 0.60, 0.02, "Head of Support"), ("containment_rate", 0.70, 0.0, ""),
            ("silent_failure_rate", 0.10, 0.0, "AI product"), ("missed_escalation_rate", 0.03, 0.0, ""),
            ("csat_ai_only", 0.75, 0.02, "CX"), ("sla_adherence_first_response", 0.95, 0.0, "Operations"),
            ("policy_violation_rate", 0.002, 0.0, "Risk"), ("rephrase_rate", 0.18, 0.0, ""),
            ("time_to_resolution", 240, 0.0, ""), ("groundedness_rate", 0.95, 0.0, "AI product"),
            ("cost_per_resolution", 1.25, 0.0, "Finance"),
        ]
    )
)  # fmt: skip


@cache
def scorecard(title: str = "Northwind Outdoor") -> Scorecard:
    """The sample page."""
    rng = np.random.Generator(np.random.Philox(11))
    entries: Sequence[MetricEntry] = [*_shares(rng), _times(rng), _money(rng)]
    return build(
        entries, TARGETS, title=title, period="May 2026", grain="month", currency="EUR",
        data_health={
            "records": {"read": 412_338, "stored": 409_971, "duplicate": 2_214, "quarantined": 153},
            "newest event": "2026-06-05T05:58:12Z",
            "sources": [
                {"name": "zendesk", "covered until": "2026-06-05T05:58:12Z", "unmapped share": 0.004},
                {"name": "orders", "covered until": "2026-06-04T23:00:00Z", "unmapped share": 0.0},
            ],
            "clock skew": False,
        },
        **LINEAGE,
    )  # fmt: skip


def report(title: str = "Northwind Outdoor") -> Report:
    """The sample report."""
    card = scorecard(title)
    counted = {
        row.info.name: HowCounted(
            definition=row.estimate.definition,
            unit="one conversation: one contact inside a thread",
            include="ai_involved and engaged and is_inbound and is_automatable",
            outcome=row.info.name.removesuffix("_rate"),
            exclude={"test": "is_test", "spam": "is_spam", "outbound": "not is_inbound"},
            confirmation="a refund, a closed order or the customer's own words",
            window="72h",
            sql=(
                "with scoped as (\n  select bucket, day, true_resolution\n  from conversation\n"
                "  where ai_involved and engaged and is_inbound and not is_test and not is_spam\n)\n"
                "select bucket, day, count(true_resolution), sum(cast(true_resolution as bigint))\n"
                "from scoped group by bucket, day"
            ),
            caveat="Silence counts as solved only after the window has passed inside the data.",
            pitfalls=("Rises when customers give up.",),
            guardrails=("Silent failure rate", "Abandonment rate"),
        )
        for row in card.rows
    }  # fmt: skip
    samples = (
        Sample(
            "zd-88213#1", "Silent failure rate", "Failed silently",
            "Marked solved on 4 May; the customer wrote again 31 h later about the same order.",
            {"channel": "chat", "intent": "refund", "day": "4 May 2026"},
            (
                Line("customer", "Where is my refund for order [ORDER_91ab]?"),
                Line("ai_agent", "Your refund is on its way. Anything else I can do for you?"),
                Line("customer", "It's been two weeks and [PERSON_77c0] said the same. " + HOSTILE),
            ),
        ),
        Sample(
            "zd-88940#2", "Silent failure rate", "Failed silently",
            "The order system shows the cancellation was reversed on 9 May.",
            {"channel": "email", "intent": "cancel_order"},
            (Line("customer", "Please cancel it."), Line("ai_agent", "Done: it is cancelled.")),
        ),
        Sample(
            "zd-90017#1", "True resolution rate", "Truly resolved, confirmed",
            "The refund was paid on 12 May.", {"channel": "chat"},
            (Line("customer", "Thanks, got it!"),),
        ),
    )  # fmt: skip
    return Report(
        card=card, counted=counted, samples=samples, version="0.1.0",
        provenance={"lake": "41c09fd2", "definitions": "b7714e0c", "settings": "0d1f93aa", "zones": "2026.1"},
    )  # fmt: skip


assert period_start(MONTHS[0], "month") == MONTHS[0]

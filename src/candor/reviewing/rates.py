"""What labels say of a machine's verdicts: its raw rate, the corrected one, and how far people agree.

A machine's verdict on every item, people's on a sample with known chances. Labels of one epoch only
(one judge, one version, one rubric); a machine's rate is never shown without the corrected one, or
without the reason why there is none. STATISTICS §1.1, §1.6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from candor.engines.duck import DuckEngine
from candor.estimates import Reckoning, Thresholds
from candor.estimates.estimate import DEFAULT_THRESHOLDS
from candor.estimates.labelled import Labels, judge_gain, poststratified_rate
from candor.estimates.pairs import Agreed, Pair, by_criterion
from candor.lake.serving import Serving
from candor.workspace import Workspace

OWN = "resolved"
"""The criterion on which candor's own verdict of true resolution is held against people too."""
_OWN_SQL = """
select
    'conversation:' || cast(c.conversation_key as varchar) as item_id,
    case c.true_resolution when true then 'true' when false then 'false' end as label, c.bucket
from conversation as c
where c.eligible and c.ai_involved
order by item_id
"""
TRUTH = {"true": 1, "yes": 1, "false": 0, "no": 0}
_VERDICTS_SQL = """
select
    a.criterion, a.item_id, a.assessor_kind = 'human' as is_human,
    a.assessor_id || ' ' || a.assessor_version
        || case when a.rubric is null then '' else ' (' || a.rubric || ')' end as epoch,
    lower(a.label) as label, a.bucket, a.sampling_ppm, a.assessor_id
from assessment as a
where a.is_latest and a.item_id is not null and not a.is_test and not a.is_spam
    and a.assessor_kind in ('human', 'llm', 'code', 'vendor')
    and (a.assessor_kind <> 'human' or a.sampling_ppm is not null or coalesce(a.is_blind, true))
order by a.criterion, a.item_id, a.assessor_kind, a.occurred_at, a.assessment_key
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One verdict of a person or a machine.

    Attributes:
        item: what was judged.
        is_human: by a person.
        epoch: machine, version and rubric; for a person who.
        truth: 1, 0, or None for an abstention or another word.
        bucket: customer bucket.
        pi: chance with which the item was drawn; None when not recorded.
    """

    item: str
    is_human: bool
    epoch: str
    truth: int | None
    bucket: int
    pi: float | None


@dataclass(frozen=True, slots=True)
class Corrected:
    """One machine on one criterion.

    Attributes:
        criterion, epoch: which.
        units: items it judged. abstained: those of them that it left open.
        raw: share of ``true`` among the items it did not leave open; never the rate.
        corrected: the rate over all units after the labels, or why there is none. What the machine
            left open is a stratum of its own.
        labels: labelled items among the units.
        assumed: labels without a recorded chance, taken as drawn at random within a verdict.
        machine: agreement of people and machine; people: of people with each other, the ceiling.
        gain: squared correlation, and how many labels one label is worth with this machine.
    """

    criterion: str
    epoch: str
    units: int
    abstained: int
    raw: float | None
    corrected: Reckoning
    labels: int
    assumed: int
    machine: Agreed | None
    people: Agreed | None
    gain: tuple[float, float] | None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = self.corrected
        return {
            "criterion": self.criterion, "machine": self.epoch, "units": self.units,
            "abstained": self.abstained, "raw": self.raw, "point": found.point, "low": found.low,
            "high": found.high, "method": found.method, "refusal": found.refusal,
            "evidence": found.evidence, "caveats": list(found.caveats), "labels": self.labels,
            "labels_without_probability": self.assumed, "agreement": _told(self.machine),
            "human_ceiling": _told(self.people),
            "gain": None if self.gain is None else list(self.gain),
        }  # fmt: skip


def corrected_rates(
    workspace: Workspace,
    *,
    criterion: str = "",
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> list[Corrected]:
    """Every machine's rate on every criterion with its verdicts true or false, corrected by labels.

    Args:
        workspace: measured.
        criterion: only this one.
        level: of the intervals.
        thresholds: floors of the refusals.
    """
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        rows = engine.rows(_VERDICTS_SQL)
        own = engine.rows(_OWN_SQL) if criterion in ("", OWN) else []
    by_name: dict[str, list[Verdict]] = {}
    for name, item, is_human, epoch, label, bucket, ppm, who in rows:
        if criterion in ("", name):
            by_name.setdefault(name, []).append(
                Verdict(
                    item, bool(is_human), who if is_human else epoch, TRUTH.get(label or ""),
                    int(bucket), None if ppm is None else ppm / 1e6,
                )
            )  # fmt: skip
    if any(one.is_human for one in by_name.get(OWN, [])):
        by_name[OWN] += [
            Verdict(
                item, False, "candor true_resolution", TRUTH.get(label or ""), int(bucket), None
            )
            for item, label, bucket in own
        ]
    return [
        one
        for name, verdicts in sorted(by_name.items())
        for one in correct(name, verdicts, level=level, thresholds=thresholds)
    ]


def correct(
    criterion: str,
    verdicts: Sequence[Verdict],
    *,
    level: float = 0.95,
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
) -> list[Corrected]:
    """The same for the verdicts on one criterion, machine by machine."""
    people: dict[str, list[Verdict]] = {}
    machines: dict[str, dict[str, Verdict]] = {}
    for one in verdicts:
        if not one.is_human:
            machines.setdefault(one.epoch, {})[one.item] = one
        elif one.truth is not None:
            people.setdefault(one.item, []).append(one)
    ceiling = _between_people(criterion, people)
    return [
        _corrected(criterion, epoch, judged, people, ceiling, level, thresholds)
        for epoch, judged in sorted(machines.items())
        if any(one.truth is not None for one in judged.values())
    ]


def _corrected(
    criterion: str, epoch: str, judged: Mapping[str, Verdict],
    people: Mapping[str, Sequence[Verdict]], ceiling: Agreed | None, level: float,
    thresholds: Thresholds,
) -> Corrected:  # fmt: skip
    strata = [kind for kind in (0, 1, None) if any(o.truth == kind for o in judged.values())]
    stratum = {item: strata.index(one.truth) for item, one in judged.items()}
    sizes = [0] * len(strata)
    buckets: dict[int, list[int]] = {}
    for item, one in judged.items():
        sizes[stratum[item]] += 1
        buckets.setdefault(one.bucket, [0] * len(strata))[stratum[item]] += 1
    labelled = [(judged[item], _settled(said)) for item, said in people.items() if item in judged]
    drawn = Counter(stratum[one.item] for one, _ in labelled)
    chances = [
        said.pi if said.pi is not None else drawn[stratum[one.item]] / sizes[stratum[one.item]]
        for one, said in labelled
    ]
    numbers = {bucket: number for number, bucket in enumerate(sorted(buckets))}
    found = poststratified_rate(
        sizes,
        Labels(
            [int(said.truth or 0) for _, said in labelled],
            [stratum[one.item] for one, _ in labelled],
            chances,
            [numbers[one.bucket] for one, _ in labelled],
        ),
        unit_buckets=[buckets[number] for number in sorted(buckets)],
        level=level,
        thresholds=thresholds,
    )
    told = [(one, said) for one, said in labelled if one.truth is not None]
    pairs = [Pair(criterion, str(said.truth), str(one.truth), one.bucket) for one, said in told]
    gain = judge_gain(
        [float(said.truth or 0) for _, said in told], [float(one.truth or 0) for one, _ in told]
    )
    known = sum(one.truth is not None for one in judged.values())
    return Corrected(
        criterion, epoch, len(judged), len(judged) - known,
        sum(one.truth == 1 for one in judged.values()) / known if known else None, found,
        len(labelled), sum(said.pi is None for _, said in labelled),
        by_criterion(pairs).get(criterion), ceiling, gain,
    )  # fmt: skip


def _settled(said: Sequence[Verdict]) -> Verdict:
    """One label of several: what most say, else the first; a chance is kept when anybody has one."""
    votes = Counter(one.truth for one in said)
    most = max(votes.values())
    first = next(one for one in said if votes[one.truth] == most)
    chance = next((one.pi for one in said if one.pi is not None), None)
    return replace(first, pi=chance)


def _between_people(criterion: str, people: Mapping[str, Sequence[Verdict]]) -> Agreed | None:
    """Agreement of the first two people on the items that two of them labelled."""
    pairs = [
        Pair(criterion, str(said[0].truth), str(other.truth), said[0].bucket)
        for said in people.values()
        if (other := next((one for one in said if one.epoch != said[0].epoch), None))
    ]
    return by_criterion(pairs).get(criterion)


def _told(one: Agreed | None) -> dict[str, Any] | None:
    if one is None:
        return None
    told = asdict(one)
    del told["confusion"]
    return told

"""Who grades the work, in which words, for which money, and how far the grades hold.

Every claimant's latest claim on a conversation stands beside what candor knows of it. The truth is
the true resolution where the AI agent spoke, else what a system of record or the customer says;
a claim is never part of it. Claims are compared by claimant, never pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candor.errors import CandorError, Problem, nearest
from candor.resolution.claims import Check, check

if TYPE_CHECKING:
    from candor.answers.snapshot import Answers

DIMENSIONS = (
    "path", "intent_id", "release", "language", "channel", "region", "customer_segment", "brand",
    "ai_agent_id", "api_version",
)  # fmt: skip
USUAL = ("path", "intent_id", "release", "language")
NOT_SAID = "(none)"
_CLAIMED = "case when q.claimed is null then -1 when q.claimed_resolved then 1 else 0 end"
_TRUTH = (
    "case coalesce(c.true_resolution, case when c.contradicted then false when c.confirmed then true"
    " end) when true then 1 when false then 0 else -1 end"
)
_PROOF = (
    "case when c.system_verdict is not null then 'system' when c.customer_verdict is not null then"
    " 'customer' else 'silence' end"
)
_BESIDE = (
    "select q.claimant, count(case when q.conversation_key is null then 1 end),"
    " count(case when q.conversation_key is not null and (q.is_test or q.is_spam) then 1 end)"
    " from claim as q where q.is_latest group by q.claimant order by q.claimant"
)
_FROM = (
    "claim as q inner join conversation as c on q.conversation_key = c.conversation_key"
    " where q.is_latest and not q.is_test and not q.is_spam"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A claimant's word and what it was taken for.

    Attributes:
        raw: as the claimant wrote it.
        meaning: in our words; None for a word that nobody has explained.
        count: claims.
    """

    raw: str
    meaning: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One value of one dimension."""

    dimension: str
    value: str
    check: Check


@dataclass(frozen=True, slots=True)
class Claimant:
    """One author of claims.

    Attributes:
        name: who claims.
        whole: every claim.
        segments: the same, broken down; largest first in each dimension.
        words: its vocabulary.
        billed, unbilled, unsaid: claims that are charged for, are not, and of which it is not known.
        billed_wrong: charged for and not solved.
        unmatched: claims on threads of which candor knows no conversation; in none of the above.
        left_out: claims on test and spam conversations; in none of the above.
        proof: compared conversations by what their truth rests on: system, customer, silence.
    """

    name: str
    whole: Check
    segments: tuple[Segment, ...]
    words: tuple[Word, ...]
    billed: int
    unbilled: int
    unsaid: int
    billed_wrong: int
    unmatched: int
    left_out: int
    proof: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "claimant": self.name, **self.whole.as_dict(),
            "billing": {
                "billed": self.billed, "not_billed": self.unbilled, "not_said": self.unsaid,
                "billed_and_not_solved": self.billed_wrong,
            },
            "without_conversation": self.unmatched, "test_or_spam": self.left_out,
            "truth_rests_on": self.proof,
            "words": [
                {"raw": one.raw, "meaning": one.meaning, "claims": one.count} for one in self.words
            ],
            "segments": [
                {"dimension": one.dimension, "value": one.value, **one.check.as_dict()}
                for one in self.segments
            ],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClaimsAnswer:
    """Every claimant against the truth, on one publication."""

    claimants: tuple[Claimant, ...]
    dimensions: tuple[str, ...]
    snapshot: str
    as_of: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor claims --json``."""
        return {
            "claimants": [one.as_dict() for one in self.claimants], "by": list(self.dimensions),
            "snapshot": self.snapshot, "as_of": self.as_of,
        }  # fmt: skip


def check_claims(answers: Answers, *, by: Sequence[str] = (), claimant: str = "") -> ClaimsAnswer:
    """Claims against the truth, claimant by claimant.

    Args:
        answers: an opened publication.
        by: dimensions to break down by; path, intent, release and language when empty.
        claimant: only this one.

    Raises:
        CandorError: ``usage.by``, ``usage.claimant``, or ``claims.none`` where nobody claims anything.
    """
    dimensions = tuple(dict.fromkeys(by)) or USUAL
    if wrong := [name for name in dimensions if name not in DIMENSIONS]:
        raise CandorError(
            "usage.by",
            [
                Problem(
                    f"claims have no dimension '{name}'", "--by", "one of " + ", ".join(DIMENSIONS),
                    nearest(name, DIMENSIONS),
                )
                for name in wrong
            ],
            exit_code=2,
        )  # fmt: skip
    columns = ", ".join(f"coalesce(q.{name}, '{NOT_SAID}') as {name}" for name in dimensions)
    found = answers.engine.arrow(
        f"select q.claimant, q.raw_value, q.claimed as meaning, {_CLAIMED} as claimed, {_TRUTH} as truth,"
        f" {_PROOF} as proof, case when q.is_billable then 1 when not q.is_billable then 0 else -1 end"
        f" as billable, cast(q.bucket as bigint) as bucket, {columns} from {_FROM} order by q.event_key"
    )
    beside = {
        str(name): (int(unmatched), int(left_out))
        for name, unmatched, left_out in answers.engine.rows(_BESIDE)
    }
    names = sorted(beside)
    if not names:
        raise CandorError(
            "claims.none",
            Problem(
                "nobody claims anything about these conversations", "", "claim events",
                "read the vendor's outcome export, or map its column to a claim",
            ),
        )  # fmt: skip
    if claimant and claimant not in names:
        raise CandorError(
            "usage.claimant",
            Problem(f"there is no claimant '{claimant}'", "--claimant", "one of " + ", ".join(names),
                    nearest(claimant, names)),
            exit_code=2,
        )  # fmt: skip
    claimants = tuple(
        _claimant(
            answers, name, found.filter(pc.equal(found["claimant"], name)), dimensions, beside[name]
        )
        for name in names
        if claimant in ("", name)
    )
    return ClaimsAnswer(claimants, dimensions, answers.snapshot, answers.as_of)


def _claimant(
    answers: Answers, name: str, rows: pa.Table, dimensions: tuple[str, ...],
    beside: tuple[int, int],
) -> Claimant:  # fmt: skip
    claimed, truth, buckets, billable = (
        rows[column].to_numpy().astype(np.int64)
        for column in ("claimed", "truth", "bucket", "billable")
    )
    level = answers.workspace.settings.estimates.level

    def checked(chosen: np.ndarray) -> Check:
        return check(
            claimed[chosen], truth[chosen], buckets[chosen], level=level,
            thresholds=answers.thresholds,
        )  # fmt: skip

    segments: list[Segment] = []
    for dimension in dimensions:
        values = np.asarray(rows[dimension].to_pylist(), dtype=object)
        found = [
            Segment(dimension, str(value), checked(values == value))
            for value in sorted(set(values))
        ]
        found.sort(key=lambda one: (-one.check.claims, one.value))
        segments += found
    words = pa.TableGroupBy(rows, ["raw_value", "meaning"]).aggregate([([], "count_all")])
    vocabulary = [
        Word(str(one["raw_value"]), one["meaning"], int(one["count_all"]))
        for one in words.to_pylist()
    ]
    both = (claimed >= 0) & (truth >= 0)
    proof = np.asarray(rows["proof"].to_pylist(), dtype=object)[both]
    return Claimant(
        name, checked(np.ones(len(claimed), dtype=bool)), tuple(segments),
        tuple(sorted(vocabulary, key=lambda one: (-one.count, one.raw, one.meaning or ""))),
        int((billable == 1).sum()), int((billable == 0).sum()), int((billable < 0).sum()),
        int(((billable == 1) & (truth == 0)).sum()), *beside,
        {kind: int((proof == kind).sum()) for kind in ("system", "customer", "silence")},
    )  # fmt: skip

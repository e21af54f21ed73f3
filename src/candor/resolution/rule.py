"""A rule: what one vendor or one contract calls resolved, as data.

Only this module knows the shape of a rule file. Every mistake of a file is reported at once with its
line. Verdicts: R resolved, N not resolved, R* billed without a resolution, N? not resolved by our
reading, J needs a judge, ? the text does not say, R/N either, x outside the denominator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from candor.resolution.expression import Anchor, Condition

Verdict = Literal["R", "N", "R*", "N?", "J", "?", "R/N", "x"]
VERDICTS: tuple[str, ...] = ("R", "N", "R*", "N?", "J", "?", "R/N")
"""Verdicts that a decision line may give."""
OUTCOMES: dict[str, str] = {
    "R": "resolved", "N": "not_resolved", "R*": "not_resolved", "N?": "not_resolved",
    "J": "needs_judge", "?": "undetermined", "R/N": "undetermined", "x": "excluded",
}  # fmt: skip
BASES = ("stated", "secondary", "assumed", "silent")
"""Where a decision line of a vendor's rule comes from; a contract names its clause instead."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Part):
    """What one billed outcome costs."""

    amount: Annotated[Decimal, Field(ge=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    per: Literal["conversation", "outcome"] = "conversation"
    max_per_conversation: Annotated[int, Field(ge=1)] = 1


class Credits(_Part):
    """How long after the period something billed must be credited."""

    within_days: Annotated[int, Field(ge=0)] = 0
    across_periods: bool = False


class RuleText(_Part):
    """One version of a rule as its file holds it; conditions are still text.

    Attributes:
        id, version: name and number of this version.
        extends: id of a rule whose keys hold where this one is silent.
        vendor, metric: whose rule, and what they call the figure.
        valid_from, valid_to: when the vendor used it (ISO dates or months; None: not stated).
        seen_on: when the vendor's page said so.
        decided_by: a product's rule, a vendor's model, a third party.
        billed: verdicts for which the vendor charges; None where that is not known.
        denominator: who is counted.
        evaluate_at: the moment of evaluation.
        revocation: what takes a resolution back, in words; "" where the text states none.
        after: id of a rule that decides first; this one only looks at what that one calls R.
        decide: ``[condition, verdict, basis]``; the first that holds decides.
        judge_then: verdict → condition over labels, in order; ``otherwise`` for the rest.
        price, tests, credits, evidence_due_days, silent_points: of a contract.
        unverified: points nobody has found in the vendor's text yet.
        sources: where the text stands.
        note: anything a reader must know.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Annotated[int, Field(ge=1)]
    extends: str | None = None
    vendor: str = ""
    metric: str = ""
    valid_from: str | None = None
    valid_to: str | None = None
    seen_on: str = ""
    decided_by: str = ""
    billed: tuple[str, ...] | None = None
    denominator: str | bool = "n_ai_messages > 0"
    evaluate_at: str
    revocation: str = ""
    after: str | None = None
    decide: Annotated[tuple[tuple[str | bool, str, str], ...], Field(min_length=1)]
    judge_then: dict[str, str] = {}
    price: Price | None = None
    tests: Literal["charged", "excluded", "silent"] = "silent"
    credits: Credits | None = None
    evidence_due_days: int | None = None
    silent_points: tuple[str, ...] = ()
    unverified: str = ""
    sources: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One decision line, checked."""

    condition: Condition
    verdict: str
    basis: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready to be evaluated.

    Attributes:
        text: what the file says.
        denominator, evaluate_at, lines: its checked parts.
        judge: verdict and condition over labels, in order; a condition of None is the rest.
        is_contract: written by a user; wins over the vendor's public text in a bill audit.
    """

    text: RuleText
    denominator: Condition
    evaluate_at: Anchor
    lines: tuple[Line, ...]
    judge: tuple[tuple[str, Condition | None], ...] = ()
    is_contract: bool = False

    @property
    def id(self) -> str:
        """Its name."""
        return self.text.id

    @property
    def title(self) -> str:
        """``<vendor> <metric>``, or the id of a contract."""
        named = f"{self.text.vendor} {self.text.metric}".strip()
        return named or self.text.id

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides: what a dispute file names."""
        told = self.text.model_dump(mode="json")
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def needs_judge(self) -> bool:
        """Whether some of its verdicts need a reading of the text."""
        return any(line.verdict == "J" for line in self.lines)

    @property
    def labels(self) -> frozenset[str]:
        """Criteria that its judge branch reads."""
        return frozenset().union(*(c.names for _, c in self.judge if c is not None))

    @property
    def assumed_share_of_lines(self) -> float:
        """Share of its decision lines that rest on an assumption of ours."""
        return sum(line.basis == "assumed" for line in self.lines) / len(self.lines)

    def about(self) -> Mapping[str, Any]:
        """Plain data for reports and JSON."""
        text = self.text
        return {
            "id": text.id, "version": text.version, "hash": self.digest, "title": self.title,
            "vendor": text.vendor, "metric": text.metric, "valid_from": text.valid_from,
            "valid_to": text.valid_to, "decided_by": text.decided_by,
            "billed": None if text.billed is None else list(text.billed),
            "denominator": str(text.denominator), "evaluate_at": text.evaluate_at,
            "revocation": text.revocation, "unverified": text.unverified,
            "sources": list(text.sources), "needs_judge": self.needs_judge,
            "is_contract": self.is_contract,
            "decide": [
                {"condition": line.condition.text, "verdict": line.verdict, "basis": line.basis}
                for line in self.lines
            ],
        }  # fmt: skip

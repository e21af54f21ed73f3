"""What a written report holds beyond the scorecard: how figures were counted, and conversations.

Plain data, handed in. Texts are shown as they are given and escaped when rendered; excerpts must
be redacted before they come here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from candor.answers.legacy import Comparison
from candor.verdicts.scorecard import Scorecard


@dataclass(frozen=True, slots=True)
class HowCounted:
    """A definition in words and as SQL.

    Attributes:
        definition: ``name@version``.
        unit: what one unit is.
        include: who is counted.
        exclude: reason to condition of what is left out.
        outcome: what is true of a unit, or which value it has.
        confirmation: what makes an outcome known.
        window: how long after the unit something may still happen; empty without one.
        unknown: reason to condition of outcomes that are not known.
        sql: the query that counts it.
        caveat: what to know before using it.
        pitfalls: how it misleads.
        guardrails: titles of metrics that must not worsen when it improves.
        benchmarks: figures of others by segment, with source and date; never our targets.
    """

    definition: str
    unit: str
    include: str
    outcome: str
    exclude: Mapping[str, str] = field(default_factory=dict)
    confirmation: str = ""
    window: str = ""
    unknown: Mapping[str, str] = field(default_factory=dict)
    sql: str = ""
    caveat: str = ""
    pitfalls: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()
    benchmarks: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One message of an excerpt."""

    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation, and why it was counted as it was.

    Attributes:
        conversation: its id.
        metric: title of the metric it illustrates.
        counted_as: outcome in words.
        reason: the evidence for it.
        details: channel, day, intent … in words.
        excerpt: redacted messages.
    """

    conversation: str
    metric: str
    counted_as: str
    reason: str
    details: Mapping[str, str] = field(default_factory=dict)
    excerpt: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one file shows.

    Attributes:
        card: the scorecard.
        counted: how each metric was counted, by name.
        samples: conversations to look at.
        provenance: versions and hashes behind the figures, by label.
        version: of candor.
        view_title, view_about: of the view the scorecard is arranged by.
        comparisons: of old figures with what replaces them.
    """

    card: Scorecard
    counted: Mapping[str, HowCounted] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    view_title: str = ""
    view_about: str = ""
    comparisons: tuple[Comparison, ...] = ()

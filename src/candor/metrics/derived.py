"""The definition of a derived metric: a figure reckoned from figures of other metrics.

Holds what it is reckoned from (metrics by role, facts read beside them, parameters) and the name
of the method; the arithmetic is found by that name in ``candor.answers.methods``. A derived metric
has no rows of its own: it is reckoned when asked for, never stored. It is no better than its
inputs: where one of them has no figure, neither has it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from candor.metrics.describing import Described, Name, Part, Words
from candor.metrics.expression import Expression

DerivedEvidence = Literal[
    "by_inputs", "census", "human_sample", "judge_corrected", "survey_weighted", "provisional",
    "allocated", "vendor_claimed",
]  # fmt: skip


class Reading(Part):
    """A fact that the method reads row by row, beside its inputs.

    Attributes:
        columns: columns of the fact it reads.
        where: condition that at least one row must meet, else the metric is unavailable; every
            row meets the condition left out.
    """

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    where: str = "true"


class DerivedExample(Part):
    """Worked example: numbers in, the figure out.

    Attributes:
        title: what it shows.
        given: arguments of the method's arithmetic; ``params`` are given as well.
        expect: ``point``, ``low``, ``high`` or ``refusal``, and entries of ``detail``.
    """

    title: Words
    given: dict[str, Any]
    expect: Annotated[dict[str, Any], Field(min_length=1)]


class Derived(Described):
    """One derived metric; see METRICS in the guide.

    Attributes:
        estimator: always ``derived``.
        method: name of the method.
        inputs: role to the name of the metric that plays it.
        optional: roles without which there still is a figure, with a caveat.
        params: constants of the method; a change of one is a change of the definition.
        reads: facts read beside the inputs.
        needs: what the data must hold, in words that name the event and its fields.
        evidence: grade of the figure; ``by_inputs`` takes the weakest among the inputs used.
    """

    estimator: Literal["derived"]
    method: Name
    inputs: dict[Name, Name] = Field(default_factory=dict)
    optional: tuple[Name, ...] = ()
    params: dict[Name, Any] = Field(default_factory=dict)
    reads: dict[Name, Reading] = Field(default_factory=dict)
    needs: tuple[Words, ...] = ()
    evidence: DerivedEvidence = "by_inputs"
    examples: Annotated[tuple[DerivedExample, ...], Field(min_length=1)]

    _expressions: dict[str, Expression] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _has_grounds(self) -> Derived:
        if not self.needs and not self.inputs:
            raise ValueError("a derived metric names its inputs, or what it needs")
        strange = [role for role in self.optional if role not in self.inputs]
        if strange:
            raise ValueError(f"optional names no input: {', '.join(strange)}")
        return self

    def condition(self, fact: str) -> Expression:
        """The checked condition on a fact of ``reads``."""
        return self._expressions[fact]

    def bind(self, expressions: dict[str, Expression]) -> None:
        """Attach the checked conditions (called once, by the reader of definitions)."""
        self._expressions.update(expressions)

"""What the metrics make of each signature: who is counted in which count, worked out once.

Signatures are numbered in the order in which they are met. Numbers differ from run to run, sums do
not: nothing that is stored depends on them.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from candor.metrics import truth
from candor.metrics.kernel import Flags, Ints
from candor.metrics.plan import Codes as Numbering
from candor.metrics.plan import Plan, codes_of
from candor.metrics.signature import ATOMS_PER_WORD, signature
from candor.metrics.truth import Bits, Truth

Codes = npt.NDArray[np.int32]
_CUSTOMER = "customer_known"


class Judge:
    """Numbers signatures and says which counts each of them belongs to.

    Args:
        plan: the metrics.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._made = signature(plan)
        self._customer = (
            self._made.add(_CUSTOMER)
            if any(count.kind == "anonymous" for count in plan.counts)
            else -1
        )
        self.word_items = self._made.word_items()
        """Select items ``w<n>`` of a row's answers."""
        self._words = np.empty((self._made.words, 0), dtype=np.int64)

    @property
    def size(self) -> int:
        """Signatures met so far."""
        return self._words.shape[1]

    def numbers(self, words: list[Ints]) -> Codes:
        """Number of each row's signature.

        Args:
            words: ``w0``, ``w1``, … of the rows.
        """
        local, example = _encode(words)
        known = self.size
        found = np.stack([word[example] for word in words])
        together = np.concatenate([self._words, found], axis=1)
        # Numbers go by first appearance, so signatures met before keep theirs.
        number, example = _encode(list(together))
        self._words = together[:, example]
        numbers: Codes = number[known:][local]
        return numbers

    def observed(self, metrics: Collection[int]) -> dict[int, Flags]:
        """For each of some metrics, the signatures met so far whose value is known."""
        answers = self._answers()
        return {
            at: truth.unpacked(self._states(at, answers)[1], self.size).astype(bool)
            for at in metrics
        }

    def flags(self) -> list[Bits]:
        """For each count of the plan, the signatures that it counts, as bits."""
        answers = self._answers()
        anonymous = ~answers[self._customer].true if self._customer >= 0 else None
        found: list[Bits] = []
        states: dict[int, Bits] = {}
        at, observed = -1, np.empty(0, dtype=np.uint8)
        for count in self.plan.counts:
            if count.metric != at:
                at = count.metric
                states, observed = self._states(at, answers)
            if count.kind == "observed":
                bits = observed
            elif count.kind == "anonymous" and anonymous is not None:
                bits = observed & anonymous
            else:
                parts = [
                    states[code] for code in range(count.low, count.high + 1) if code in states
                ]
                bits = reduce(np.bitwise_or, parts, np.zeros_like(observed))
            found.append(bits)
        return found

    def _answers(self) -> list[Truth]:
        return truth.answers(list(self._words), ATOMS_PER_WORD, len(self._made.atoms))

    def _states(self, at: int, answers: list[Truth]) -> tuple[dict[int, Bits], Bits]:
        """Signatures of each code of a metric, and those whose outcome is known.

        The same as the code of a row (see :func:`candor.metrics.compile.code`), tried in order.
        """
        definition, place = self.plan.metrics[at], self._made.metrics[at]
        codes: Numbering = codes_of(definition)

        def reckoned(key: str) -> Truth:
            return truth.reckon(place[key].tree, answers)

        left = reckoned("include").true & truth.packed(np.ones(self.size, dtype=bool))
        states: dict[int, Bits] = {}
        for number, reason in enumerate(definition.exclude, 1):
            states[number] = left & reckoned(f"exclude.{reason}").true
            left &= ~states[number]
        outcome = reckoned("outcome")
        observed = left & (outcome.true | outcome.false)
        waiting = left & ~observed
        for number, reason in enumerate(definition.unknown, 1 + len(codes.excluded)):
            states[number] = waiting & reckoned(f"unknown.{reason}").true
            waiting &= ~states[number]
        states[codes.known - 1] = waiting
        states[codes.known] = observed & outcome.false
        true = observed & outcome.true
        if definition.confirmed is not None:
            states[codes.confirmed] = true & reckoned("confirmed").true
            true &= ~states[codes.confirmed]
        states[codes.true] = true
        return states, observed


def _encode(words: list[Ints]) -> tuple[Codes, Ints]:
    """Number distinct rows by first appearance; the number of each row, a row of each number."""
    number: Codes = np.asarray(pa.array(words[0]).dictionary_encode().indices)
    for word in words[1:]:
        encoded = pa.array(word).dictionary_encode()
        both = number.astype(np.int64) * len(encoded.dictionary) + np.asarray(encoded.indices)
        number = np.asarray(pa.array(both).dictionary_encode().indices)
    size = int(number.max(initial=-1)) + 1
    example = np.empty(size, dtype=np.int64)
    example[number] = np.arange(len(number))
    return number, example

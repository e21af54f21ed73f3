"""What the metrics make of each signature: codes, worked out once per signature by the engine.

Signatures are numbered in the order in which they are met. Numbers differ from run to run, sums do
not: nothing that is stored depends on them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from candor.metrics import compile as sql
from candor.metrics.engine import Engine
from candor.metrics.kernel import Flags, Ints
from candor.metrics.plan import Count, Plan
from candor.metrics.signature import signature

Codes = npt.NDArray[np.int32]
_CUSTOMER = "customer_known"


class Judge:
    """Numbers signatures and keeps the code of every metric for each of them.

    Args:
        engine: works out the codes.
        plan: the metrics.
    """

    def __init__(self, engine: Engine, plan: Plan) -> None:
        self.engine, self.plan = engine, plan
        self._made = signature(plan)
        if any(count.kind == "anonymous" for count in plan.counts):
            self._made.add(_CUSTOMER)
        self.word_items = self._made.word_items()
        """Select items ``w<n>`` of a row's answers."""
        self._words = np.empty((self._made.words, 0), dtype=np.int64)
        self._codes = np.empty((len(plan.metrics), 0), dtype=np.int16)
        self._anonymous = np.empty(0, dtype=bool)

    def numbers(self, words: list[Ints]) -> Codes:
        """Number of each row's signature; ones not met before are judged.

        Args:
            words: ``w0``, ``w1``, … of the rows.
        """
        local, example = _encode(words)
        known = self._words.shape[1]
        found = np.stack([word[example] for word in words])
        together = np.concatenate([self._words, found], axis=1)
        # Numbers go by first appearance, so signatures met before keep theirs.
        number, example = _encode(list(together))
        fresh = together[:, example[known:]]
        if fresh.shape[1]:
            self._judge(fresh)
        self._words = together[:, example]
        numbers: Codes = number[known:][local]
        return numbers

    def flag(self, count: Count) -> Flags:
        """Which signatures a count counts."""
        code = self._codes[count.metric]
        flag: Flags = (code >= count.low) & (code <= count.high)
        return flag & self._anonymous if count.kind == "anonymous" else flag

    def observed(self, metrics: list[int]) -> dict[int, Flags]:
        """For each of some metrics, the signatures whose value is known."""
        return {
            count.metric: self.flag(count)
            for count in self.plan.counts
            if count.kind == "observed" and count.metric in metrics
        }

    def _judge(self, words: Ints) -> None:
        made = self._made
        table = {"number": pa.array(np.arange(words.shape[1], dtype=np.int32))}
        table |= {f"w{number}": pa.array(word) for number, word in enumerate(words)}
        self.engine.load("metric_signature", pa.table(table), temporary=True)
        outcomes = [
            f"({rewritten['outcome'].sql}) as o{at}" for at, rewritten in enumerate(made.metrics)
        ]
        cases = [
            f"cast({sql.code(definition, at, made.metrics[at])} as smallint) as c{at}"
            for at, definition in enumerate(self.plan.metrics)
        ]
        answers = [f"a{number}" for number in range(len(made.atoms))]
        known = made.atoms.index(_CUSTOMER) if _CUSTOMER in made.atoms else None
        extra = "false" if known is None else f"a{known} is not true"
        judged = self.engine.arrow(
            f"select number, {', '.join(cases)}, cast({extra} as smallint) as anonymous from "
            f"(select number, {', '.join(answers)}, {', '.join(outcomes)} from (select number, "
            f"{', '.join(made.answer_items())} from metric_signature) as answered) as judged"
        )
        self.engine.run("drop table metric_signature")
        order = np.argsort(_array(judged, "number"))
        codes = [_array(judged, f"c{at}")[order] for at in range(len(self.plan.metrics))]
        self._codes = np.concatenate([self._codes, np.stack(codes)], axis=1)
        anonymous = _array(judged, "anonymous")[order].astype(bool)
        self._anonymous = np.concatenate([self._anonymous, anonymous])


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


def _array(table: pa.Table, name: str) -> npt.NDArray[np.int16]:
    array: npt.NDArray[np.int16] = np.asarray(table.column(name).combine_chunks())
    return array

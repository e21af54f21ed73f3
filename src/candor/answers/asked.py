"""Cells of one opened publication, each asked for once however many figures rest on it.

A page asks for the same sums many times: its rows, their change, their baseline, the findings and
every derived figure. A publication never changes, so an answer is kept while it is open, for as
many questions as fit; the least recently used one goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from candor.engines.duck import DuckEngine
from candor.measure import MeasureCell
from candor.metrics import query
from candor.metrics.compile import Scope
from candor.metrics.definition import Definition
from candor.metrics.store import Layouts

_KEPT = 256
"""Questions whose answers are kept; a management page asks about half as many."""


class Asked:
    """What has been asked of one publication.

    Args:
        engine: holds its facts and stored measures.
    """

    def __init__(self, engine: DuckEngine) -> None:
        self._engine = engine
        self._kept: OrderedDict[Scope, dict[str, list[MeasureCell]]] = OrderedDict()
        self._layouts = Layouts(engine)
        self._lacking: dict[str, tuple[str, ...]] = {}

    def cells(
        self,
        metrics: Sequence[Definition],
        *,
        by: Iterable[str] = (),
        grain: str = "all",
        since: int | None = None,
        until: int | None = None,
        where: Mapping[str, str | None] | None = None,
    ) -> list[MeasureCell]:
        """As :func:`candor.metrics.query.measures`; only what is new is read.

        Raises:
            CandorError: as there.
        """
        if not metrics:
            return []
        scope = Scope(grain, tuple(by), since, until, tuple(sorted((where or {}).items())))
        known = self._kept.get(scope, {})
        if new := [one for one in metrics if one.name not in known]:
            read: dict[str, list[MeasureCell]] = {one.name: [] for one in new}
            missing = {name: ", ".join(words) for name, words in self.lacking(new).items()}
            for cell in query.measures(
                self._engine, new, by=scope.by, grain=grain, since=since, until=until,
                where=where, missing=missing, layouts=self._layouts,
            ):  # fmt: skip
                read[cell.metric].append(cell)
            known = {**known, **read}
            self._kept[scope] = known
        self._kept.move_to_end(scope)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return [cell for one in metrics for cell in known[one.name]]

    def lacking(self, metrics: Sequence[Definition]) -> dict[str, tuple[str, ...]]:
        """Metric to those of its requirements that no row of the data meets."""
        if new := [one for one in metrics if one.name not in self._lacking]:
            self._lacking |= query.lacking(self._engine, new)
        return {one.name: self._lacking[one.name] for one in metrics}

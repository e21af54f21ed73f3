"""Estimates and the scorecard of one published snapshot, opened read-only.

Knows which periods are compared and which estimator a definition asks for; the arithmetic is in
``estimates``. Every answer names the snapshot it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from candor import window
from candor.answers.asked import Asked
from candor.answers.availability import breaks_down
from candor.answers.changes import COMPARABLE, Changes
from candor.answers.conversation import ConversationPage, conversation_page
from candor.answers.findings import findings
from candor.answers.judged import Judgements
from candor.answers.period import LONGER, Calendar, Period
from candor.answers.reckoning import Reckoner
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.estimates import Estimate, Thresholds, change, make
from candor.facts.schema import digest
from candor.lake.serving import Publication, Serving
from candor.measure import MeasureCell
from candor.metrics import drill, query
from candor.metrics.definition import Definition
from candor.metrics.derived import Derived
from candor.metrics.describing import Described
from candor.metrics.registry import Catalogue, load
from candor.verdicts.scorecard import MetricEntry, MetricInfo, Scorecard, build
from candor.workspace import Workspace, locate

SERIES = {"day": ("day", 28), "week": ("week", 13), "month": ("week", 13), "quarter": ("month", 12)}
"""Grain and number of the periods drawn beside a figure of each grain."""
_CARDS = 4
"""Scorecards that are kept while a publication is open: plan, reviews and vendor page rest on the same."""


@dataclass(frozen=True)
class Answer:
    """Estimates and what they rest on."""

    estimates: tuple[Estimate, ...]
    snapshot: str
    as_of: str
    data_health: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The JSON of ``candor show --json``."""
        return {
            "estimates": [estimate.as_row() for estimate in self.estimates],
            "snapshot": self.snapshot,
            "as_of": self.as_of,
            "data_health": dict(self.data_health),
        }


class Answers:
    """One opened publication. Use as a context manager.

    Args:
        workspace: whose publication to open.
        publication: one that was published there; the current one when left out.
    """

    def __init__(self, workspace: Workspace, publication: Publication | None = None) -> None:
        self.workspace = workspace
        self.publication = publication or Serving(workspace.serving).current()
        self.about = self.publication.about
        self._check_current()
        self.engine = DuckEngine(self.publication.facts, read_only=True)
        self._cards: dict[Period, Scorecard] = {}

    def _check_current(self) -> None:
        """Refuse to answer under other definitions than the snapshot names.

        Raises:
            CandorError: ``serving.outdated``.
        """
        published = self.about["provenance"]["definitions"]
        if self.about.get("facts") != digest() or published != self.catalogue.digest[:16]:
            raise CandorError(
                "serving.outdated",
                Problem(
                    "metric definitions or candor have changed since the last measure",
                    str(self.workspace.root),
                    "a snapshot published under the present definitions",
                    "run `candor measure`",
                ),
            )

    @classmethod
    def open(cls, root: Path) -> Answers:
        """The publication of the workspace at ``root``."""
        return cls(Workspace.open(root))

    @classmethod
    def open_at(cls, explicit: Path | None) -> Answers:
        """The publication of the workspace named, or of the one in the environment or here."""
        return cls.open(locate(explicit))

    @classmethod
    def over(cls, workspace: Workspace, engine: DuckEngine) -> Answers:
        """The present publication with other facts, to ask what it would say of them.

        Args:
            workspace: whose publication.
            engine: holds the facts; it stays open.
        """
        answers = cls(workspace)
        answers.engine.close()
        answers.engine = engine
        return answers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.close()

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every metric, the user's own included."""
        return load(self.workspace.metrics_dir)

    @property
    def snapshot(self) -> str:
        """Id of the publication."""
        return str(self.about["snapshot"])

    @property
    def as_of(self) -> str:
        """Instant up to which data were read (ISO)."""
        return str(self.about["as_of"])

    def estimates(
        self,
        names: Sequence[str],
        *,
        by: tuple[str, ...] = (),
        grain: str = "all",
        since: str | None = None,
        until: str | None = None,
        where: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Estimates of metrics (all when none is named), one row per cell and quantile.

        Raises:
            CandorError: an unknown metric, dimension or date.
        """
        chosen = self.catalogue.chosen(names)
        first, last = _day(since, "--since"), _day(until, "--until")
        counted = [item for item in chosen if isinstance(item, Definition)]
        derived = [item for item in chosen if isinstance(item, Derived)]
        if not names:
            wanted = {*by, *(where or {})}
            counted = [item for item in counted if wanted <= set(query.dimensions(item))]
            derived = [
                item for item in derived
                if breaks_down(item, self.catalogue.grounds(item.name), wanted)
            ]  # fmt: skip
        cells = self.asked.cells(
            counted, by=by, grain=grain, since=first, until=last, where=where,
        )  # fmt: skip
        rows = [estimate for cell in cells for estimate in self.made(cell)]
        for item in derived:
            rows += self.reckoner.estimates(
                item, by=by, grain=grain, since=first, until=last, where=where
            )
        if names:
            place = {item.name: at for at, item in enumerate(chosen)}
            rows.sort(key=lambda row: place[row.metric])
        return Answer(tuple(rows), self.snapshot, self.as_of, self.about["data_health"])

    def scorecard(self, *, grain: str | None = None, until: str | None = None) -> Scorecard:
        """The management page for one period, compared with the one before.

        Args:
            grain: period; default that of candor.toml.
            until: day after the last day shown (ISO); default the last period of which every
                day's windows have passed.
        """
        period = self.period(grain=grain, until=until)
        if period not in self._cards:
            while len(self._cards) >= _CARDS:
                del self._cards[next(iter(self._cards))]
            self._cards[period] = self._scorecard(period)
        return self._cards[period]

    def _scorecard(self, period: Period) -> Scorecard:
        changes = Changes(self, period)
        definitions = list(self.catalogue)
        current = self._cells(definitions, period)
        before = period.before()
        previous = self._cells(definitions, before) if before else {}
        series = self._series(definitions, period)
        entries = []
        for definition in definitions:
            cell, earlier = current[definition.name], previous.get(definition.name)
            made = self.made(cell)
            comparable = earlier is not None and definition.estimator in COMPARABLE
            entry = MetricEntry(
                info(definition), made[0],
                previous=self.made(earlier)[0] if earlier is not None else None,
                change=self.change_of(definition, cell, earlier)
                if comparable and earlier is not None else None,
                series=self.judgements.alike(made[0], series.get(definition.name, ())),
                also=tuple(made[1:]),
            )  # fmt: skip
            entries.append(changes.entry(entry, cell, earlier))
        entries += self.reckoner.entries(period)
        card = build(
            entries, changes.targets,
            title=self.workspace.settings.workspace.name, period=period.words, grain=period.grain,
            data_health=self.about["data_health"], snapshot=self.snapshot, as_of=self.as_of,
            currency=self.workspace.settings.workspace.currency,
            annotations=changes.shown_annotations(),
            baseline=changes.baseline.words if changes.baseline else "",
        )  # fmt: skip
        return findings(changes, card)

    def why(self, conversation: str) -> ConversationPage:
        """One conversation with its timeline and every metric's and rule's verdict on it.

        Raises:
            CandorError: ``conversation.unknown``.
        """
        return conversation_page(
            self.engine, self.publication.text, self.catalogue, conversation, self.snapshot,
            horizon_us=int(self.about["horizon_us"]),
        )  # fmt: skip

    def units(
        self,
        metric: str,
        outcome: drill.Outcome,
        limit: int,
        *,
        period: Period | None = None,
        segment: Mapping[str, str | None] | None = None,
    ) -> list[drill.Unit]:
        """Units a metric counted in one way, ordered by their key.

        Args:
            metric: name.
            outcome: numerator, denominator, unknown or excluded.
            limit: most units returned.
            period: only those of these reporting days.
            segment: only those with these values.
        """
        since, until = (period.since, period.until) if period else (None, None)
        return drill.conversations(
            self.engine, self.catalogue.get(metric), outcome=outcome, since=since, until=until,
            segment=segment, limit=limit,
        )  # fmt: skip

    def polite_first(self, conversations: Sequence[str]) -> list[str]:
        """The same conversations, those that ended with thanks or praise first."""
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in conversations)
        if not listed:
            return []
        return [
            str(row[0])
            for row in self.engine.rows(
                f"select conversation_id from conversation where conversation_id in ({listed})"
                " order by case when reply_class in ('gratitude', 'affirm') then 0 else 1 end,"
                " conversation_id"
            )
        ]

    @cached_property
    def asked(self) -> Asked:
        """Cells of this publication."""
        return Asked(self.engine)

    @cached_property
    def judgements(self) -> Judgements:
        """Machines' verdicts of this publication, and people's labels on them."""
        return Judgements(self)

    @cached_property
    def reckoner(self) -> Reckoner:
        """Derived figures of this publication."""
        return Reckoner(self)

    def _cells(self, definitions: list[Definition], period: Period) -> dict[str, MeasureCell]:
        cells = self.asked.cells(definitions, since=period.since, until=period.until)
        return {cell.metric: cell for cell in cells}

    def _series(self, definitions: list[Definition], period: Period) -> dict[str, list[Estimate]]:
        if period.until is None:
            return {}
        grain, count = SERIES[period.grain]
        last = window.period_start(period.until - 1, grain)
        until = window.period_end(last, grain)
        start = last
        for _ in range(count - 1):
            start = window.period_start(start - 1, grain)
        found: dict[str, list[Estimate]] = {}
        cells = self.asked.cells(definitions, grain=grain, since=start, until=until)
        for cell in cells:
            if cell.period_start is not None:
                found.setdefault(cell.metric, []).append(self.made(cell)[0])
        return found

    def made(self, cell: MeasureCell) -> list[Estimate]:
        """The estimates of one cell: one per quantile, and a follow-up curve's where there is one."""
        definition = self.catalogue.definitions[cell.metric]
        wanted: Sequence[float | None] = definition.quantiles or (None,)
        made = [self._estimate(definition, cell, definition.estimator, each) for each in wanted]
        if definition.follow is not None and definition.estimator != "time_to_event":
            made.append(self._estimate(definition, cell, "time_to_event", None))
        return made

    def _estimate(
        self, definition: Definition, cell: MeasureCell, estimator: Any, quantile: float | None
    ) -> Estimate:
        section = self.workspace.settings.estimates
        found = make(
            cell, estimator=estimator, unit=definition.measured_in, level=section.level,
            evidence=self._evidence(definition, cell), snapshot=self.snapshot, as_of=self.as_of,
            quantile=quantile, thresholds=self.thresholds,
        )  # fmt: skip
        return self.judgements.settled(definition, cell, found)

    def _evidence(self, definition: Definition, cell: MeasureCell) -> str:
        """Grade of a figure; the weakest rung is the system's where no customer confirms anything."""
        all_confirmed = bool(cell.total) and cell.confirmed == cell.total
        if (
            definition.evidence == "by_confirmation"
            and all_confirmed
            and self.about["only_systems_confirm"]
        ):
            return "system_confirmed"
        return definition.evidence

    def change_of(
        self, definition: Definition, cell: MeasureCell, earlier: MeasureCell
    ) -> Estimate:
        """The difference of two cells of one metric, with the customers of both accounted for."""
        found = change(
            cell, earlier, unit=definition.measured_in,
            level=self.workspace.settings.estimates.level, evidence=definition.evidence,
            snapshot=self.snapshot, as_of=self.as_of, thresholds=self.thresholds,
        )  # fmt: skip
        if definition.judged is None:
            return found
        return self.judgements.changed(definition, found, self.made(cell)[0], self.made(earlier)[0])

    @cached_property
    def thresholds(self) -> Thresholds:
        """Floors of refusals, as configured."""
        section = self.workspace.settings.estimates
        return Thresholds(
            min_units=section.min_units,
            min_customers=section.min_customers,
            mature_share=section.mature_share,
        )

    def period(self, *, grain: str | None = None, until: str | None = None) -> Period:
        """The days a scorecard is about: as asked for, else the last period that has settled.

        Where nothing was asked for and the last period has too few conversations to say anything, a
        longer one. Everything when there is no such period, or when the clocks of all conversations
        are made up.
        """
        asked = grain or self.workspace.settings.scorecard.grain
        calendar = Calendar(
            self.workspace.settings.workspace.timezone, int(self.about["horizon_us"]),
            self.reckoner.bounds,
        )  # fmt: skip
        found = calendar.period(asked, _day(until, "--until"))
        if grain is None and until is None:
            for longer in LONGER[asked]:
                if self._is_telling(found):
                    break
                found = calendar.period(longer, None)
        return found

    def _is_telling(self, period: Period) -> bool:
        """Whether a period has as many conversations as a figure needs."""
        if period.since is None:
            return True
        counted = self.engine.rows(
            f"select count(*) from conversation where day >= {period.since} and day < {period.until}"
        )
        return int(counted[0][0]) >= self.workspace.settings.estimates.min_units


def info(definition: Described) -> MetricInfo:
    """What a page says about a metric."""
    return MetricInfo(
        name=definition.name, title=definition.title, question=definition.question,
        category=definition.category, better=definition.better, tier=definition.tier,
        unit=definition.unit, caveat=definition.caveat, owner=definition.owner,
        shown_with=definition.shown_with,
    )  # fmt: skip


def _day(text: str | None, option: str) -> int | None:
    from datetime import date

    if text is None:
        return None
    try:
        return window.to_day(date.fromisoformat(text))
    except ValueError:
        raise CandorError(
            "usage.date",
            Problem(f"'{text}' is not a date", option, "an ISO date, 2026-05-01"),
            exit_code=2,
        ) from None

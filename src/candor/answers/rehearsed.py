"""What an override would move, derived metrics included.

Only joins: the facts are built by ``rehearsing``, the figures are those of an opened publication.
"""

from __future__ import annotations

from candor import overriding, rehearsing
from candor.answers.period import Period
from candor.answers.snapshot import Answers
from candor.engines.duck import DuckEngine
from candor.estimates import published
from candor.overriding import Corrected
from candor.rehearsing import Figure
from candor.workspace import Workspace


def preview(
    workspace: Workspace, conversation: str, outcome: str, *, author: str, reason: str
) -> Corrected:
    """An override that is tried and not stored, with every figure that it would move.

    Args:
        workspace: measured at least once.
        conversation: as ``overriding.override`` takes it.
        outcome: likewise.
        author: who would set it.
        reason: why.

    Raises:
        CandorError: see ``overriding.override``.
    """

    def look(engine: DuckEngine) -> dict[str, Figure]:
        answers = Answers.over(workspace, engine)
        found = rehearsing.figures(engine, answers.catalogue, workspace.settings)
        whole = Period("all", None, None)
        for name, definition in answers.catalogue.derived.items():
            estimate = answers.reckoner.of_period(definition, whole)[0]
            total = None if estimate.total is None else published(float(estimate.total))
            found[name] = Figure(estimate.observed, total, published(estimate.point))
        return found

    return overriding.override(
        workspace, conversation, outcome, author=author, reason=reason, preview=True, look=look
    )

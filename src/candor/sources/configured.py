"""Settings of a configured source: what a connector knows, and the error for what it does not.

Only the check lives here; each connector names its own settings.
"""

from __future__ import annotations

from collections.abc import Sequence

from candor.errors import CandorError, Problem, nearest
from candor.sources.base import SourceOptions


def check_settings(options: SourceOptions, known: Sequence[str]) -> None:
    """Refuse settings that the connector does not know.

    Raises:
        CandorError: ``source.setting`` with every unknown key.
    """
    unknown = [key for key in options.settings if key not in known]
    if unknown:
        raise CandorError(
            "source.setting",
            [
                Problem(
                    f"unknown setting '{key}'",
                    f"[sources.{options.name}.settings]",
                    "",
                    nearest(key, list(known)) if known else "this source has no settings",
                )
                for key in unknown
            ],
        )

"""Names that pages list before the catalogue holds them. Take each out as it arrives."""

from __future__ import annotations

PLANNED = frozenset({"candor_index", "survey_bias"})

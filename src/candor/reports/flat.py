"""Nested plain data as label and text, for tables of data health and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from candor.verdicts import wording


def flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Label and text of every leaf, the way to it in the label."""
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        label = f"{prefix} · {key}" if prefix else str(key)
        if isinstance(item, Mapping):
            rows += flat(item, label)
        elif isinstance(item, (list, tuple)):
            for index, part in enumerate(item, start=1):
                if isinstance(part, Mapping):
                    rest = {k: v for k, v in part.items() if k != "name"}
                    rows += flat(rest, f"{label} · {part.get('name', index)}")
            plain = [str(part) for part in item if not isinstance(part, Mapping)]
            if plain or not item:
                rows.append((label, ", ".join(plain) or wording.NONE))
        else:
            rows.append((label, _plain(item)))
    return rows


def _plain(item: object) -> str:
    if item is None:
        return wording.NONE
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:,.4g}"
    return f"{item:,}".replace(",", wording.THIN) if isinstance(item, int) else str(item)

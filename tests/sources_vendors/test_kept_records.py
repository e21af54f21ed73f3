"""What reading ahead keeps of small files spares work and changes nothing: the long way says the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from candor.sources import markup
from candor.sources.base import SourceOptions
from candor.sources.registry import get
from candor.sources.run import PrivacySettings, read
from candor.sources.shapes import Recent

FIXTURES = Path(__file__).parent / "fixtures"
PRIVACY = PrivacySettings(b"a key for tests ")
SETTINGS: dict[str, dict[str, Any]] = {"mbox": {"own_addresses": ["@shop.example"]}}


def facts(name: str) -> tuple[dict[str, list[str]], Counter[tuple[str, str]]]:
    """Events by type and what was noted, of a connector's own fixtures."""
    options = SourceOptions(
        name, settings=SETTINGS.get(name, {}), observed_at_us=1_790_000_000_000_000
    )
    rows: dict[str, list[str]] = {}
    notes: Counter[tuple[str, str]] = Counter()
    for batch in read(get(name), [FIXTURES / name], options, privacy=PRIVACY, in_child=False):
        notes.update(batch.notes)
        for event, table in batch.tables.items():
            rows.setdefault(event, []).extend(map(repr, table.to_pylist()))
    return {event: sorted(found) for event, found in rows.items()}, notes


@pytest.mark.parametrize("name", ["otel", "langfuse", "posthog", "mbox", "rasa", "chatwoot"])
def test_records_read_anew_mean_what_kept_ones_mean(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = facts(name)
    asked: list[bool] = []
    again = Recent.again

    def watched(self: Recent, path: Path, reader: Any) -> Any:
        asked.append(path in self._kept)
        return again(self, path, reader)

    monkeypatch.setattr(Recent, "again", watched)
    monkeypatch.setattr(Recent.__init__, "__defaults__", (0,))
    assert facts(name) == kept
    assert asked
    assert not any(asked)
    assert sum(map(len, kept[0].values())) > 10


@pytest.mark.parametrize(
    "inner",
    ["", " ", "Hello\nthere", "  two   spaces\t", "Yes.\u00a0No", "On Monday Ann wrote:", "-- x"],
)
def test_one_paragraph_is_read_as_any_html(inner: str) -> None:
    html = f"<p>{inner}</p>"
    assert markup.read(html) == markup.of_html(html)

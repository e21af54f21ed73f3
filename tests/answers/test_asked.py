"""Cells are read once per question, and only those that are new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from candor.answers import Answers
from candor.answers.asked import Asked
from candor.metrics import query
from candor.workspace import Workspace


def test_only_what_is_new_is_read(measured: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[str]] = []
    plain = query.measures

    def counted(engine: Any, metrics: Sequence[Any], **more: Any) -> Any:
        read.append([one.name for one in metrics])
        return plain(engine, metrics, **more)

    with Answers.open(measured.root) as answers:
        monkeypatch.setattr(query, "measures", counted)
        one, two = (answers.catalogue.get(name) for name in ("containment_rate", "handle_time"))
        asked = Asked(answers.engine)
        assert asked.cells([]) == []
        first = asked.cells([one], by=("channel",))
        both = asked.cells([two, one], by=("channel",))
        assert [cell for cell in both if cell.metric == one.name] == first
        assert both == plain(answers.engine, [two, one], by=("channel",))
        assert asked.cells([one], by=("channel",), since=0) != []
    assert read == [[one.name], [two.name], [one.name]]

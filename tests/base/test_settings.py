"""A mistake in candor.toml names file, line and key, and every mistake is reported at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import CandorError
from candor.settings import Settings, load_settings

WRONG = """[workspace]
timezone = "Europe/Berln"
curency = "EUR"

[conversation]
idle_gap = "24x"

[conversation.idle_gap_by_channel]
emial = "3d"

[segments]
stored = ["chanel"]

[sources.desk]
mappng = "x.yaml"
"""


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "candor.toml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(CandorError) as caught:
        load_settings(path)
    told = {
        problem.where.removeprefix(f"{path}:"): str(problem) for problem in caught.value.problems
    }
    assert set(told) == {
        "2: workspace.timezone",
        "3: workspace.curency",
        "6: conversation.idle_gap",
        "8: conversation.idle_gap_by_channel",
        "12: segments.stored",
        "14: sources.desk.connector",
        "15: sources.desk.mappng",
    }
    assert "Europe/Berlin" in told["2: workspace.timezone"]
    assert "did you mean 'currency'?" in told["3: workspace.curency"]
    assert "did you mean 'email'?" in told["8: conversation.idle_gap_by_channel"]
    assert "did you mean 'channel'?" in told["12: segments.stored"]
    assert "did you mean 'mapping'?" in told["15: sources.desk.mappng"]


def test_broken_syntax_and_missing_file_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "candor.toml"
    with pytest.raises(CandorError, match="candor init") as caught:
        load_settings(path)
    assert caught.value.code == "config.missing"
    path.write_text('[workspace\nname = "x"', encoding="utf-8")
    with pytest.raises(CandorError, match="line 1") as caught:
        load_settings(path)
    assert caught.value.code == "config.syntax"


def test_gap_of_a_channel_falls_back_to_the_general_one() -> None:
    section = Settings.model_validate(
        {"conversation": {"idle_gap": "6h", "idle_gap_by_channel": {"email": "3d"}}}
    ).conversation
    assert section.gap_us("email") == 3 * 86_400_000_000
    assert section.gap_us("chat") == 6 * 3_600_000_000
    assert section.gap_us(None) == 6 * 3_600_000_000

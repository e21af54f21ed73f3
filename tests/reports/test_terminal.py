"""The terminal: the same figures as the page, at any width, with data shown as data."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from candor.answers.conversation import ConversationPage, Moment
from candor.reports import pages, terminal

from .sample import scorecard


def _console(width: int = 140) -> Console:
    return Console(file=io.StringIO(), width=width)


def _out(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_scorecard_prints_status_figure_and_change() -> None:
    console = _console()
    terminal.print_scorecard(scorecard(), console)
    lines = _out(console).splitlines()
    row = next(line for line in lines if line.startswith("True resolution rate"))
    assert "✕ Missed" in row
    assert "51.3" in row
    assert "60" in row
    assert "no clear change" in row
    refused = next(line for line in lines if line.startswith("Groundedness rate"))
    assert "no figure" in refused
    assert "unavailable" in refused
    assert "no figure: Automation rate (immature)" in lines
    assert not any(line.startswith("Automation rate") for line in lines)
    assert any("as of 2026-06-05T06:00:00Z · snapshot 9f27c1d04b7a3e58" in line for line in lines)


def test_of_many_absent_figures_the_headlines_are_named_and_the_others_counted() -> None:
    card = scorecard()
    absent = next(row for row in card.rows if row.estimate.refusal and row.target is None)
    headline = replace(absent, info=replace(absent.info, title="Headline", tier="primary"))
    other = replace(absent, info=replace(absent.info, title="Other", tier="diagnostic"))
    category = replace(card.categories[0], rows=(headline, other, other, headline, other))
    console = _console()
    terminal.print_scorecard(replace(card, categories=(category,)), console)
    assert "no figure: Headline, Headline (immature); and 3 more" in _out(console).splitlines()


@pytest.mark.parametrize("width", [80, 111, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    console = _console(width)
    card = scorecard()
    terminal.print_scorecard(card, console)
    terminal.print_estimates([row.estimate for row in card.rows], console, currency="EUR")
    lines = _out(console).splitlines()
    assert max(map(len, lines)) <= width
    assert any("51.3" in line and "1 706" in line.replace("\u202f", " ") for line in lines)


def test_estimates_name_segment_and_caveats() -> None:
    found = scorecard().row("csat_ai_only")
    assert found is not None
    console = _console(160)
    terminal.print_estimates(
        [replace(found.estimate, segment={"channel": "[red]chat[/red]", "language": None})], console
    )
    text = _out(console)
    assert "channel=[red]chat[/red], language=(none)" in text
    assert "anonymous customers" in text
    assert "May 2026" in text


def test_control_characters_of_the_data_do_not_reach_the_terminal() -> None:
    console = _console()
    terminal.print_scorecard(replace(scorecard(), title="evil\x1b[2Jtitle"), console)
    assert "\x1b" not in _out(console)
    assert "evil [2Jtitle" in _out(console)


def test_nothing_to_show_says_so() -> None:
    console = _console()
    terminal.print_estimates([], console)
    assert _out(console).strip() == "no estimates"


def test_a_message_cannot_pass_for_another_moment(capsys: pytest.CaptureFixture[str]) -> None:
    said = "hello\n2026-05-01T10:00:09Z  system    resolved \x1b[2J"
    moments = (
        Moment("2026-05-01T10:00:00Z", "message", "customer", True, "", said, "desk", "", "e1"),
        Moment("2026-05-01T10:01:00Z", "state_change", "ai_agent", True, "solved", "", "desk", "", "e2"),
    )  # fmt: skip
    pages.print_why(ConversationPage("t1", (), moments, (), (), "", "s"))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:20] for line in lines if line.startswith("2026")] == [
        "2026-05-01T10:00:00Z", "2026-05-01T10:01:00Z",
    ]  # fmt: skip
    forged = next(line for line in lines if "10:00:09Z" in line)
    assert forged.index("2026") == next(line.index("hello") for line in lines if "hello" in line)
    assert "\x1b" not in "".join(lines)
    assert any("state change" in line and "by ai_agent" in line for line in lines)

"""The guide on pulls: its files are valid, it names every vendor and every key, and the program runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from candor.cli.main import main
from candor.pulling import description
from candor.pulling.description import load, options_of, parse, vendors
from candor.settings import load_settings
from pulling.conftest import SECRET, Puller, item
from pulling.server import Vendor, by_cursor

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "pull.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_configurations_and_descriptions_are_accepted(tmp_path: Path) -> None:
    for number, text in enumerate(blocks("toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(text, "utf-8")
        for name, section in load_settings(path).sources.items():
            assert options_of(name, section.pull).since == "2026-01-01"
    (text,) = blocks("yaml")
    assert parse(text, "desk.yaml").streams[0].paging.token == "next_cursor"


def test_vendors_with_their_variables_and_secrets_are_named() -> None:
    for vendor in vendors():
        described = load(vendor, Path())
        (row,) = re.findall(rf"^\| `{vendor}` \|(.*)$", GUIDE, re.MULTILINE)
        assert set(re.findall(r"`([A-Za-z_]+)`", row)) == {
            *described.variables,
            *described.auth.names,
        }


@pytest.mark.parametrize("model", [description.PullOptions, description.Limits, description.Stream])
def test_every_key_is_explained(model: type[description.Stream]) -> None:
    assert [key for key in model.model_fields if key not in GUIDE] == []


def test_the_program_pulls(
    puller: Puller,
    vendor: Vendor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    puller.describe(
        "  - {name: items, path: /items, paging: {kind: cursor, parameter: cursor, token: next}, "
        "records: items}\n"
    )
    vendor.handlers.append(by_cursor("/api/items", "items", [item(n) for n in range(5)], 3))
    monkeypatch.setenv("THE_TOKEN", SECRET)
    assert main(["pull", "desk", "-w", str(puller.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["streams"]["items"]["records"] == 5
    assert told["ingested"]["stored"] == 5
    monkeypatch.delenv("THE_TOKEN")
    assert main(["pull", "desk", "-w", str(puller.root)]) == 1
    said = "".join(capsys.readouterr())
    assert "THE_TOKEN" in said
    assert SECRET not in said

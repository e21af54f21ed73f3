"""The exported folder stands alone: its stories are canonical events and its rules fit its schema."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from candor.events import json_schema
from candor.resolution import specification
from candor.resolution.registry import shipped


def test_the_folder_is_complete_and_valid(tmp_path: Path) -> None:
    written = specification.write(tmp_path / "spec")
    names = {path.relative_to(tmp_path / "spec").as_posix() for path in written}
    assert {"README.md", "columns.json", "rule.schema.json", "stories.json"} < names
    assert sum(name.startswith("rules/") for name in names) == len(shipped()) == 16
    stories = json.loads((tmp_path / "spec/stories.json").read_text())["stories"]
    events = Draft202012Validator(json_schema())
    assert [
        e.message for story in stories for one in story["events"] for e in events.iter_errors(one)
    ] == []
    schema = Draft202012Validator(json.loads((tmp_path / "spec/rule.schema.json").read_text()))
    for path in sorted((tmp_path / "spec/rules").iterdir()):
        told = yaml.safe_load(path.read_text())
        shared = {key: value for key, value in told.items() if key != "versions"}
        for version in told["versions"]:
            one = {k: str(v) if k.startswith("valid") else v for k, v in (shared | version).items()}
            assert [error.message for error in schema.iter_errors(one)] == [], path.name


def test_the_note_names_every_verdict(tmp_path: Path) -> None:
    specification.write(tmp_path)
    note = (tmp_path / "README.md").read_text()
    for verdict in ("`R` resolved", "`R*` not_resolved", "`J` needs_judge", "`x` excluded"):
        assert verdict in note

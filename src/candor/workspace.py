"""A workspace: the folder that holds one installation's configuration, lake and published figures.

Knows names of files and folders and the reference data a user maintains there; it opens neither the
lake nor an engine. ``restricted/`` holds keys and raw quarantined bytes and is readable by its
owner only.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from candor.errors import CandorError, Problem, nearest
from candor.settings import Settings, load_settings

REFERENCE_FILES = (
    "intents.yaml", "agents.csv", "rates.yaml", "targets.yaml", "hours.yaml", "experience.yaml",
    "knowledge.jsonl", "experiments.yaml",
)  # fmt: skip
_AGENT_COLUMNS = ("human_agent_id", "team", "started_on", "cost_per_hour", "is_csm")


class Intent(BaseModel):
    """One line of ``intents.yaml``: what a kind of request is, and what policy says of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    intent_id: str = Field(min_length=1)
    name: str = ""
    parent: str | None = None
    is_automatable: bool = True
    risk: Literal["low", "medium", "high"] | None = None
    complexity: Literal["simple", "complex"] | None = None
    kind: Literal["informational", "action"] | None = None
    unit_value: float | None = None
    owner: str = ""
    same_issue_window_days: int | None = Field(default=None, ge=1)


class HumanAgent(BaseModel):
    """One row of ``agents.csv``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    human_agent_id: str = Field(min_length=1)
    team: str | None = None
    started_on: str | None = None
    cost_per_hour: float | None = None
    is_csm: bool | None = None


@dataclass(frozen=True)
class Workspace:
    """Paths and reference data under one root folder."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """The workspace at ``root``; its configuration is read and checked.

        Raises:
            CandorError: the folder is no workspace, or its candor.toml has mistakes.
        """
        workspace = cls(root.resolve())
        _ = workspace.settings
        return workspace

    @classmethod
    def create(cls, root: Path, config: str) -> Workspace:
        """Make the folders and write ``config`` as candor.toml.

        Raises:
            CandorError: ``workspace.exists`` when there is a candor.toml already.
        """
        target = root.resolve()
        if (target / "candor.toml").exists():
            raise CandorError(
                "workspace.exists",
                Problem(
                    "there is a workspace here already", str(target), "", "choose another folder"
                ),
            )
        target.mkdir(parents=True, exist_ok=True)
        for name in ("lake", "serving", "mappings", "metrics"):
            (target / name).mkdir(exist_ok=True)
        (target / "restricted").mkdir(mode=0o700, exist_ok=True)
        (target / "candor.toml").write_text(config, encoding="utf-8")
        return cls.open(target)

    @cached_property
    def settings(self) -> Settings:
        """The checked configuration."""
        return load_settings(self.config_path)

    @property
    def config_path(self) -> Path:
        """``candor.toml``."""
        return self.root / "candor.toml"

    @property
    def serving(self) -> Path:
        """Folder of published read-only files."""
        return self.root / "serving"

    @property
    def restricted(self) -> Path:
        """Folder of keys and raw quarantined bytes, mode 0700."""
        path = self.root / "restricted"
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @property
    def metrics_dir(self) -> Path:
        """Folder of the user's own metric definitions."""
        return self.root / "metrics"

    def reference_hashes(self) -> Mapping[str, str]:
        """SHA-256 of each reference file that exists, by name."""
        return {
            name: hashlib.sha256((self.root / name).read_bytes()).hexdigest()
            for name in REFERENCE_FILES
            if (self.root / name).exists()
        }

    def intents(self) -> tuple[Intent, ...]:
        """The rows of ``intents.yaml``; empty when the file is absent.

        Raises:
            CandorError: ``intents.invalid`` with every mistake.
        """
        path = self.root / "intents.yaml"
        if not path.exists():
            return ()
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        except yaml.YAMLError as error:
            raise CandorError("intents.invalid", Problem(str(error), str(path), "YAML")) from None
        rows = raw.get("intents", raw) if isinstance(raw, dict) else raw
        intents: tuple[Intent, ...] = _checked(path, rows, tuple[Intent, ...], "intents.invalid")
        names = [intent.intent_id for intent in intents]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise CandorError(
                "intents.invalid",
                [Problem(f"intent '{name}' is listed twice", str(path)) for name in repeated],
            )
        return intents

    def human_agents(self) -> tuple[HumanAgent, ...]:
        """The rows of ``agents.csv``; empty when the file is absent.

        Raises:
            CandorError: ``agents.invalid`` with every mistake.
        """
        path = self.root / "agents.csv"
        if not path.exists():
            return ()
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            unknown = [name for name in reader.fieldnames or [] if name not in _AGENT_COLUMNS]
            if unknown or "human_agent_id" not in (reader.fieldnames or []):
                raise CandorError(
                    "agents.invalid",
                    [
                        Problem(
                            f"unknown column '{name}'",
                            f"{path}:1",
                            "",
                            nearest(name, _AGENT_COLUMNS),
                        )
                        for name in unknown
                    ]
                    or Problem("column human_agent_id is missing", f"{path}:1"),
                )
            rows = [{key: value or None for key, value in row.items()} for row in reader]
        agents: tuple[HumanAgent, ...] = _checked(
            path, rows, tuple[HumanAgent, ...], "agents.invalid"
        )
        return agents


def locate(explicit: Path | None) -> Path:
    """The workspace folder: as named, else ``CANDOR_WORKSPACE``, else the current folder."""
    if explicit is not None:
        return explicit
    return Path(os.environ.get("CANDOR_WORKSPACE", "."))


def _checked(path: Path, rows: Any, shape: Any, code: str) -> Any:
    try:
        return TypeAdapter(shape).validate_python(rows)
    except ValidationError as error:
        raise CandorError(
            code,
            [
                Problem(
                    f"{item['msg']} (found {item.get('input')!r})",
                    f"{path}: entry {'.'.join(str(part) for part in item['loc'])}",
                )
                for item in error.errors()
            ],
        ) from None

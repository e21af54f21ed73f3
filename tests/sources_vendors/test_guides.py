"""The guides name settings and notes that exist, and their TOML is a valid configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from candor.settings import load_settings
from candor.sources import (
    ada,
    amazon_connect,
    chatwoot,
    freshdesk,
    intercom,
    langfuse,
    mbox,
    otel,
    posthog,
    rasa,
    salesforce,
    tau2_bench,
    tau_bench,
    transcripts,
    zendesk,
)
from candor.sources.ada import source as ada_source
from candor.sources.amazon_connect import source as amazon_connect_source
from candor.sources.base import SourceOptions
from candor.sources.chatwoot import source as chatwoot_source
from candor.sources.freshdesk import source as freshdesk_source
from candor.sources.intercom import source as intercom_source
from candor.sources.langfuse import source as langfuse_source
from candor.sources.mbox import source as mbox_source
from candor.sources.otel import source as otel_source
from candor.sources.posthog import source as posthog_source
from candor.sources.rasa import source as rasa_source
from candor.sources.registry import get
from candor.sources.salesforce import source as salesforce_source
from candor.sources.transcripts import source as transcripts_source
from candor.sources.zendesk import source as zendesk_source

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
FIXTURES = Path(__file__).parent / "fixtures"
SETTINGS = {
    "langfuse": langfuse_source.SETTINGS,
    "otel": otel_source.SETTINGS,
    "posthog": posthog_source.SETTINGS,
    "salesforce": salesforce_source.SETTINGS,
    "ada": ada_source.SETTINGS,
    "amazon_connect": amazon_connect_source.SETTINGS,
    "chatwoot": chatwoot_source.SETTINGS,
    "freshdesk": freshdesk_source.SETTINGS,
    "transcripts": transcripts_source.SETTINGS,
    "zendesk": zendesk_source.SETTINGS,
    "intercom": intercom_source.SETTINGS,
    "mbox": mbox_source.SETTINGS,
    "rasa": rasa_source.SETTINGS,
    "tau_bench": tau_bench.SETTINGS,
    "tau2_bench": tau2_bench.SETTINGS,
}
# One line a connector: its package, whose code the notes of the guide must stand in.
PACKAGES = {
    "langfuse": langfuse,
    "otel": otel,
    "posthog": posthog,
    "salesforce": salesforce,
    "ada": ada,
    "amazon_connect": amazon_connect,
    "chatwoot": chatwoot,
    "freshdesk": freshdesk,
    "intercom": intercom,
    "mbox": mbox,
    "rasa": rasa,
    "transcripts": transcripts,
    "zendesk": zendesk,
}


def blocks(guide: str, language: str) -> list[str]:
    text = (GUIDES / guide).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("guide", [*(f"{name}.md" for name in PACKAGES), "tau-bench.md"])
def test_configurations_are_accepted(guide: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(guide, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, "utf-8")
        settings = load_settings(path)
        for name, section in settings.sources.items():
            assert set(section.settings) <= set(SETTINGS[section.connector])
            options = SourceOptions(
                name, ai_actor_ids=frozenset(section.ai_actor_ids), settings=section.settings
            )
            assert get(section.connector).files([FIXTURES / section.connector], options)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_note_named_exists(name: str) -> None:
    guide, package = f"{name}.md", PACKAGES[name]
    named = re.findall(r"^\| `([a-z_]+)` \|", (GUIDES / guide).read_text("utf-8"), re.MULTILINE)
    folder = Path(str(package.__file__)).parent
    sources = [*folder.glob("*.py"), *folder.parent.glob("*.py")]
    code = "".join(path.read_text("utf-8") for path in sources)
    assert len(named) >= 5
    assert [name for name in named if f'"{name}"' not in code] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_every_setting_is_explained(name: str) -> None:
    text = (GUIDES / f"{name}.md").read_text("utf-8")
    assert [key for key in SETTINGS[name] if key not in text] == []

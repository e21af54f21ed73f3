"""A document names only what exists: its commands run, its paths are there, its pages are current."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from candor.cli import main as program
from candor.events import reference_markdown
from candor.metrics.registry import load
from candor.sources import registry

from .conftest import run_candor

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if "images" not in path.parts
)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
# `src/…`, `docs/…`, `tests/…` and so on, and files at the top of the repository.
PATH = re.compile(r"`((?:src|docs|tests|examples|benchmarks)/[\w./-]+|[A-Z]+\.md|Makefile)`")
OPTION = re.compile(r"(?<=\s)(--[a-z][a-z-]*|-w)")
EVENTS_PAGE = (
    "python -c \"from candor.events import reference_markdown as page; print(page(), end='')\""
)


def commands(path: Path) -> list[str]:
    """Lines of a document that call the program, in code blocks and between backquotes."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"```(?:console|sh|bash)?\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`(candor [^`\n]+)`", text)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line.strip() for line in (*lines, *inline) if re.match(r"\s*candor [a-z]", line)]


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Options by command."""
    import contextlib
    import io

    found: dict[str, set[str]] = {}

    def look(*command: str) -> list[str]:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            assert program.main([*command, "--help"]) == 0
        text = said.getvalue()
        found[" ".join(command)] = set(re.findall(r"(--[a-z][a-z-]*|(?<=\s)-w\b)", text))
        listed = text.partition("Commands:")[2]
        return re.findall(r"^  ([a-z][a-z-]*)", listed, re.MULTILINE)

    for name in look():
        for inner in look(name):
            look(name, inner)
    return found


@pytest.fixture(scope="module")
def names() -> frozenset[str]:
    """Names of all metrics, those of the examples too."""
    examples = {path.stem for path in (ROOT / "examples" / "metrics").glob("*/*.yaml")}
    return frozenset(metric.name for metric in load(None)) | examples


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist_with_their_options(path: Path, known: dict[str, set[str]]) -> None:
    wrong = []
    for line in commands(path):
        words = shlex.split(line.partition("  #")[0].replace("…", ""), comments=True)[1:]
        name = words[0]
        if f"{name} {words[1] if len(words) > 1 else ''}" in known:
            name = f"{name} {words[1]}"
        if name not in known:
            wrong.append((line, "no such command"))
            continue
        options = set(OPTION.findall(" " + " ".join(words)))
        if name == "ingest" and len(words) > 1 and words[1].islower() and words[1] not in (
            *registry.names(), "desk", "old_desk", "support",
        ):  # fmt: skip
            wrong.append((line, "no such connector"))
        wrong += [(line, option) for option in sorted(options - known[name])]
    assert wrong == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    missing = [
        target for target in LINK.findall(text) if not (path.parent / target.strip()).exists()
    ]
    missing += [target for target in PATH.findall(text) if not (ROOT / target).exists()]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_metrics_named_exist(path: Path, names: frozenset[str]) -> None:
    asked = [
        words[0]
        for line in commands(path)
        if (
            words := [
                w for w in shlex.split(line.partition("  #")[0])[2:] if "_" in w and "=" not in w
            ]
        )
        and line.split()[1] in ("show", "explain")
    ]
    assert [name for name in asked if name not in names] == []


def test_events_page_is_current() -> None:
    page = ROOT / "docs" / "events.md"
    assert page.read_text("utf-8") == reference_markdown(), f"{EVENTS_PAGE} > docs/events.md"


def test_make_targets_named_exist() -> None:
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        target
        for path in DOCUMENTS
        for target in re.findall(r"`?make ([a-z]+)`", path.read_text("utf-8"))
    }
    assert named - made == set()
    assert {"demo", "test"} <= made


# The guide to mapping files is run from its first to its last block.


def test_the_mapping_guide_says_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks named like files are written, `$ ` lines are run, and what stands below is compared."""
    text = (ROOT / "docs" / "guides" / "mapping.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, name, body in re.findall(r"```(\w+)(?: ([\w./-]+))?\n(.*?)```", text, re.DOTALL):
        if name:
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(body, "utf-8")
            continue
        if kind != "console":
            continue
        for step in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            line, _, expected = step.partition("\n")
            words = shlex.split(line)
            assert words[0] == "candor"
            done = run_candor(*words[1:])
            told = (done.out + done.err).replace(f"{tmp_path.resolve()}/", "")
            told = re.sub(r"\(\d+\.\d s\)", "(0.9 s)", told)
            told = re.sub(r"\b[0-9a-f]{32}\b", "8f14e45fceea167a5a36dedd4bea2543", told)
            assert told.strip() == expected.strip(), line
            ran += 1
    assert ran >= 10

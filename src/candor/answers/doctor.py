"""What is wrong or missing in a workspace, and what to connect next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from candor.answers.instrumentation import gaps
from candor.answers.snapshot import Answers
from candor.economics.rates import load_rates
from candor.errors import CandorError
from candor.metrics.registry import load
from candor.verdicts.targets import load_targets
from candor.workspace import Workspace

Level = Literal["ok", "warning", "error"]
_SIGNS = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        level: ok, warning or error.
        what: what was found.
        do: what to do about it; "" when nothing.
    """

    level: Level
    what: str
    do: str = ""

    def line(self) -> str:
        """For people."""
        return f"{_SIGNS[self.level]}  {self.what}" + (f"\n         {self.do}" if self.do else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def doctor(workspace: Workspace | None) -> list[Finding]:
    """Check the workspace, or only the installation when there is none."""
    findings = _definitions(workspace)
    if workspace is None:
        return [*findings, Finding("warning", "no workspace here", "run `candor init DIR`")]
    findings += _references(workspace)
    try:
        answers = Answers(workspace)
    except CandorError as error:
        return findings + [Finding("warning", p.what, p.fix) for p in error.problems]
    with answers:
        return findings + _health(answers) + _next_event(answers)


def _definitions(workspace: Workspace | None) -> list[Finding]:
    try:
        catalogue = load(workspace.metrics_dir if workspace else None)
    except CandorError as error:
        return [Finding("error", str(problem), problem.fix) for problem in error.problems]
    return [Finding("ok", f"{len(catalogue.every)} metric definitions are valid")]


def _references(workspace: Workspace) -> list[Finding]:
    findings = []
    checks: dict[str, Callable[[], object]] = {
        "intents.yaml": workspace.intents,
        "agents.csv": workspace.human_agents,
        "targets.yaml": lambda: load_targets(
            workspace.root / "targets.yaml", list(load(workspace.metrics_dir).names)
        ),
        "rates.yaml": lambda: load_rates(
            workspace.root / "rates.yaml", workspace.settings.workspace.currency
        ),
    }
    advice = {
        "intents.yaml": "without it every engaged conversation counts as automatable",
        "agents.csv": "without it suggestions cannot be read by team or tenure",
        "targets.yaml": "without it no figure has a status",
        "rates.yaml": "without it what is not sent as cost events costs an unknown amount",
    }
    for name, check in checks.items():
        if not (workspace.root / name).exists():
            findings.append(Finding("warning", f"there is no {name}", advice[name]))
            continue
        try:
            check()
            findings.append(Finding("ok", f"{name} is valid"))
        except CandorError as error:
            findings += [Finding("error", str(problem), problem.fix) for problem in error.problems]
    return findings


def _health(answers: Answers) -> list[Finding]:
    health = answers.about["data_health"]
    findings = [
        Finding(
            "ok",
            f"{name} covers {source['covered_from']} to {source['covered_until']}",
        )
        for name, source in health["sources"].items()
    ]
    if health["quarantined"]:
        told = ", ".join(f"{count} {reason}" for reason, count in health["quarantined"].items())
        findings.append(
            Finding("warning", f"quarantined: {told}", "see `candor quarantine list`, mend, replay")
        )
    if health["threads_without_conversation"]:
        findings.append(
            Finding(
                "warning",
                f"{health['threads_without_conversation']} threads have messages but no "
                "conversation event and are in no figure",
                "ingest the file that holds their conversations",
            )
        )
    if health["messages_without_known_actor"]:
        findings.append(
            Finding(
                "warning",
                f"{health['messages_without_known_actor']} of {health['messages']} messages have "
                "no known author",
                "name AI seats under ai_actor_ids in candor.toml",
            )
        )
    findings += [
        Finding("warning", f"unknown value kept raw: {what} ({count})", "extend the value map")
        for what, count in health["unknown_values"].items()
    ]
    return findings


MOST_GAPS = 5


def _next_event(answers: Answers) -> list[Finding]:
    """The events to instrument next: those that would make most metrics available."""
    lacking = answers.reckoner.lacking
    measured = sum(1 for words in lacking.values() if not words)
    findings = [Finding("ok", f"{measured} of {len(lacking)} metrics can be measured on this data")]
    found = gaps(lacking)
    for gap in found[:MOST_GAPS]:
        metrics = gap.unlocks or gap.helps
        shown = ", ".join(metrics[:4]) + (", …" if len(metrics) > 4 else "")
        done = "make" if gap.unlocks else "help to make"
        findings.append(
            Finding(
                "warning",
                f"instrument next: {gap.wanted.sentence}",
                f"would {done} {len(metrics)} available: {shown}",
            )
        )
    if len(found) > MOST_GAPS:
        findings.append(
            Finding("ok", f"{len(found) - MOST_GAPS} smaller gaps: see `candor metrics`")
        )
    return findings

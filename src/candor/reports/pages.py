"""Terminal pages of the catalogue, of one definition and of one conversation.

Texts of conversations are printed as they are stored, with control characters made visible, so
that a message cannot steer the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from candor.answers import CatalogueRow, ConversationPage, DefinitionPage
from candor.answers.conversation import Contact, MetricVerdict, Moment
from candor.answers.ruled import RuleVerdict
from candor.answers.scores import Score
from candor.metrics.derived import Derived
from candor.metrics.describing import Described
from candor.reports.terminal import plain_console

_COLOURS = {"customer": "cyan", "ai_agent": "magenta", "human_agent": "green", "system": "dim"}
_VISIBLE = {number: 0x2400 + number for number in range(32) if chr(number) not in "\n\t"}
_VISIBLE |= {0x7F: 0x2421, **dict.fromkeys(range(128, 160), 65533)}
_ORDER = ("confirmed", "true", "false", "value", "unknown", "excluded", "outside")


def printable(text: str) -> str:
    """The text with control characters replaced by visible ones."""
    return text.translate(_VISIBLE)


def print_catalogue(rows: Sequence[CatalogueRow]) -> None:
    """Metrics by category, with what is missing where a workspace cannot support one."""
    console = plain_console()
    if not rows:
        console.print("no metric matches; `candor metrics` lists all")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("metric", "category", "tier", "question", "on this data"):
        table.add_column(name, overflow="fold", no_wrap=name in ("metric", "category", "tier"))
    for row in sorted(rows, key=lambda row: (row.category, row.metric)):
        next_event = escape(row.instrument)
        state = {
            True: "[green]yes[/]",
            False: f"[yellow]instrument {next_event}[/]",
            None: f"[dim]needs {next_event}[/]" if next_event else "",
        }
        table.add_row(
            row.metric, row.category, row.tier, escape(row.question), state[row.available]
        )
    console.print(table)
    console.print(f"{len(rows)} metrics; `candor explain METRIC` shows one", style="dim")


def print_definition(page: DefinitionPage) -> None:
    """One definition for people, then its SQL and lineage."""
    console = plain_console()
    item = page.definition
    console.print(
        f"[bold]{escape(item.title)}[/]  {item.id}  [dim]{item.category} · {item.tier} · {item.cadence}[/]"
    )
    console.print(f"[italic]{escape(item.question)}[/]\n")
    lines = {**_rule(page), **_about(item)}
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines.items():
        if text:
            table.add_row(name, escape(text))
    if page.available is not None:
        table.add_row(
            "on this data", "can be measured" if page.available else f"needs {page.missing}"
        )
    if page.instrument:
        table.add_row("instrument next" if page.available is False else "needs", page.instrument)
    for sentence in page.restated:
        table.add_row("restated", escape(sentence))
    console.print(table)
    if page.sql:
        console.print("\n[bold]SQL[/]")
        console.print(Text(page.sql))
    console.print("\n[bold]Event fields behind it[/]")
    console.print(Text(", ".join(page.fields)), style="dim")


def _rule(page: DefinitionPage) -> dict[str, str]:
    """How the figure comes about, line by line."""
    item = page.definition
    if isinstance(item, Derived):
        return {
            "reckoned by": f"{item.method}: {page.method}",
            "from": "; ".join(f"{role}: {name}" for role, name in item.inputs.items()),
            "with": "; ".join(f"{name} = {value}" for name, value in item.params.items()),
            "known when": item.confirmation,
        }
    return {
        "counts": f"{item.unit}, where {item.include}",
        "leaves out": "; ".join(f"{reason}: {text}" for reason, text in item.exclude.items()),
        "is true when": item.outcome or "",
        "value": item.value or item.numerator or "",
        "per": item.denominator or "",
        "known when": item.confirmation,
        "unknown when": "; ".join(f"{reason}: {text}" for reason, text in item.unknown.items()),
        "window": item.window or "",
    }


def _about(item: Described) -> dict[str, str]:
    """What to know of it, line by line."""
    return {
        "better": item.better,
        "stage": f"{item.stage.level}: {item.stage.reason}",
        "for": ", ".join(item.audience),
        "also known as": ", ".join(item.also_known_as),
        "guardrails": ", ".join(item.guardrails),
        "related": ", ".join(item.related),
        "caveat": item.caveat,
        "pitfalls": "; ".join(item.pitfalls),
        "owner": item.owner,
        "history": "; ".join(f"v{one.version} {one.date} {one.change}" for one in item.history),
    }


def print_why(page: ConversationPage) -> None:
    """The timeline of a thread and how every metric counted its conversations."""
    console = plain_console()
    console.print(
        f"[bold]Thread {escape(printable(page.thread_id))}[/]  [dim]snapshot {page.snapshot}[/]"
    )
    if page.paradox:
        console.print(f"[bold red]{escape(page.paradox)}[/]")
    console.print()
    # A table, so that further lines of a message stay in its column and cannot pass for moments.
    timeline = Table.grid(padding=(0, 2))
    for _ in range(2):
        timeline.add_column(no_wrap=True)
    timeline.add_column(overflow="fold")
    for moment in page.timeline:
        timeline.add_row(*_moment(moment))
    console.print(timeline)
    for contact in page.contacts:
        _print_contact(console, contact)
    _print_rules(console, page.rules)
    _print_scores(console, page.scores)


def _print_rules(console: Console, rules: Sequence[RuleVerdict]) -> None:
    """The verdict of every vendor's rule, the line behind it and what that line looked at."""
    if not rules:
        return
    resolved = sum(rule.outcome == "resolved" for rule in rules)
    console.print(f"\n[bold]Resolved under {resolved} of {len(rules)} rules[/]")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rule", "says", "because", "on"):
        table.add_column(name, overflow="fold")
    for rule in rules:
        looked = ", ".join(f"{name}={_fact(value)}" for name, value in rule.facts.items())
        table.add_row(
            rule.rule, rule.outcome.replace("_", " "), escape(printable(rule.because)),
            Text(printable(looked), style="dim"),
        )  # fmt: skip
    console.print(table)


def _fact(value: object) -> str:
    if value is None:
        return "-"
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def _print_scores(console: Console, scores: Sequence[Score]) -> None:
    if not scores:
        return
    console.print("\n[bold]Scores and their evidence[/]")
    for score in scores:
        verdict = score.verdict or f"abstained ({score.reason})"
        line = Text(f"{score.criterion:<20} {printable(verdict):<10} ")
        line.append(printable(f"{score.assessor} {score.version}"), style="dim")
        console.print(line)
        for item in score.evidence:
            console.print(Text(f"    {printable(item.line())}", style="dim"))


def _moment(moment: Moment) -> tuple[Text, Text, Text]:
    """When, who or what, and what was said or done."""
    said = Text()
    if moment.kind == "message":
        what = Text(moment.actor or "unknown", style=_COLOURS.get(moment.actor, ""))
        said.append(printable(moment.text) + ("" if moment.is_public else " (not public)"))
    else:
        what = Text(moment.kind.replace("_", " "), style="bold yellow")
        said.append(printable(moment.detail))
        if moment.actor:
            said.append(f"  by {moment.actor}", style="dim")
        if moment.text:
            said.append(f"  {printable(moment.text)}")
    return Text(moment.at, style="dim"), what, said


def _print_contact(console: Console, contact: Contact) -> None:
    until = contact.ended_at or "still open"
    console.print(f"\n[bold]{escape(contact.conversation_id)}[/]  {contact.started_at} to {until}")
    facts = ", ".join(f"{name}={value}" for name, value in contact.facts.items())
    console.print(Text(facts, style="dim"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("metric", "counted as", "because"):
        table.add_column(name, overflow="fold")
    counted = [verdict for verdict in contact.verdicts if verdict.state != "outside"]
    ordered = sorted(counted, key=lambda one: (_ORDER.index(one.state), one.metric))
    # A metric of messages says something of each: equal sayings are told once, with their number.
    alike = Counter((one.metric, _state(one), one.reason) for one in ordered)
    for (metric, state, reason), count in alike.items():
        times = f" × {count}" if count > 1 else ""
        table.add_row(metric, f"{state}{times}", escape(printable(reason)))
    console.print(table)
    outside = len(contact.verdicts) - len(counted)
    console.print(f"{outside} metrics do not concern it", style="dim")


def _state(verdict: MetricVerdict) -> str:
    if verdict.state == "value" and verdict.value is not None:
        return f"{verdict.value:g}"
    return {"confirmed": "true (confirmed)", "unknown": "not known", "excluded": "left out"}.get(
        verdict.state, verdict.state
    )

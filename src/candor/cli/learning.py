"""Commands for what the AI does not know yet, and how sure it may be: topics, confidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from candor.cli import output
from candor.cli.building import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from candor.reviewing.confidence import Confidence
    from candor.reviewing.gaps import Stored
    from candor.reviewing.topics import Topic, Topics

_REFUSALS = {
    "no_questions": "no contact has a question with text",
    "too_few_questions": "too few questions to group (50 at least, that differ)",
}


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(topics)
    app.command()(confidence)


def topics(
    examples: Annotated[
        Path | None, typer.Option(help="Texts of the known intents: CSV or JSON Lines, text and intent.")
    ] = None,
    embeddings: Annotated[
        Path | None, typer.Option(help="Your vectors: Parquet, conversation_id and embedding.")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Write verdicts and gaps; candor measure counts them.")
    ] = False,
    dismiss: Annotated[str, typer.Option(help="Say that this open gap is none.")] = "",
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Show redacted questions of each topic.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """What customers ask about, where the AI does not help, what is new, and what to write next."""
    from candor import pipeline
    from candor.reviewing import gaps
    from candor.reviewing.topics import find_topics

    opened = pipeline.open_workspace(workspace)
    if dismiss:
        as_of_us = pipeline.published_until(opened)
        gone = gaps.dismiss(opened, dismiss, as_of_us)
        if json:
            output.print_json({"dismissed": gone.gap_id})
        else:
            output.say(f"dismissed {gone.gap_id}")
        return
    with output.progress("topics"):
        found = find_topics(opened, examples=examples, embeddings=embeddings)
        stored = gaps.store(opened, found) if store else None
    if json:
        told = found.as_dict()
        if with_text:
            for one, topic in zip(told["topics"], found.topics, strict=True):
                one["questions"] = list(topic.questions)
        told["stored"] = None if stored is None else stored.as_dict(found.as_of_us)
        output.print_json(told)
        return
    _print_topics(found, with_text=with_text)
    if stored is not None:
        _print_stored(stored, found.as_of_us)


def confidence(
    cost_wrong: Annotated[
        float | None, typer.Option(help="Cost of a contact that the AI keeps and fails.")
    ] = None,
    cost_handover: Annotated[
        float | None, typer.Option(help="Cost of handing one over; from rates.yaml without.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Whether the AI is right when it says it is sure, and below which confidence it should hand over."""
    from candor import pipeline
    from candor.reviewing.confidence import confidence as look

    found = look(
        pipeline.open_workspace(workspace), cost_wrong=cost_wrong, cost_handover=cost_handover
    )
    if json:
        output.print_json(found.as_dict())
    else:
        _print_confidence(found)


def _print_confidence(found: Confidence) -> None:
    told = found.reliability
    units = sum(one.count for one in told.curve)
    output.show(
        f"{units:,} answers of {found.customers:,} customers; left out: {found.handed_over:,} handed"
        f" over, {found.undecided:,} not decided"
    )
    if told.brier.point is None:
        output.show(f"Brier score: none ({told.brier.refusal})")
    else:
        output.show(
            f"Brier score {told.brier.point:.4f} ({told.brier.low:.4f} to {told.brier.high:.4f});"
            f" always saying {told.base_rate:.1%} has {told.climatology:.4f};"
            f" calibration error {told.expected_error:.4f}"
        )
    for step in told.curve:
        output.show(
            f"    says {step.low:.1f}–{step.high:.1f}: {step.count:>6,} answers, mean"
            f" {step.confidence:.3f}, came true {step.came_true:.3f}"
        )
    advice = found.advice
    if advice is None:
        lacking = " and ".join(
            name
            for name, cost in (("--cost-wrong", found.cost_wrong),
                               ("--cost-handover (or rates.yaml)", found.cost_handover))
            if cost is None
        )  # fmt: skip
        output.show(f"no threshold: give {lacking}")
        return
    output.show(
        f"a failure costs {found.cost_wrong:.2f} {found.currency}, a handover"
        f" {found.cost_handover:.2f} ({found.handover_from})"
    )
    at = advice.threshold
    if at.point is None:
        output.show(f"no threshold ({at.refusal})")
        return
    output.show(
        f"hand over below {at.point:.2f} ({at.low:.2f} to {at.high:.2f}): {advice.handed_over:.1%} of"
        " the answers"
    )
    saved = advice.saving
    if saved.point is None:
        output.show(f"what it saves cannot be told ({saved.refusal})")
        return
    verdict = "it pays" if advice.pays else "not shown to pay: keep to that rule"
    output.show(
        f"saves {saved.point:.2f} ({saved.low:.2f} to {saved.high:.2f}) {found.currency} a contact"
        f" against {advice.constant} handing over; {verdict}"
    )


def _print_topics(found: Topics, *, with_text: bool) -> None:
    grouped = len(found.contacts) - found.alone - found.silent
    output.show(
        f"{len(found.contacts):,} contacts = {grouped:,} in {len(found.topics)} topics"
        f" + {found.alone:,} in none + {found.silent:,} that ask nothing"
    )
    if found.refusal:
        output.show(f"no topics: {_REFUSALS[found.refusal]}")
    upper = ""
    for one in sorted(found.topics, key=lambda t: (t.parent, -t.contacts, t.topic)):
        if one.parent != upper:
            upper = one.parent
            output.show(output.printable(f"{upper}  {', '.join(one.parent_terms[:5])}"))
        _print_topic(one, with_text=with_text)
    if found.known is not None:
        known = found.known
        novel = sum(g.is_novel is True for g in found.guesses.values())
        left = "not told" if known.found is None else f"{known.found:.1%} found"
        output.show(
            f"novel intents: {novel:,} of {len(found.guesses):,}; on {known.checked:,} unseen examples"
            f" {known.kept:.1%} kept, {known.accuracy:.1%} kept and right; intents left out: {left}"
        )
    elif found.training is not None:
        output.show("novel intents: too few examples (50 at least, of 3 intents, 3 of each)")
    else:
        output.show("novel intents: not looked for; give --examples")
    if found.training is not None:
        quality = found.training
        share = "–" if quality.usable_share is None else f"{quality.usable_share:.1%}"
        even = "–" if quality.evenness is None else f"{quality.evenness:.2f}"
        output.show(
            f"training examples: {quality.examples:,}, {share} usable ({quality.empty:,} empty,"
            f" {quality.repeated:,} repeated, {quality.contradictory:,} contradictory);"
            f" {len(quality.thin)} of {quality.intents} intents thin; evenness {even}"
        )
        for said, taken, times in quality.wrong[:3]:
            output.show(output.printable(f"  {said} taken for {taken}: {times:,}"))
    for number, step in enumerate(found.suggestions()[:10], start=1):
        what = {"revise_article": f"revise {step['article']}", "write_article": "write an article",
                "add_intent": "add an intent"}[step["kind"]]  # fmt: skip
        output.show(
            output.printable(
                f"{number}. {what}: {', '.join(step['terms'][:5])} ({step['topic']}, about"
                f" {step['would_help']:,} contacts)"
            )
        )


def _print_topic(one: Topic, *, with_text: bool) -> None:
    if one.share is None or one.low is None or one.high is None:
        helped = "AI took no part"
    else:
        helped = f"not helped {one.share:.0%} ({one.low:.0%}–{one.high:.0%}) of {one.answered:,}"
    state = {True: "  GAP", False: "", None: "  too few to tell"}[one.is_gap]
    new = "  new" if one.is_new else ""
    output.show(
        output.printable(
            f"  {one.topic:<5} {one.contacts:>6,}  {', '.join(one.terms[:5]):<48} {helped}{state}{new}"
        )
    )
    if with_text:
        for question in one.questions:
            output.show(output.printable(f"          “{' '.join(question.split())[:140]}”"))


def _print_stored(stored: Stored, as_of_us: int) -> None:
    from candor.reviewing.gaps import age_days

    output.say(
        f"stored {stored.knowledge_gap:,} verdicts of knowledge_gap, {stored.novel_intent:,} of"
        f" novel_intent; {len(stored.opened)} gaps opened, {len(stored.resolved)} resolved"
    )
    for gap in stored.gaps:
        output.show(
            output.printable(
                f"{gap.gap_id:<12} {gap.status:<10} {age_days(gap, as_of_us):>6.1f} days"
                f"  {len(gap.thread_ids):>5,} threads  {gap.topic}"
            )
        )
    output.say("next: candor measure; a change of the knowledge with closes_gap_id mends a gap")

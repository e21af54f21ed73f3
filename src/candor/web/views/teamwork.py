"""Pages about how the AI and people work: handoffs, drop-off, assist, releases, fairness."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from markupsafe import Markup

from candor.access.permissions import Permission
from candor.answers import Answers, Period, experimenting, teamwork
from candor.answers.teamwork import figures
from candor.estimates.estimate import Estimate, Refusal
from candor.reports import assemble, experiments_page
from candor.reports import teamwork as pages
from candor.reports.document import Block, Section, Table
from candor.verdicts import wording
from candor.web import visible
from candor.web.render import fragment
from candor.web.view import Look, Shown, View
from candor.web.views.metric import bars
from candor.web.views.scorecard import period_of, steps_of
from candor.web.views.written import written

_HANDOFF = (
    "escalation_rate", "escalation_accuracy", "missed_escalation_rate", "appropriate_escalation_rate",
    "escalation_failure_rate", "proactive_escalation_share", "handoff_quality", "ping_pong_rate",
    "transfer_chain_rate",
)  # fmt: skip
_TIMING = (
    "escalation_turn", "escalation_delay", "handoff_wait_time", "post_handoff_resolution_time",
    "direct_human_resolution_time", "post_handoff_vs_direct",
)  # fmt: skip
_ASSIST = (
    "assisted_share", "guidance_acceptance_rate", "guidance_edit_rate", "guidance_outcome_lift",
    "agent_productivity_lift", "assisted_vs_unassisted_csat", "ai_assisted_resolution_rate",
)  # fmt: skip

_DROP_OFF = ("drop_off_by_turn", "abandonment_rate")
EVERYTHING = Period("all", None, None)
LINKS = {
    "Handoffs": "/handoffs", "Drop-off": "/drop-off", "Assist": "/assist", "Releases": "/releases",
    "Experiments": "/experiments", "Fairness": "/fairness",
}  # fmt: skip


ASKED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (_HANDOFF, ()), (_TIMING, ()), (("context_preservation_rate",), ()),
    (("context_preservation_rate",), ("reason",)), (("handoff_wait_time",), ("channel",)),
    (_DROP_OFF, ()), (_DROP_OFF[:1], ("turn",)), (_DROP_OFF[:1], ("turn", "intent_id")),
    (_ASSIST, ()), (("ai_assisted_threshold_curve",), ()),
)  # fmt: skip
"""What these pages ask of a period: metrics, and by which dimensions."""


def question(
    names: Sequence[str], by: tuple[str, ...], period: Period
) -> tuple[Hashable, Callable[[Answers], list[Estimate]]]:
    """The question for figures of a page, and what it is known by."""
    return ("figures", tuple(names), by, period), partial(
        figures, names=tuple(names), period=period, by=by
    )


def _figures(
    look: Look, names: Sequence[str], period: Period, by: tuple[str, ...] = ()
) -> list[Estimate]:
    return look.desk.need(*question(names, by, period))


def _titles(look: Look) -> dict[str, str]:
    return {item.name: item.title for item in look.answers.catalogue.every}


def _sees_few(look: Look) -> bool:
    return look.actor.may(Permission.SMALL_CELLS)


def _by(look: Look, name: str, by: tuple[str, ...], period: Period) -> list[Estimate]:
    """The cells of one breakdown, small ones without figures where they are not for this actor."""
    found = _figures(look, [name], period, by)
    first: dict[tuple[str | None, ...], Estimate] = {}
    for one in found:
        if one.segment:
            first.setdefault(tuple(one.segment.get(each) for each in by), one)
    return list(visible.breakdown(list(first.values()), look.actor))


def _above(look: Look, period: Period) -> Markup:
    """The choice of the period."""
    return fragment(
        "period_form.html.j2", look=look, asked=look.asked, period=period,
        steps=steps_of(look, period),
    )  # fmt: skip


def _shown(
    look: Look, heading: str, period: Period | None, summary: Sequence[str],
    sections: Sequence[Section], data: dict[str, Any], used: Sequence[Estimate], above: Markup | str = "", drawn: Markup | str = "",
) -> Shown:  # fmt: skip
    words = "all data" if period is None else period.words
    document = pages.page(
        heading.lower(), look.answers.workspace.settings.workspace.name, words, summary, sections,
        assemble.colophon(look.answers, [one.definition for one in used]),
    )  # fmt: skip
    return written(
        look, heading, document, {"period": words, **data}, above=above, drawn=drawn, links=LINKS
    )


def _tenure(taken: Sequence[teamwork.Taken], table: Table) -> list[dict[str, Any]]:
    """Plain rows of the table that was shown: what it hides is hidden here too."""
    return [
        {"tenure": one.tenure, "hidden": True} if row[-1] == pages.FEW
        else {"tenure": one.tenure, "suggestions": one.units, "point": one.found.point,
              "low": one.found.low, "high": one.found.high}
        for one, row in zip(taken, table.rows, strict=True)
    ]  # fmt: skip


def handoffs(look: Look) -> Shown:
    """Handoffs: needed and made, in time, with what was known, and how long after."""
    period, titles = period_of(look.answers, look.asked), _titles(look)
    matrix = teamwork.handoff_matrix(look.answers, period)
    table = pages.matrix(matrix, hides_few=not _sees_few(look))
    judged, timed = (_figures(look, names, period) for names in (_HANDOFF, _TIMING))
    kept = _figures(look, ["context_preservation_rate"], period)
    reasons = _by(look, "context_preservation_rate", ("reason",), period)
    waits = _by(look, "handoff_wait_time", ("channel",), period)
    accuracy = next(one for one in judged if one.metric == "escalation_accuracy")

    def named(value: Any) -> str:
        return str(value or "(not known)").replace("_", " ")

    sections = [
        Section("matrix", "Needed and made", (table, pages.figures("How well it is decided", judged, titles)),
                "Whether a person was needed comes from labels, else from the policy of the intent."),
        Section("timing", "In time", (pages.figures("Times", timed, titles),
                pages.groups("Wait by channel", waits, "channel", named))),
        Section("context", "What went with the customer",
                (pages.figures("Context kept", kept, titles),
                 pages.groups("Context kept by reason", reasons, "reason", named))),
    ]  # fmt: skip
    summary = [pages.said(accuracy, "How often the AI decides rightly whether a person is needed"),
               pages.said(kept[0], "How often what was known went with the customer")]  # fmt: skip
    data = {
        "matrix": list(map(list, table.rows)),
        "figures": [one.as_row() for one in (*judged, *timed, *kept)],
        "by_reason": [one.as_row() for one in reasons],
        "wait_by_channel": [one.as_row() for one in waits],
    }
    return _shown(look, "Handoffs", period, summary, sections, data, [*judged, *timed, *kept],
                  _above(look, period))  # fmt: skip


def drop_off(look: Look) -> Shown:
    """Where customers leave: by turn, and by turn and intent."""
    period = period_of(look.answers, look.asked)
    whole = _figures(look, _DROP_OFF, period)
    turns = pages.in_turn(_by(look, "drop_off_by_turn", ("turn",), period))
    both = _by(look, "drop_off_by_turn", ("turn", "intent_id"), period)
    blocks: list[Block] = [pages.figures("Altogether", whole, _titles(look))]
    if (table := pages.turns(both)) is not None:
        blocks.append(table)
    known = [one for one in turns if one.point is not None]
    worst = max(known, key=lambda one: one.point or 0.0, default=None)
    summary = [pages.said(whole[0], "Customers leave after a turn of the AI")]
    if worst is not None:
        summary.append(
            pages.said(worst, f"Most leave after turn {int(worst.segment['turn'] or 0)}")
        )
    data = {"figures": [one.as_row() for one in whole], "by_turn": [one.as_row() for one in turns],
            "by_turn_and_intent": [one.as_row() for one in both]}  # fmt: skip
    drawn = fragment(
        "breakdown.html.j2", bars=bars(tuple(turns), "turn"), by="turn", currency="",
        title="Share that left, by turn of the AI",
    )  # fmt: skip
    section = Section("intents", "By turn and intent", tuple(blocks))
    return _shown(
        look, "Drop-off", period, summary, [section], data, whole, _above(look, period), drawn
    )


def assist(look: Look) -> Shown:
    """Help for people: suggestions by tenure, and how much counts as help."""
    period = period_of(look.answers, look.asked)
    found = _figures(look, _ASSIST, period)
    taken = teamwork.by_tenure(look.answers, period)
    table = pages.tenure(taken, hides_few=not _sees_few(look))
    curve = _figures(look, ["ai_assisted_threshold_curve"], period)[0]
    drawn = pages.curve(curve)
    sections = [
        Section("tenure", "Suggestions by tenure", (table,) if taken else ()),
        Section("rate", "AI-assisted rate", (drawn,) if drawn else (),
                "The rate depends on how much of the AI's work must have been kept."),
        Section("figures", "What help brings", (pages.figures("Figures", found, _titles(look)),),
                "People choose where they take help: differences are adjusted, not shown to be caused."),
    ]  # fmt: skip
    people = []
    if look.actor.may(Permission.AGENTS):
        people = _by(look, "ai_assisted_resolution_rate", ("csm_id",), period)
        by_person = pages.groups("AI-assisted rate by customer success manager", people, "csm_id",
                                 lambda value: f"{value[:10]}…" if value else "(not known)")  # fmt: skip
        if people:
            sections.insert(2, Section("people", "By customer success manager", (by_person,)))
    rate = next(one for one in found if one.metric == "guidance_acceptance_rate")
    data = {
        "figures": [one.as_row() for one in found], "tenure": _tenure(taken, table),
        "curve": curve.as_row(), "by_csm": [one.as_row() for one in people],
    }  # fmt: skip
    return _shown(look, "Assist", period, [pages.said(rate, "Suggestions people used")], sections,
                  data, [*found, curve], _above(look, period))  # fmt: skip


def releases(look: Look) -> Shown:
    """Each release against the one before it."""
    period = period_of(look.answers, look.asked)
    whole = look.desk.need(("releases", period), partial(teamwork.releases, period=period))
    found = replace(
        whole,
        contrasts=tuple(one for one in whole.contrasts if visible.may_see(one.unit, look.actor)),
        findings=visible.findings(whole.findings, look.actor),
    )
    count = len(found.findings)
    plural = "" if count == 1 else "s"
    summary = [
        f"{count} finding{plural} in {len(found.contrasts)} comparisons of {len(found.releases)} releases.",
        "What coincides with a release is not shown to be caused by it.",
    ]
    sections = [Section("releases", "Releases", tuple(pages.releases(found)))]
    data = {
        "releases": [{"release": one.name, "since": one.since} for one in found.releases],
        "findings": [one.as_dict() for one in found.findings],
        "comparisons": [
            {
                "release": (one.place or ("", ""))[1],
                "metric": one.metric,
                "against": one.against,
                "difference": [one.found.point, one.found.low, one.found.high],
                "units": one.units,
            }
            for one in found.contrasts
        ],
    }
    return _shown(look, "Releases", period, summary, sections, data, (), _above(look, period))


def experiments(look: Look) -> Shown:
    """Every experiment with its arms, differences and verdict."""
    found = tuple(
        _without_money(one, look)
        for one in look.desk.need("experiments", experimenting.experiments)
    )
    return _shown(
        look, "Experiments", None, experiments_page.summary(found),
        experiments_page.sections(found, hides_few=not _sees_few(look)),
        {"experiments": [_counted(one.as_dict(), look) for one in found]}, (),
    )  # fmt: skip


def _without_money(one: experimenting.Experiment, look: Look) -> experimenting.Experiment:
    """The experiment without the figures that are not for this actor, and without what is said of them."""
    hidden = {
        line.metric for against in one.treatments for line in against.lines
        if not visible.may_see(line.unit, look.actor)
    }  # fmt: skip
    if not hidden:
        return one
    return replace(
        one,
        treatments=tuple(
            replace(
                against,
                lines=tuple(line for line in against.lines if line.metric not in hidden),
                decision=against.decision if isinstance(against.decision, Refusal) else replace(
                    against.decision,
                    failing=tuple(text for text in against.decision.failing
                                  if text.split(" ")[0] not in hidden),
                    superior=tuple(n for n in against.decision.superior if n not in hidden),
                ),
            )
            for against in one.treatments
        ),
    )  # fmt: skip


def _counted(plain: dict[str, Any], look: Look) -> dict[str, Any]:
    """Counts of few units are hidden as on the page."""
    if _sees_few(look):
        return plain
    units = {
        arm: None if 0 < count < experiments_page.FEWEST else count
        for arm, count in plain["units"].items()
    }
    return {**plain, "units": units}


def fairness(look: Look) -> Shown:
    """Gaps between groups of customers."""
    found = _figures(look, ["fairness_gap"], EVERYTHING)[0]
    greatest = (found.detail or {}).get("greatest")
    summary = [
        "No gap found is not fairness: the smallest gap that would have shown stands beside each."
    ]
    if found.point is not None and greatest:
        summary.insert(0, (
            f"The widest gap: {greatest['attribute'].replace('_', ' ')} {greatest['group']} against "
            f"{greatest['reference']}, {wording.with_interval(found)} after {greatest['comparisons']} comparisons."
        ))  # fmt: skip
    else:
        summary.insert(0, f"There is no gap to tell yet: {pages.reason(found)}.")
    return _shown(look, "Fairness", None, summary, pages.fairness(found, _titles(look)),
                  {"gap": found.as_row(), "detail": dict(found.detail or {})}, [found])  # fmt: skip


def _view(name: str, path: str, make: Any, summary: str, *params: str) -> View:
    return View(name, path, make, params=params, summary=summary, is_document=True)


ALL = (
    _view("handoffs", "/handoffs", handoffs,
          "Handoffs needed and made, their timing, context kept, time after", "grain", "until"),
    _view("drop_off", "/drop-off", drop_off, "Where customers leave, by turn and intent",
          "grain", "until"),
    _view("assist", "/assist", assist, "Suggestions by tenure, AI-assisted rate by threshold",
          "grain", "until"),
    _view("releases", "/releases", releases, "Each release against the one before it",
          "grain", "until"),
    _view("experiments", "/experiments", experiments,
          "Arms of every experiment, differences with their intervals, and whether it may ship"),
    _view("fairness", "/fairness", fairness, "Gaps between groups of customers, small ones hidden"),
)  # fmt: skip

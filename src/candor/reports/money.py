"""Money as a document: what service costs and brings, a scenario, and the portfolio of intents.

Words and tables only; every figure comes from ``answers``. A figure that was refused is shown with
its reason, and a component that nobody priced is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from candor.answers.scenario import WhatIf
from candor.economics.what_if import Limits
from candor.estimates.estimate import Estimate
from candor.reports.document import (
    Block,
    Bullets,
    Cards,
    Cell,
    Colophon,
    Column,
    Document,
    Paragraph,
    Range,
    Section,
    Table,
    Value,
)
from candor.verdicts import wording
from candor.verdicts.scorecard import MetricRow, Scorecard

SHOWN = (
    "cost_to_serve", "cost_per_resolution", "tco", "cost_savings", "roi", "payback_days",
    "cost_of_failure", "capacity_unlocked",
)  # fmt: skip
_PATHS = {"ai_only": "AI alone", "hybrid": "AI, then people", "human_only": "people alone"}
_NUMBER = (Column("Value", True), Column("Interval", True))


def economics(card: Scorecard, found: WhatIf, colophon: Colophon, *, title: str) -> Document:
    """The page of money.

    Args:
        card: the scorecard whose figures about money are shown.
        found: the scenario shown with it.
        colophon: where it comes from.
        title: name of the workspace.
    """
    rows = [row for name in SHOWN if (row := card.row(name)) is not None]
    sections = [
        Section("figures", "What it costs and brings", (Cards(tuple(rows), card.currency),))
    ]
    parts = tuple(_parts(card))
    if parts:
        sections.append(Section("parts", "What a resolution is made of", parts))
    told = "One thing changes; everything else stays as it was measured. No forecast."
    scenario = Section("what-if", "What if", tuple(_scenario(found, card.currency)), told)
    # Whoever asked for a scenario sees it first.
    sections.insert(len(sections) if found.changed.is_nothing else 0, scenario)
    freed = tuple(_freed(card))
    if freed:
        sections.append(Section("freed", "Freed hours", freed))
    missing = tuple(_missing(rows))
    if missing:
        sections.append(Section("missing", "What cannot be said", (Bullets(missing),)))
    return Document(
        "economics", title, card.period, tuple(_summary(card)), tuple(sections), colophon
    )


def _summary(card: Scorecard) -> Iterator[str]:
    cost = card.row("cost_per_resolution")
    if cost is not None and cost.estimate.point is not None:
        yield (
            f"One true resolution costs {wording.with_interval(cost.estimate, card.currency)}, "
            "everything included."
        )
    else:
        yield "What one true resolution costs cannot be said yet."
    saved = card.row("cost_savings")
    if saved is not None and saved.estimate.point is not None:
        e = saved.estimate
        way = "less" if (e.point or 0) >= 0 else "more"
        low, high = sorted((abs(e.low or 0), abs(e.high or 0)))
        size = wording.figure(abs(e.point or 0), "money", card.currency)
        if (e.low or 0) < 0 < (e.high or 0):
            yield "Whether the AI saves money is not settled: the interval holds both signs."
        else:
            yield (
                f"The same conversations cost {size} {way} than before the AI "
                f"({wording.interval(low, high, 'money', card.currency)})."
            )


def _detail(card: Scorecard, name: str) -> Mapping[str, Any]:
    row = card.row(name)
    if row is None or row.estimate.detail is None or row.estimate.point is None:
        return {}
    return row.estimate.detail


def _parts(card: Scorecard) -> Iterator[Block]:
    by_path = _detail(card, "cost_per_resolution").get("by_path", {})
    if by_path:
        names = list(next(iter(by_path.values())))
        columns = (
            Column("Path"),
            *(Column(one.capitalize(), True) for one in names),
            Column("All", True),
        )
        yield Table(
            "All-in cost by path and component", columns,
            tuple(
                (_PATHS.get(path, path), *(_money(parts[one], card) for one in names),
                 _money(sum(parts.values()), card))
                for path, parts in by_path.items()
            ),
        )  # fmt: skip
        bounds = _detail(card, "cost_per_resolution")
        yield Table(
            "Cost of one resolution, by what counts as one", (Column("Counted"), Column("Cost", True)),
            tuple(
                (words, _money(bounds.get(name), card))
                for name, words in (("confirmed_only", "confirmed by a system or a customer only"),
                                    ("every_unknown_resolved", "every unknown one taken as resolved"))
            ),
        )  # fmt: skip
    owned = _detail(card, "tco")
    if owned:
        yield Table(
            "Owning the AI",
            (Column("Component"), Column("Cost", True)),
            tuple((name.replace("_", " "), _money(amount, card)) for name, amount in owned.items()),
        )
    mix = _detail(card, "cost_savings")
    if mix:
        costs, then = mix["cost_of_a_conversation"], mix["baseline_conversations"]
        yield Table(
            "One conversation, and how many there were",
            (Column("Path"), Column("Cost of one", True), Column("Now", True),
             Column("Before the AI", True)),
            tuple(
                (_PATHS.get(path, path), _money(costs.get(path), card),
                 mix["conversations"].get(path, 0), then.get(path, 0))
                for path in _PATHS
            ),
        )  # fmt: skip


def _money(amount: float | None, card: Scorecard) -> Value:
    return Value(amount, "money", card.currency)


def _freed(card: Scorecard) -> Iterator[Block]:
    found = _detail(card, "capacity_unlocked")
    hours = found.get("hours_by_intent", {})
    if hours:
        ranked = sorted(hours.items(), key=lambda item: (-item[1], item[0]))
        yield Table(
            "Hours people did not need, by intent",
            (Column("Intent"), Column("Time", True)),
            tuple((name, Value(one * 3600, "seconds")) for name, one in ranked),
        )
    went = found.get("hours_went_to", {})
    if went:
        yield Table(
            "Where they went, as rates.yaml says",
            (Column("To"), Column("Time", True)),
            tuple((name, Value(one * 3600, "seconds")) for name, one in went.items()),
        )


def _scenario(found: WhatIf, currency: str) -> Iterator[Block]:
    changed = found.changed
    if changed.is_nothing:
        yield Paragraph("Nothing is changed yet: this is how it stands today.")
    rows: list[tuple[Cell, ...]] = []

    def add(words: str, now: float | None, then: Limits | float | None, unit: str) -> None:
        limits = then if isinstance(then, tuple) else None
        point = then[0] if isinstance(then, tuple) else then
        rows.append(
            (words, Value(now, unit, currency), Value(point, unit, currency),
             Range(limits[1], limits[2], unit, currency) if limits else "")
        )  # fmt: skip

    scenario, money = found.scenario, found.bill
    if found.share is not None and scenario is not None:
        add("Containment quality", found.share[0], scenario.share, "share")
        add("More true resolutions", 0.0, scenario.resolutions, "count")
        if scenario.cost is not None:
            add("Saved by them, at the cost of a human conversation", 0.0, scenario.cost, "money")
        if scenario.capacity is not None:
            add("Human time freed by them", 0.0, scenario.capacity, "seconds")
    if money is not None:
        then = found.price if changed.price is None else changed.price
        add("Price of a charged resolution", found.price, then, "money")
        add("Fees for resolutions", money.fees_now, money.fees_then, "money")
        add(
            "People and usage, which grow with the volume",
            money.handling_now,
            money.handling_then,
            "money",
        )
    if found.net is not None:
        add("Left in the period, all together", 0.0, found.net, "money")
    if rows:
        columns = (
            Column("What"),
            Column("Today", True),
            Column("Then", True),
            Column("Interval", True),
        )
        yield Table(f"{found.period}, as it is and as it would be", columns, tuple(rows))
    if found.missing:
        yield Bullets(tuple(f"{one[:1].upper()}{one[1:]}." for one in found.missing))


def what_if(found: WhatIf, colophon: Colophon, *, title: str, currency: str) -> Document:
    """A scenario alone."""
    section = Section("what-if", "What if", tuple(_scenario(found, currency)))
    told = "One thing changes; everything else stays as it was measured. No forecast."
    return Document("what if", title, found.period, (told,), (section,), colophon)


def _missing(rows: Sequence[MetricRow]) -> Iterator[str]:
    for row in rows:
        e = row.estimate
        if e.point is None:
            yield f"{row.info.title}: {e.missing or str(e.refusal).replace('_', ' ')}."


def intents(
    found: Estimate, colophon: Colophon, *, title: str, period: str, currency: str
) -> Document:
    """The portfolio of intents.

    Args:
        found: the estimate of ``intent_portfolio`` with its rows.
        colophon: where it comes from.
        title: name of the workspace.
        period: in words.
        currency: of the workspace.
    """
    listed = portfolio_rows(found)
    summary = ["There is no intent to rank yet." if not listed else _best(listed, found, currency)]
    columns = (
        Column("Intent"), Column("Conversations", True), Column("Value of one", True),
        Column("AI score", True), Column("Interval", True),
        Column("Automated of all", True), Column("Headroom", True), Column("Interval", True),
        Column("Policy"), Column("Note"),
    )  # fmt: skip
    table = Table(
        "Every intent, most promising first", columns,
        tuple(_intent(row, currency) for row in listed),
    )  # fmt: skip
    told = (
        "Rank is volume × value × AI score, the share truly resolved where the AI took part; headroom is what more the AI would resolve if it "
        "took part everywhere at its score. Where the policy forbids automation there is none."
    )
    section = Section("portfolio", "Portfolio", (table,), told)
    return Document(
        "intents", title, period, tuple(summary), (section,) if listed else (), colophon
    )


def portfolio_rows(found: Estimate) -> list[Mapping[str, Any]]:
    """Rows of the portfolio, best first."""
    rows: list[Mapping[str, Any]] = list((found.detail or {}).get("intents", []))
    return rows


def _best(rows: Sequence[Mapping[str, Any]], found: Estimate, currency: str) -> str:
    told = f"{len(rows)} intents."
    if rows[0]["rank"] is not None:
        told += f" The most promising is {rows[0]['intent']}."
    if found.point is not None:
        told += f" All headroom together is worth {wording.with_interval(found, currency)}."
    return told


def _intent(row: Mapping[str, Any], currency: str) -> tuple[Cell, ...]:
    score, head = row["automation_score"] or {}, row["headroom_money"] or {}
    policy = "allowed" if row["is_automatable"] else "forbidden"
    if row["risk"]:
        policy += f", {row['risk']} risk"
    return (
        str(row["intent"]), int(row["conversations"]), Value(row["value"], "money", currency),
        Value(score.get("point"), "share"), Range(score.get("low"), score.get("high"), "share"),
        Value(row["automated"], "share"), Value(head.get("point"), "money", currency),
        Range(head.get("low"), head.get("high"), "money", currency), policy,
        str(row["reason"]).replace("_", " "),
    )  # fmt: skip

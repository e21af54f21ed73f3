"""The comparison of rules, and an audited bill, as documents.

Words only: every figure comes from ``resolution`` and ``answers``. A rate is never shown without the
share that its rule does not decide.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from candor.answers.resolution import TRUTH, BillAnswer, Difference, RulesAnswer
from candor.estimates.estimate import Reckoning, Refusal
from candor.reports.document import (
    Bullets,
    Cell,
    Colophon,
    Column,
    Document,
    Mark,
    Paragraph,
    Range,
    Section,
    Table,
    Tone,
    Value,
)
from candor.resolution import registry
from candor.resolution.comparison import Pair, Rate, furthest
from candor.verdicts import wording

_STATUS_TONE: dict[str, Tone] = {
    "accepted": "good",
    "disputed": "bad",
    "rework": "amber",
    "unverifiable": "grey",
}
_STATUS_WORDS = {
    "accepted": "owed, and the evidence does not contradict it",
    "disputed": "arithmetic or scope is wrong, or the rule refuses it",
    "rework": "owed under the rule, yet it did not hold: an argument for the next contract",
    "unverifiable": "cannot be decided; what would decide it is named",
}
_REASONS = {
    "immature": "window still open", "silent": "the rule's text does not say",
    "fact_missing": "a fact is missing",
}  # fmt: skip
_LOST = {
    "not_resolved": "refused", "undetermined": "not known", "needs_judge": "needs a judge",
}  # fmt: skip
_MOST_LINES = 200


def comparison(found: RulesAnswer, colophon: Colophon, *, title: str, period: str) -> Document:
    """Every rule beside every other, the ladder, and why conversations differ."""
    rates = _ordered(found.comparison.rates)
    rules = [rate for rate in rates if rate.about]
    decided = [r for r in rules if r.decided.point is not None]
    summary = [
        f"{len(rules)} definitions of “resolved” on the same {found.comparison.conversations:,} threads."
    ]
    if len(decided) > 1:
        low = min(decided, key=lambda r: r.decided.point or 0)
        high = max(decided, key=lambda r: r.decided.point or 0)
        summary.insert(
            0,
            f"The same conversations are {_share(low.decided.point)} resolved under {low.title} and"
            f" {_share(high.decided.point)} under {high.title}.",
        )
    truth = next((rate for rate in rates if rate.name == TRUTH), None)
    if truth is not None and truth.decided.point is not None:
        summary.append(
            f"candor finds {_share(truth.decided.point)} truly resolved among those whose outcome is known."
        )
    return Document(
        kind="comparison of rules", title=title, period=period, summary=tuple(summary),
        sections=(
            _rates_section(rates), _ladder_section(found), _agreement_section(found),
            *_differences_section(found), *_stories_section(found), _texts_section(rules),
        ),
        colophon=colophon,
    )  # fmt: skip


def _ordered(rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """A user's own rule first, then by what is resolved; what no rule decides stands last."""
    shipped = registry.current()

    def place(rate: Rate) -> tuple[bool, bool, bool, float]:
        own = bool(rate.about) and rate.name not in shipped
        return (
            not own, not rate.about, rate.decided.refusal is not None, -(rate.decided.point or 0.0)
        )  # fmt: skip

    return tuple(sorted(rates, key=place))


def _rates_section(rates: tuple[Rate, ...]) -> Section:
    rows = tuple(
        (
            rate.title, rate.counted, _decided(rate), _range(rate.decided),
            Range(rate.lower, rate.upper, "share"), rate.undetermined, rate.needs_judge,
            Value(rate.assumed, "share"),
        )
        for rate in rates
    )  # fmt: skip
    columns = (
        Column("rule"), Column("counted", True), Column("resolved", True), Column("95 % interval", True),
        Column("bounds", True), Column("not decided", True), Column("needs a judge", True),
        Column("rests on our reading", True),
    )  # fmt: skip
    reasons: tuple[tuple[Cell, ...], ...] = tuple(
        (rate.title, *(rate.reasons.get(reason, 0) for reason in _REASONS))
        for rate in rates
        if rate.reasons
    )
    blocks: list[Table | Paragraph] = [
        Table("Resolved under each rule", columns, rows),
        Paragraph(
            "“Resolved” is the share among conversations the rule decides; the bounds count every other one"
            " as not resolved, then as resolved. A rule that leaves more to a judge than it decides has no"
            " share of its own."
        ),
    ]
    if reasons:
        heads = (Column("rule"), *(Column(words, True) for words in _REASONS.values()))
        blocks.append(Table("Why conversations are not decided", heads, reasons, folded=True))
    return Section(
        "rules", "Rule by rule", tuple(blocks),
        "Every rule runs on every conversation, as if it were in force there.",
    )  # fmt: skip


def _ladder_section(found: RulesAnswer) -> Section:
    steps = found.comparison.steps
    rows = tuple(
        (
            f"{step.title} (beside the ladder)" if step.is_beside else step.title, step.proved.resolved, _value(step.proved.decided), _range(step.proved.decided),
            Range(step.proved.lower, step.proved.upper, "share"),
            wording.NONE if step.is_beside else step.dropped, step.alone.resolved,
            step.alone.undetermined + step.alone.needs_judge,
        )
        for step in steps
    )  # fmt: skip
    columns = (
        Column("rung"), Column("proved up to here", True), Column("of the decided", True),
        Column("95 % interval", True), Column("bounds", True), Column("drop out here", True),
        Column("by itself", True), Column("not known", True),
    )  # fmt: skip
    lost: tuple[tuple[Cell, ...], ...] = tuple(
        (step.title, *(_some(found.dropouts[step.name], says) for says in _LOST))
        for step in steps
        if step.dropped
    )
    blocks = [Table("From closed to confirmed", columns, rows)]
    if lost:
        heads = (Column("rung"), *(Column(words) for words in _LOST.values()))
        blocks.append(Table("Some of the conversations that drop out", heads, lost, folded=True))
    return Section(
        "ladder", "Evidence ladder", tuple(blocks),
        "Each rung asks for stronger evidence than the one before; what is proved never rises.",
    )  # fmt: skip


def _some(cases: list[dict[str, str]], says: str) -> str:
    return ", ".join(c["conversation"] for c in cases if c["says"] == says) or wording.NONE


def _agreement_section(found: RulesAnswer) -> Section:
    names = [rate.name for rate in _ordered(found.comparison.rates)]
    titles = {rate.name: rate.title for rate in found.comparison.rates}
    head = (Column("rule"), *(Column(str(n), True) for n in range(1, len(names) + 1)))
    pairs = {frozenset((pair.first, pair.second)): pair for pair in found.comparison.pairs}

    def matrix(cell: Callable[[Pair], Cell]) -> tuple[tuple[Cell, ...], ...]:
        return tuple(
            (
                f"{number} {titles[name]}",
                *(
                    wording.NONE if other == name else cell(pairs[frozenset((name, other))])
                    for other in names
                ),
            )
            for number, name in enumerate(names, start=1)
        )

    said = {rate.name for rate in found.comparison.rates if rate.decided.refusal is None}
    apart = furthest(found.comparison.pairs, said, 12)
    return Section(
        "agreement", "Who agrees with whom",
        (
            Table(
                "Of 100 conversations both decide, on how many they agree", head,
                matrix(lambda pair: _of_hundred(pair.agreed)),
            ),
            Table(
                "Agreement beyond chance, in hundredths: 100 is perfect, 0 is what guessing gives",
                head, matrix(lambda pair: _hundredths(pair.ac1)), folded=True,
            ),
            Table("Furthest apart", _PAIR_COLUMNS, tuple(_pair(p, titles) for p in apart)),
        ),
        "Agreement beyond chance is Gwet's AC1; the difference is paired, on the same conversations.",
    )  # fmt: skip


def _of_hundred(share: float | None) -> Cell:
    """A share as a count of a hundred; 100 and 0 are said of all and none only."""
    if share is None:
        return wording.NONE
    return int(share) * 100 if share in (0, 1) else min(max(round(100 * share), 1), 99)


def _hundredths(value: float | None) -> Cell:
    return wording.NONE if value is None else round(100 * value)


_PAIR_COLUMNS = (
    Column("rule"), Column("against"), Column("both decide", True), Column("agree", True),
    Column("beyond chance", True), Column("only the first", True), Column("only the second", True),
    Column("difference", True), Column("95 % interval", True),
)  # fmt: skip


def _pair(pair: Pair, titles: dict[str, str]) -> tuple[Cell, ...]:
    found = pair.difference
    return (
        titles[pair.first], titles[pair.second], pair.both, Value(pair.agreed, "share"),
        Value(pair.ac1, "score"), pair.only_first, pair.only_second,
        Value(found.point, "points", signed=True), Range(found.low, found.high, "points"),
    )  # fmt: skip


def _differences_section(found: RulesAnswer) -> tuple[Section, ...]:
    tables = tuple(
        _difference(one, found) for one in found.differences if one.only_first or one.only_second
    )
    if not tables:
        return ()
    intro = (
        "Conversations on which two rules differ, with the line of each that decided. Any two:"
        " candor compare-rules --only RULE --only RULE --cases 1000."
    )
    return (Section("why", "Why they differ", tables, intro),)


def _difference(one: Difference, found: RulesAnswer) -> Table:
    titles = {rate.name: rate.title for rate in found.comparison.rates}
    first, second = titles[one.first], titles[one.second]
    pair = found.comparison.pair(one.first, one.second)
    counts = {pair.first: pair.only_first, pair.second: pair.only_second}
    rows = tuple(
        (case["conversation"], resolved, case["first"], case["second"])
        for resolved, cases in (("the first", one.only_first), ("the second", one.only_second))
        for case in cases
    )
    return Table(
        f"{first} against {second}: {counts[one.first]:,} resolved under the first only,"
        f" {counts[one.second]:,} under the second only",
        (Column("conversation"), Column("resolved under"), Column(first), Column(second)),
        rows, folded=True,
    )  # fmt: skip


def _stories_section(found: RulesAnswer) -> tuple[Section, ...]:
    """A user's own rule on the stories that tell rules apart."""
    if not found.stories:
        return ()
    own, others = found.judged.rules[0], list(found.stories[0].others)
    titles = {name: rule.title for name, rule in registry.current().items()}
    # Verdicts are as short as figures, and stand as narrow.
    numbers = (Column(str(n), True) for n in range(1, len(others) + 1))
    head = (Column("story"), Column("yours", True), *numbers)
    verdicts = tuple(
        (one.title, one.verdict, *(one.others[name] for name in others)) for one in found.stories
    )
    return (
        Section(
            "stories", "Your rule on fourteen stories",
            (
                Table(f"{own.title} beside the vendors' rules", head, verdicts),
                Bullets(tuple(f"{n} {titles[name]}" for n, name in enumerate(others, start=1))),
                Table(
                    "The line of yours that decided",
                    (Column("story"), Column("verdict"), Column("because")),
                    tuple((one.title, one.verdict, one.words) for one in found.stories),
                ),
            ),
            "R resolved · N not resolved · R* billed without a resolution · N? not resolved by a reading of"
            " ours · J needs a judge · ? the text does not say · R/N depends on a missing fact · x not counted.",
        ),
    )  # fmt: skip


def _texts_section(rules: list[Rate]) -> Section:
    rows = tuple(
        (
            rate.title, str(rate.about["denominator"]), str(rate.about["evaluate_at"]),
            _validity(rate), rate.about["revocation"] or wording.NONE,
            rate.about["unverified"] or wording.NONE,
        )
        for rate in rules
    )  # fmt: skip
    columns = tuple(
        Column(name) for name in (
            "rule", "who is counted", "evaluated at", "in use", "taken back by", "not verified",
        )
    )  # fmt: skip
    none = ", ".join(registry.NONE_PUBLISHED)
    return Section(
        "texts", "What the rules say",
        (
            Table("Definitions", columns, rows, folded=True),
            Paragraph(f"No public rule was found for {none}; ask for theirs in writing."),
        ),
    )  # fmt: skip


def _validity(rate: Rate) -> str:
    start, end = rate.about["valid_from"], rate.about["valid_to"]
    if start is None and end is None:
        return "not stated"
    return f"{start or 'unknown'} to {end or 'now'}"


def bill(found: BillAnswer, colophon: Colophon, *, title: str) -> Document:
    """An audited invoice: what is owed, what can be asked back, what nobody can check."""
    audit = found.audit
    recoverable = audit.recoverable()
    summary = [
        f"{_money(low)} {currency} of {_money(found.invoice.total[currency])} {currency} can be asked back"
        + (
            f"; up to {_money(high)} {currency} if our readings of the text are accepted."
            if high > low
            else "."
        )
        for currency, (low, high) in recoverable.items()
    ]
    summary.append(f"Held against {audit.rule.title}, version {audit.rule.text.version}.")
    rows: list[tuple[Cell, ...]] = []
    for currency, sums in audit.amounts().items():
        for status, amount in sums.items():
            lines = sum(
                one.status == status and one.line.currency == currency for one in audit.findings
            )
            if lines or len(recoverable) == 1:
                rows.append(
                    (
                        Mark(status, _STATUS_TONE[status]), lines, f"{_money(amount)} {currency}",
                        _STATUS_WORDS[status],
                    )
                )  # fmt: skip
    columns = (
        Column("status"),
        Column("lines", True),
        Column("amount", True),
        Column("what it means"),
    )
    sections = (
        Section(
            "statuses", "What became of the lines",
            (
                Table("Every line has one status; the amounts sum to the invoice", columns, tuple(rows)),
                _reasons(found),
            ),
        ),
        _lines_section(found), _other_section(found),
    )  # fmt: skip
    return Document(
        kind="bill audit", title=title, period=f"invoice of {len(found.invoice.lines):,} lines",
        summary=tuple(summary), sections=sections, colophon=colophon,
    )  # fmt: skip


def _reasons(found: BillAnswer) -> Table:
    rows = tuple(
        (Mark(status, _STATUS_TONE[status]), reason.replace("_", " "), count)
        for status, reasons in found.audit.counts().items()
        for reason, count in reasons.items()
    )
    return Table("Why", (Column("status"), Column("reason"), Column("lines", True)), rows)


def _lines_section(found: BillAnswer) -> Section:
    order = {"disputed": 0, "unverifiable": 1, "rework": 2, "accepted": 3}
    listed = sorted(found.audit.findings, key=lambda f: (order[f.status], f.is_assumed, f.line.row))
    rows = tuple(
        (
            f"{one.line.invoice_id} / {one.line.line}", one.line.thread_id or wording.NONE,
            f"{_money(one.line.amount)} {one.line.currency}",
            Mark(one.status + (" (to be released by a person)" if one.is_assumed else ""), _STATUS_TONE[one.status]),
            one.words,
        )
        for one in listed[:_MOST_LINES]
    )  # fmt: skip
    columns = (
        Column("line"),
        Column("thread"),
        Column("amount", True),
        Column("status"),
        Column("because"),
    )
    blocks: list[Table | Paragraph] = [Table("Lines", columns, rows)]
    if len(listed) > _MOST_LINES:
        rest = len(listed) - _MOST_LINES
        blocks.append(Paragraph(f"{rest:,} more lines stand in the dispute file and in the JSON."))
    return Section("lines", "Line by line", tuple(blocks))


def _other_section(found: BillAnswer) -> Section:
    audit = found.audit
    price = ", ".join(f"{_money(p)} {c}" for c, p in found.unit_price.items()) or wording.NONE
    claimed = (
        f"{audit.claimed:,} conversations of the period are claimed as billable; recomputed, the rule"
        f" bills {audit.recomputed:,}."
    )
    rows = tuple(
        (cost.title, cost.billed, cost.undecided, _at_price(cost.billed, found))
        for cost in found.costs
    )
    columns = (
        Column("rule"), Column("would bill", True), Column("not decided", True), Column("at this price", True),
    )  # fmt: skip
    return Section(
        "other", "The other direction",
        (
            Bullets(
                (
                    claimed,
                    f"{len(audit.never_invoiced):,} conversations that the rule bills stand on no line.",
                    f"{found.invoice.repeated:,} rows repeat a line and are not counted again."
                    if found.invoice.repeated != 1
                    else "1 row repeats a line and is not counted again.",
                )
            ),
            Table(f"The same conversations under other definitions, at {price} each", columns, rows),
        ),
    )  # fmt: skip


def _at_price(count: int, found: BillAnswer) -> str:
    return (
        ", ".join(f"{_money(p * count)} {c}" for c, p in found.unit_price.items()) or wording.NONE
    )


def _decided(rate: Rate) -> Cell:
    if rate.decided.refusal is Refusal.UNLABELLED:
        return Mark("needs a judge", "grey")
    return _value(rate.decided)


def _value(found: Reckoning) -> Cell:
    if found.refusal is not None:
        return Mark(str(found.refusal).replace("_", " "), "grey")
    return Value(found.point, "share")


def _range(found: Reckoning) -> Cell:
    return Range(found.low, found.high, "share")


def _share(number: float | None) -> str:
    return wording.figure(number, "share")


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}".replace(",", wording.THIN)

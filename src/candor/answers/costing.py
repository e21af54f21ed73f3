"""What the published facts hold about money in one period: the books that cost arithmetic reads.

Reads only; every price and every rule of sharing is in ``candor.economics``. A filter that cost
events do not carry (anything but path, channel and intent) is refused, not ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from candor.answers.derived import Ask
from candor.answers.period import Period
from candor.economics.costs import PATHS, Books, Costed, Fee, Work, all_in
from candor.economics.rates import Rates, load_rates
from candor.window import to_day

_SERVED = "not is_test and not is_spam and path <> 'none'"


@dataclass(frozen=True)
class Costing:
    """The books of one question and what they come to."""

    books: Books
    rates: Rates | None
    costed: Costed

    @property
    def days(self) -> int:
        """Length of the period in days."""
        return self.books.until - self.books.since

    def per_conversation(self) -> dict[str, float]:
        """All-in cost of one conversation on each path that had any."""
        return {
            path: float(self.costed.total((path,)) / self.books.conversations[path])
            for path in PATHS
            if self.books.conversations.get(path)
        }

    def parts(self) -> dict[str, dict[str, float]]:
        """Components by path, for readers."""
        return {
            path: {name: float(amount) for name, amount in self.costed.parts[path].items()}
            for path in PATHS
        }


def rates_of(ask: Ask) -> Rates | None:
    """The workspace's price list; None when there is none."""
    workspace = ask.reckoner.answers.workspace
    return load_rates(workspace.root / "rates.yaml", workspace.settings.workspace.currency)


def go_live(ask: Ask) -> int | None:
    """First day on which the AI answered: as rates.yaml says, else as the data do."""
    rates = rates_of(ask)
    if rates is not None and rates.go_live is not None:
        return to_day(rates.go_live)
    first = ask.rows(
        "select min(day) from conversation"
        " where ai_involved and not is_synthetic_time and not is_test"
    )[0][0]
    return None if first is None else int(first)


def bounded(ask: Ask, period: Period) -> Period | None:
    """The period with both ends; None when the data hold no conversation."""
    if period.since is not None and period.until is not None:
        return period
    bounds = ask.reckoner.bounds
    if bounds is None:
        return None
    since = bounds[0] if period.since is None else period.since
    until = bounds[1] if period.until is None else period.until
    return replace(period, since=since, until=until) if since < until else None


def baseline_of(ask: Ask) -> Period | None:
    """The past before AI: as rates.yaml says, else as candor.toml or the first month do."""
    rates = rates_of(ask)
    if rates is not None and rates.baseline is not None:
        return Period("all", to_day(rates.baseline.since), to_day(rates.baseline.until))
    return ask.baseline()


def costing(ask: Ask, *, period: Period | None = None) -> Costing | None:
    """Everything spent in a period on the conversations asked about; None without any.

    Args:
        ask: the question; its filters may name path, channel and intent_id.
        period: another one than asked about.
    """
    chosen = bounded(ask, period or ask.period)
    if chosen is None or chosen.since is None or chosen.until is None:
        return None
    scope = ask.scope("conversation", period=chosen)
    selected = _conversations(ask, scope)
    if not sum(selected.values()):
        return None
    span = f"day >= {int(chosen.since)} and day < {int(chosen.until)}"
    recorded, uncounted, foreign = _recorded(ask, ask.scope("spend", period=chosen))
    lumps, foreign_lumps = _lumps(ask, span)
    claimed, fees, foreign_claims = _claims(ask, ask.scope("claim", period=chosen))
    books = Books(
        since=chosen.since, until=chosen.until,
        conversations=selected, everybody=_conversations(ask, span),
        recorded=recorded, uncounted=uncounted,
        work=_work(ask, ask.scope("human_contact", period=chosen)),
        claimed=claimed, fees=fees, lumps=lumps,
        foreign=(*foreign, *foreign_lumps, *foreign_claims),
    )  # fmt: skip
    rates = rates_of(ask)
    return Costing(books, rates, all_in(books, rates))


def _conversations(ask: Ask, scope: str) -> dict[str, int]:
    rows = ask.rows(
        "select path, count(*) from conversation"
        f" where {scope} and {_SERVED} group by path order by path"
    )
    return {str(path): int(count) for path, count in rows}


def _recorded(
    ask: Ask, scope: str
) -> tuple[dict[tuple[str, str], Decimal], dict[tuple[str, str], Decimal], list[str]]:
    rows = ask.rows(
        "select path, kind, unit, in_currency, currency, sum(amount), sum(unpriced_millionths)"
        f" from spend where {scope} and has_thread and path in ('ai_only', 'hybrid', 'human_only')"
        " and kind <> 'human_minutes'"
        " group by path, kind, unit, in_currency, currency order by path, kind, unit, currency"
    )
    recorded: dict[tuple[str, str], Decimal] = {}
    uncounted: dict[tuple[str, str], Decimal] = {}
    foreign = []
    for path, kind, unit, is_ours, currency, amount, unpriced in rows:
        if not is_ours and amount:
            foreign.append(str(currency))
        elif amount:
            recorded[path, kind] = recorded.get((path, kind), Decimal(0)) + amount
        if unpriced:
            key = (str(path), str(unit))
            uncounted[key] = uncounted.get(key, Decimal(0)) + Decimal(unpriced) / 1_000_000
    return recorded, uncounted, foreign


def _lumps(ask: Ask, span: str) -> tuple[dict[str, Decimal], list[str]]:
    rows = ask.rows(
        "select kind, in_currency, currency, sum(amount) from spend"
        f" where {span} and not has_thread"
        " group by kind, in_currency, currency order by kind, currency"
    )
    lumps = {str(kind): amount for kind, is_ours, _, amount in rows if is_ours}
    return lumps, [str(currency) for _, is_ours, currency, amount in rows if not is_ours and amount]


def _claims(ask: Ask, scope: str) -> tuple[Mapping[str, Decimal], tuple[Fee, ...], list[str]]:
    rows = ask.rows(
        "select path, claimant, day, amount is not null, in_currency, currency, count(*), sum(amount)"
        f" from claim where {scope} and is_billable and path in ('ai_only', 'hybrid', 'human_only')"
        " group by path, claimant, day, amount is not null, in_currency, currency"
        " order by path, claimant, day, currency"
    )
    claimed: dict[str, Decimal] = {}
    fees, foreign = [], []
    for path, claimant, day, has_amount, is_ours, currency, count, amount in rows:
        if not has_amount:
            fees.append(Fee(str(path), str(claimant), int(day), int(count)))
        elif not is_ours:
            foreign.append(str(currency))
        else:
            claimed[str(path)] = claimed.get(str(path), Decimal(0)) + amount
    return claimed, tuple(fees), foreign


def _work(ask: Ask, scope: str) -> tuple[Work, ...]:
    rows = ask.rows(
        "select path, team, hourly_cost, count(*),"
        " coalesce(sum(case when human_amount > 0 then human_amount end), 0),"
        " count(case when human_amount > 0 then 1 end),"
        " coalesce(sum(case when not human_amount > 0 then human_minutes end), 0),"
        " count(case when not human_amount > 0 then 1 end),"
        " coalesce(sum(case when human_minutes is null then handle_us end), 0),"
        " count(case when human_minutes is null then handle_us end)"
        f" from human_contact where {scope} and not is_test and not is_spam"
        " and path in ('hybrid', 'human_only')"
        " group by path, team, hourly_cost order by path, team, hourly_cost"
    )
    return tuple(
        Work(
            str(path), team, hourly, int(contacts), Decimal(paid), int(paid_contacts),
            Decimal(minutes), int(minute_contacts), int(handled_us), int(handled_contacts),
        )
        for path, team, hourly, contacts, paid, paid_contacts, minutes, minute_contacts, handled_us,
        handled_contacts in rows
    )  # fmt: skip

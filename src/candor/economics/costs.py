"""All-in cost of conversations by path: what was recorded, what rates price, what is shared out.

Everything is exact (fractions of the currency unit) until it is published. What is recorded stands;
rates price only what is not. A component whose price nobody gave is named as missing and makes the
whole unknown. Fixed costs are shared out by conversations: those of the AI over the conversations it
took part in, those of people over theirs, the rest over all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from candor.economics.rates import BEARERS, Bearer, Rates
from candor.window import period_end, period_start, to_date, to_day

PATHS = ("ai_only", "hybrid", "human_only")
CARRIES: Mapping[Bearer, tuple[str, ...]] = {
    "ai": ("ai_only", "hybrid"), "human": ("hybrid", "human_only"), "all": PATHS,
}  # fmt: skip
KNOWN_SHARE = Fraction(95, 100)
"""Share of human contacts whose cost must be known; the others then cost as much on average."""
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """Work of human agents of one path, team and price.

    Attributes:
        path: of the conversations.
        team, cost_per_hour: of agents.csv; None unknown.
        contacts: conversations with a human agent.
        paid: recorded amounts of their minutes.
        paid_contacts: how many have one.
        minutes: recorded minutes that have no amount.
        minute_contacts: how many have them.
        handled_us: spans from first to last message where no minutes are recorded, microseconds.
        handled_contacts: how many have one.
    """

    path: str
    team: str | None
    cost_per_hour: Decimal | None
    contacts: int
    paid: Decimal = Decimal(0)
    paid_contacts: int = 0
    minutes: Decimal = Decimal(0)
    minute_contacts: int = 0
    handled_us: int = 0
    handled_contacts: int = 0


@dataclass(frozen=True, slots=True)
class Fee:
    """Billable claims of one claimant and path on one day that carry no amount of their own."""

    path: str
    claimant: str
    day: int
    claims: int


@dataclass(frozen=True)
class Books:
    """What the data hold about one period and selection.

    Attributes:
        since, until: reporting days, end excluded.
        conversations: by path, those selected.
        everybody: by path, all of the period: what fixed costs are shared out over.
        recorded: (path, kind) to amounts of cost events with a thread; minutes of people left out.
        uncounted: (path, unit) to quantities that were recorded without an amount.
        work: of human agents.
        claimed: by path, amounts that claims themselves carry.
        fees: claims to be priced.
        lumps: kind to amounts of cost events without a thread, of everybody.
        foreign: currencies of amounts that cannot be added.
    """

    since: int
    until: int
    conversations: Mapping[str, int]
    everybody: Mapping[str, int]
    recorded: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    uncounted: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    work: Sequence[Work] = ()
    claimed: Mapping[str, Decimal] = field(default_factory=dict)
    fees: Sequence[Fee] = ()
    lumps: Mapping[str, Decimal] = field(default_factory=dict)
    foreign: Sequence[str] = ()


@dataclass(frozen=True)
class Costed:
    """All-in cost of a selection.

    Attributes:
        parts: path to component to money: usage, fees, human, fixed.
        missing: what is not known, in words; then nothing may be published.
        implementation: part of the fixed costs that was paid once.
    """

    parts: Mapping[str, Mapping[str, Fraction]]
    missing: tuple[str, ...]
    implementation: Fraction = Fraction(0)

    def total(self, paths: Iterable[str] = PATHS) -> Fraction:
        """Cost of some paths."""
        return sum((sum(self.parts[path].values(), Fraction(0)) for path in paths), Fraction(0))

    def component(self, name: str) -> Fraction:
        """Cost of one component over all paths."""
        return sum((self.parts[path][name] for path in PATHS), Fraction(0))


def all_in(books: Books, rates: Rates | None) -> Costed:
    """Cost of every path with all its components.

    Args:
        books: what the data hold.
        rates: the price list; None when there is none.
    """
    prices = rates or Rates()
    missing = [f"amounts in {one} cannot be added" for one in sorted(set(books.foreign))]
    if rates is None and not books.lumps:
        missing.append("licences: rates.yaml, or cost events of kind platform_licence")
    usage = _usage(books, prices, missing)
    fees = _fees(books, prices, missing)
    human = _human(books, prices, missing)
    fixed = {bearer: Fraction(0) for bearer in CARRIES}
    for kind, amount in books.lumps.items():
        fixed[prices.bearer(kind)] += Fraction(amount)
    once = implementation(prices, books.since, books.until)
    for bearer, price in licences(prices, books.since, books.until).items():
        fixed[bearer] += price + once[bearer]
    parts = {
        path: {"usage": usage[path], "fees": fees[path], "human": human[path],
               "fixed": _share(books, fixed, path)}
        for path in PATHS
    }  # fmt: skip
    paid_once = sum((_share(books, once, path) for path in PATHS), Fraction(0))
    recorded_once = books.lumps.get("implementation")
    if recorded_once is not None:
        carried = {bearer: Fraction(0) for bearer in CARRIES}
        carried[prices.bearer("implementation")] = Fraction(recorded_once)
        paid_once += sum((_share(books, carried, path) for path in PATHS), Fraction(0))
    return Costed(parts, tuple(missing), paid_once)


def licences(rates: Rates, since: int, until: int) -> dict[Bearer, Fraction]:
    """Recurring prices of a stretch of reporting days, by the days of each month, quarter, year."""
    found: dict[Bearer, Fraction] = {bearer: Fraction(0) for bearer in CARRIES}
    for one in rates.licences:
        first = since if one.since is None else max(since, to_day(one.since))
        last = until if one.until is None else min(until, to_day(one.until))
        for start, end in _periods(one.every, first, last):
            days = min(end, last) - max(start, first)
            found[one.bearer] += Fraction(one.amount) * Fraction(days, end - start)
    return found


def implementation(rates: Rates, since: int, until: int) -> dict[Bearer, Fraction]:
    """Share of prices paid once that falls into a stretch of days, spread evenly by the day."""
    found: dict[Bearer, Fraction] = {bearer: Fraction(0) for bearer in CARRIES}
    for one in rates.implementation:
        start = to_day(one.since)
        end = start
        for _ in range(one.months):
            end = _same_day_next_month(end, to_date(start).day)
        days = min(end, until) - max(start, since)
        if days > 0:
            found[one.bearer] += Fraction(one.amount) * Fraction(days, end - start)
    return found


def _usage(books: Books, rates: Rates, missing: list[str]) -> dict[str, Fraction]:
    prices = {one.unit: Fraction(one.price) / one.per for one in rates.usage}
    found = dict.fromkeys(PATHS, Fraction(0))
    for (path, _), amount in books.recorded.items():
        found[path] += Fraction(amount)
    for (path, unit), quantity in books.uncounted.items():
        if not quantity:
            continue
        if unit in prices:
            found[path] += Fraction(quantity) * prices[unit]
        else:
            missing.append(f"price of a {unit}: usage in rates.yaml")
    missing[:] = list(dict.fromkeys(missing))
    return found


def _fees(books: Books, rates: Rates, missing: list[str]) -> dict[str, Fraction]:
    found = dict.fromkeys(PATHS, Fraction(0))
    if any(kind == "ai_resolution_fee" for _, kind in books.recorded):
        return found  # recorded as cost events; a claim must not be paid twice
    if "ai_resolution_fee" in books.lumps:
        return found
    for path, amount in books.claimed.items():
        found[path] += Fraction(amount)
    for fee in books.fees:
        price = rates.claim_price(fee.claimant, fee.day)
        if price is None:
            missing.append(f"price of a resolution claimed by {fee.claimant}: claims in rates.yaml")
        else:
            found[fee.path] += Fraction(price) * fee.claims
    missing[:] = list(dict.fromkeys(missing))
    return found


def _human(books: Books, rates: Rates, missing: list[str]) -> dict[str, Fraction]:
    overhead = 1 + Fraction(rates.human.overhead_share)
    by_span = rates.human.minutes_from == "handle_time"
    known = dict.fromkeys(PATHS, 0)
    contacts = dict.fromkeys(PATHS, 0)
    found = dict.fromkeys(PATHS, Fraction(0))
    for work in books.work:
        contacts[work.path] += work.contacts
        found[work.path] += Fraction(work.paid) * overhead
        known[work.path] += work.paid_contacts
        minute = rates.minute(work.team, work.cost_per_hour)
        if minute is None:
            continue
        found[work.path] += Fraction(work.minutes) * Fraction(minute)
        known[work.path] += work.minute_contacts
        if by_span:
            found[work.path] += Fraction(work.handled_us, _MINUTE_US) * Fraction(minute)
            known[work.path] += work.handled_contacts
    if "human_minutes" in books.lumps:
        return dict.fromkeys(PATHS, Fraction(0))  # paid as a lump, shared out as a fixed cost
    for path in PATHS:
        if not contacts[path]:
            continue
        if known[path] < KNOWN_SHARE * contacts[path]:
            missing.append(
                "minutes and price of human work: cost events of kind human_minutes, and agents.csv"
                " or human in rates.yaml"
            )
            found[path] = Fraction(0)
        else:
            found[path] = found[path] * contacts[path] / known[path]
    missing[:] = list(dict.fromkeys(missing))
    return found


def _share(books: Books, fixed: Mapping[Bearer, Fraction], path: str) -> Fraction:
    found = Fraction(0)
    for bearer, amount in fixed.items():
        carrying = sum(books.everybody.get(one, 0) for one in CARRIES[bearer])
        if path in CARRIES[bearer] and carrying:
            found += amount * Fraction(books.conversations.get(path, 0), carrying)
    return found


def _periods(every: str, first: int, last: int) -> Iterable[tuple[int, int]]:
    if first >= last:
        return
    start = _start(every, first)
    while start < last:
        end = _start(every, start + 366) if every == "year" else period_end(start, every)
        yield start, end
        start = end


def _start(every: str, day: int) -> int:
    if every == "year":
        return to_day(to_date(day).replace(month=1, day=1))
    return period_start(day, every)


def _same_day_next_month(day: int, wanted: int) -> int:
    """The day of the next month with the wanted number, or its last day."""
    start = period_end(period_start(day, "month"), "month")
    return min(start + wanted - 1, period_end(start, "month") - 1)


def fixed_kinds(lumps: Mapping[str, Decimal]) -> dict[str, Fraction]:
    """Recorded lump sums that own the platform: everything but people's minutes."""
    return {kind: Fraction(lumps[kind]) for kind in sorted(lumps) if BEARERS[kind] != "human"}

"""What other systems of a simulated company know: accounts, customer success, money, knowledge.

Only this module writes accounts, interventions, invoices, purchases, gaps and changes of knowledge.
It draws from a stream of its own, so that the contacts of a world are the same with and without it,
and it writes nothing that speaks for or against the outcome of a contact. Amounts are euros.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import numpy as np

from candor.simulator.aftermath import pick
from candor.simulator.ledger import CLAIMS, Contact
from candor.simulator.plan import DAY
from candor.simulator.play import HOUR
from candor.simulator.script import Script, iso
from candor.simulator.texts import INTENTS
from candor.simulator.world import SEGMENTS, World

MONTH: Final = 30 * DAY
FEE = "0.99"
"""What the vendor bills for each claimed resolution."""
BILLED_TWICE, BILLED_UNKNOWN = 0.010, 0.005
PERSONS_PER_ACCOUNT = {SEGMENTS.index("mid_market"): 12, SEGMENTS.index("enterprise"): 30}
REVENUE = {
    SEGMENTS.index("mid_market"): (6_000, 30_000),
    SEGMENTS.index("enterprise"): (40_000, 250_000),
}
CHURN, CHURN_WHEN_UNSOLVED = 0.05, 0.55
"""Chance to leave at renewal: at least, and how much more where no contact was solved."""
PURCHASE_SOLVED, PURCHASE_UNSOLVED = 0.16, 0.08
ACT_SHARE = 0.35
"""Chance in a month that customer success turns to an account."""
AI_ROLES = (
    ("none", 0.40),
    ("drafted", 0.25),
    ("surfaced_signal", 0.15),
    ("recommended", 0.15),
    ("acted", 0.05),
)
SUCCESS, SUCCESS_WITH_AI = 0.50, 0.64
GAP_SHARE, FEEDBACK_ANSWERED = 0.02, 0.5
CSMS: Final = 8
_TRIGGERS = ("health_drop", "renewal_due", "usage_drop", "complaint")


@dataclass(slots=True)
class _Account:
    segment: int
    since: int
    renewal: int
    revenue: int
    contacts: int = 0
    unsolved: int = 0
    is_churned: bool = False


@dataclass(slots=True)
class Planted:
    """What was written, as counts and cents."""

    accounts: int = 0
    churned: int = 0
    renewed: int = 0
    interventions: int = 0
    interventions_with_ai: int = 0
    invoice_lines: int = 0
    billed_twice: int = 0
    billed_unknown: int = 0
    purchases: int = 0
    purchase_cents: int = 0
    gaps: int = 0
    gaps_resolved: int = 0


@dataclass(slots=True)
class _Month:
    threads: array[int] = field(default_factory=lambda: array("q"))


class Backoffice:
    """Writes what the systems around the desk record while contacts are played.

    Args:
        script: where lines go.
        world: the world.
        seed: that of the world.
        begins_at: first second of the world.
    """

    def __init__(self, script: Script, world: World, seed: int, begins_at: int) -> None:
        self.script = script
        self.world = world
        self.begins_at = begins_at
        self.ends_at = script.ends_at
        rng = np.random.Generator(np.random.PCG64([seed, 1]))
        self.chances: Iterator[float] = chain.from_iterable(
            iter(lambda: rng.random(16_384).tolist(), None)
        )
        self.accounts: dict[str, _Account] = {}
        self.billed: dict[int, _Month] = {}
        self.recent: dict[int, list[str]] = {}
        self.planted = Planted()
        self._month = 0

    @staticmethod
    def account_id(person: int, segment: int) -> str | None:
        """The account a person belongs to; None for private customers and unknown persons."""
        size = PERSONS_PER_ACCOUNT.get(segment)
        return None if size is None or person < 0 else f"acct-{segment}-{person // size}"

    def saw(self, c: Contact) -> None:
        """Takes note of a contact that has been played to its end."""
        self._close_months(c.started)
        if c.is_test or c.is_spam or not c.customer_messages:
            return
        was_helped = c.is_solved == 1 or c.human_messages > 0
        self._account(c, was_helped=was_helped)
        if CLAIMS[c.claim].startswith("resolved"):
            month = (c.started - self.begins_at) // MONTH
            self.billed.setdefault(month, _Month()).threads.append(c.thread)
        self._purchase(c, was_helped=was_helped)
        if c.ai_messages and not was_helped:
            self._gap(c)

    def close(self) -> None:
        """Writes what remains at the end of the world."""
        self._close_months(self.ends_at + MONTH)

    # -- accounts --------------------------------------------------------------------------------

    def _account(self, c: Contact, *, was_helped: bool) -> None:
        name = self.account_id(c.person, c.segment)
        if name is None:
            return
        account = self.accounts.get(name)
        if account is None:
            low, high = REVENUE[c.segment]
            span = self.ends_at - self.begins_at
            account = self.accounts[name] = _Account(
                c.segment, c.started,
                self.begins_at + int(span * (0.25 + next(self.chances))),
                low + int(next(self.chances) * (high - low)),
            )  # fmt: skip
            self.planted.accounts += 1
        account.contacts += 1
        account.unsolved += not was_helped

    def _close_months(self, now: int) -> None:
        while now >= self.begins_at + (self._month + 1) * MONTH:
            at = min(self.begins_at + (self._month + 1) * MONTH, self.ends_at) - HOUR
            if at < self.begins_at + self._month * MONTH:
                return
            for name, account in self.accounts.items():
                self._account_month(name, account, at)
            self._invoice(self._month, at)
            self._month += 1

    def _account_month(self, name: str, account: _Account, at: int) -> None:
        if account.is_churned:
            return
        unsolved = account.unsolved / account.contacts
        if account.renewal <= at:
            leaves = next(self.chances) < CHURN + CHURN_WHEN_UNSOLVED * unsolved
            account.is_churned = leaves
            self.planted.churned += leaves
            if not leaves:
                self.planted.renewed += 1
                self._write(
                    account.renewal, "confirmation", confirmation_id=f"renewal-{name}",
                    account_id=name, system="billing", kind="renewal", supports="neutral",
                    amount=f"{account.revenue}.00", currency="EUR",
                )  # fmt: skip
                account.renewal = self.ends_at + 360 * DAY
        self._write(
            at, "account", account_id=name, segment=SEGMENTS[account.segment],
            annual_revenue=f"{account.revenue}.00", currency="EUR",
            health_score=round(1 - unsolved, 3), csm_id=_csm(name),
            status="churned" if account.is_churned else "active", renewal_at=iso(account.renewal),
        )  # fmt: skip
        if not account.is_churned and next(self.chances) < ACT_SHARE:
            self._intervention(name, account, at)

    def _intervention(self, name: str, account: _Account, at: int) -> None:
        role = AI_ROLES[pick([share for _, share in AI_ROLES], next(self.chances))][0]
        at -= int(next(self.chances) * 20 * DAY)
        outcome_at = at + int((1 + next(self.chances) * 20) * DAY)
        won = next(self.chances) < (SUCCESS if role == "none" else SUCCESS_WITH_AI)
        retained = None if role != "drafted" else round(next(self.chances), 2)
        at_risk = account.revenue // 10
        is_known = outcome_at < self.ends_at
        outcome = ("succeeded" if won else "failed") if is_known else "open"
        self._write(
            at, "intervention", intervention_id=f"act-{name}-{self._month}", account_id=name,
            csm_id=_csm(name), kind="outreach", ai_role=role, retained_share=retained,
            trigger=_TRIGGERS[int(next(self.chances) * len(_TRIGGERS))], outcome=outcome,
            outcome_at=iso(outcome_at) if is_known else None, value_at_risk=f"{at_risk}.00",
            value_retained=f"{at_risk if won else 0}.00" if is_known else None,
        )  # fmt: skip
        self.planted.interventions += 1
        self.planted.interventions_with_ai += role != "none"

    # -- money -----------------------------------------------------------------------------------

    def _invoice(self, month: int, at: int) -> None:
        lines: list[int | None] = []
        for thread in self.billed.pop(month, _Month()).threads:
            lines.append(thread)
            draw = next(self.chances)
            if draw < BILLED_TWICE:
                lines.append(thread)
                self.planted.billed_twice += 1
            elif draw < BILLED_TWICE + BILLED_UNKNOWN:
                lines.append(None)
                self.planted.billed_unknown += 1
        start, end = self.begins_at + month * MONTH, self.begins_at + (month + 1) * MONTH
        for number, billed in enumerate(lines, 1):
            thread_id = f"gone-{month}-{number}" if billed is None else f"t{billed}"
            self._write(
                at, "invoice_line", invoice_id=f"inv-{month + 1}", line=str(number),
                vendor="demo_vendor", period_start=iso(start), period_end=iso(end),
                thread_id=thread_id, outcome_billed="resolution", amount=FEE, currency="EUR",
            )  # fmt: skip
        self.planted.invoice_lines += len(lines)

    def _purchase(self, c: Contact, *, was_helped: bool) -> None:
        chance = PURCHASE_SOLVED if was_helped else PURCHASE_UNSOLVED
        if c.person < 0 or next(self.chances) >= chance:
            return
        at = c.last_activity + int((0.1 + next(self.chances) * 13) * DAY)
        cents = 900 + int(next(self.chances) ** 2 * 18_000)
        if at >= self.ends_at:
            return
        self._write(
            at, "confirmation", confirmation_id=f"sale{c.thread}-{c.number}",
            thread_id=f"t{c.thread}", system="shop", kind="repurchase", supports="neutral",
            amount=f"{cents // 100}.{cents % 100:02d}", currency="EUR",
        )  # fmt: skip
        self.planted.purchases += 1
        self.planted.purchase_cents += cents

    # -- knowledge -------------------------------------------------------------------------------

    def _gap(self, c: Contact) -> None:
        threads = self.recent.setdefault(c.intent, [])
        threads.append(f"t{c.thread}")
        if next(self.chances) >= GAP_SHARE:
            return
        name, opened = f"gap{c.thread}", c.last_activity + HOUR
        mended = opened + int((2 + 40 * next(self.chances) ** 2) * DAY)
        kind, by_person = next(self.chances), next(self.chances) < 0.4
        if opened >= self.ends_at:
            return
        is_mended = kind < 0.75 and mended < self.ends_at
        is_dropped = kind >= 0.9
        status = "resolved" if is_mended else "dismissed" if is_dropped else "open"
        self._write(
            opened, "gap", gap_id=name, topic=INTENTS[c.intent], opened_at=iso(opened),
            resolved_at=iso(mended) if is_mended else None, status=status,
            opened_by="human" if by_person else "code", thread_ids=threads[-20:],
        )  # fmt: skip
        threads.clear()
        self.planted.gaps += 1
        if is_mended:
            self.planted.gaps_resolved += 1
            self._write(
                mended, "knowledge_change", change_id=f"article-{name}",
                knowledge_id=f"kb-{INTENTS[c.intent]}", kind="updated", topic=INTENTS[c.intent],
                closes_gap_id=name,
            )  # fmt: skip

    def _write(self, at: int, event: str, /, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        self.script.write(at, json.dumps({"type": event, "occurred_at": iso(at), **given}) + "\n")


def _csm(account: str) -> str:
    return f"csm-{sum(account.encode()) % CSMS}"

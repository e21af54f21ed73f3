"""Reckons from the ledger what every metric must come out as on the drawn population.

Only this module turns planted contacts into expected figures. It works on what was planned and
never reads the events, so that it is a check on everything between the two. Unknown is -1 inside
and null outside. A window W of a contact has passed when ``last_activity + W`` lies at or before
the last second of the world; windows are closed-open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candor.simulator.definitions import DEFINITIONS
from candor.simulator.ledger import CLAIMS, FEEDBACK, REPLY_CLASSES, VERDICTS
from candor.simulator.world import CHANNELS, REGIONS, RELEASES, SEGMENTS, World

Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
HOUR = 3_600
WINDOWS = {"24h": 24 * HOUR, "48h": 48 * HOUR, "72h": 72 * HOUR, "7d": 168 * HOUR}
JOURNEY = WINDOWS["7d"]
_QUANTILES = (0.5, 0.9)
_NEVER = 2**40
_GAP = 24 * HOUR
_PLEASED = 4
"""Least score out of five that counts as satisfied."""


def reckon(
    columns: Mapping[str, Ints], world: World, seed: int, conversations: int, events: int
) -> dict[str, Any]:
    """The content of ``truth.json``.

    Args:
        columns: the ledger's columns, one row per contact.
        world: the world played.
        seed: its seed.
        conversations: contacts asked for.
        events: events written.
    """
    ends_at = int(datetime.combine(world.ends_on, time(), UTC).timestamp())
    facts = _Facts(columns, ends_at - 1)
    metrics: dict[str, Any] = {}
    for name, (include, outcome) in facts.shares().items():
        metrics[name] = {
            **DEFINITIONS[name].as_dict(),
            "expected": facts.expected(name, include),
            "realised": facts.split(include, partial(_share, outcome)),
        }
    for name, width in (("repeat_contact_rate_3d", 72 * HOUR), ("repeat_contact_rate_7d", JOURNEY)):
        begins, repeated = facts.journeys(width)
        metrics[name] = {
            **DEFINITIONS[name].as_dict(),
            "expected": None,
            "realised": facts.split(begins, partial(_share, repeated)),
        }
    for name, (include, value) in facts.amounts().items():
        metrics[name] = {
            **DEFINITIONS[name].as_dict(),
            "expected": None,
            "realised": facts.split(include, partial(_amount, value)),
        }
    return {
        "world": {**asdict(world), "ends_on": world.ends_on.isoformat()},
        "seed": seed,
        "conversations": conversations,
        "contacts": len(columns["thread"]),
        "events": events,
        "as_of": datetime.fromtimestamp(ends_at - 1, UTC).isoformat().replace("+00:00", "Z"),
        "planted": facts.planted(),
        "metrics": metrics,
    }


class _Facts:
    """Verdicts on every contact, as arrays of 1, 0 and -1 (unknown)."""

    def __init__(self, columns: Mapping[str, Ints], covered_until: int) -> None:
        self.c = c = columns
        self.until = covered_until
        self.genuine = (c["is_test"] == 0) & (c["is_spam"] == 0)
        self.spoken = c["customer_messages"] > 0
        self.engaged = self.spoken & self.genuine
        self.eligible = self.engaged & (c["is_inbound"] == 1)
        self.has_ai = c["ai_messages"] > 0
        self.has_human = c["human_messages"] > 0
        self.with_ai = self.eligible & self.has_ai
        self.escalated = c["escalated"] >= 0
        self.open = (c["closed"] < 0) & (c["last_activity"] + _GAP > covered_until)
        self.has_claim = c["claim"] > 0
        resolved = [n for n, claim in enumerate(CLAIMS) if claim.startswith("resolved")]
        self.claimed = np.isin(c["claim"], resolved)
        # A system of record outweighs every reading of words; either of them can contradict.
        self.proved = c["verdict"] == VERDICTS.index("confirms")
        angry = [REPLY_CLASSES.index(word) for word in ("negative", "asks_human")]
        ended_negative = np.isin(c["reply_class"], angry)
        said_no = ended_negative | (c["feedback"] == FEEDBACK.index("neg"))
        said_yes = (c["reply_class"] == REPLY_CLASSES.index("affirm")) | (
            c["feedback"] == FEEDBACK.index("pos")
        )
        disproved = c["verdict"] == VERDICTS.index("contradicts")
        self.contradicted = disproved | (said_no & (c["verdict"] == 0))
        self.confirmed = self.proved | (said_yes & ~said_no & ~disproved)
        self.displeased = said_no | (c["is_rage_quit"] == 1)
        self.answered = (c["answers"] > 0) | self.has_human
        lost = self.escalated | (c["is_forced"] == 1)
        lost |= (c["is_rage_quit"] == 1) & ~self.proved
        held = np.where(self.open, -1, 1)
        self.contained = np.where(lost | ~self.has_ai, 0, held)
        self.return_at, self.thread_return_at = self._returns()

    def _returns(self) -> tuple[Ints, Ints]:
        """When the person next contacted about the issue, anywhere and in the same thread."""
        c = self.c
        count = len(c["thread"])
        anywhere = np.full(count, _NEVER)
        in_thread = np.full(count, _NEVER)
        rows = np.flatnonzero(c["person"] >= 0)
        order = rows[np.lexsort((c["started"][rows], c["intent"][rows], c["person"][rows]))]
        # Any contact can be followed; only one in which the customer speaks follows it.
        place = np.where(self.spoken[order], np.arange(len(order)), len(order))
        following = np.minimum.accumulate(place[::-1])[::-1][1:]
        here, after = order[:-1][following < len(order)], order[following[following < len(order)]]
        same = (c["person"][here] == c["person"][after]) & (c["intent"][here] == c["intent"][after])
        anywhere[here[same]] = c["first_customer"][after[same]]
        same &= c["thread"][here] == c["thread"][after]
        in_thread[here[same]] = c["first_customer"][after[same]]
        return anywhere, in_thread

    def journeys(self, width: int) -> tuple[Flags, Ints]:
        """Which contacts begin a counted journey, and whether another contact follows in time."""
        c = self.c
        rows = np.flatnonzero(self.spoken)
        order = rows[np.lexsort((c["started"][rows], c["intent"][rows], c["person"][rows]))]
        before, here = order[:-1], order[1:]
        goes_on = (c["person"][before] == c["person"][here]) & (c["person"][here] >= 0)
        goes_on &= c["intent"][before] == c["intent"][here]
        goes_on &= c["started"][here] - c["last_activity"][before] < JOURNEY
        begins = np.zeros(len(self.engaged), dtype=bool)
        begins[order] = True
        begins[here[goes_on]] = False
        again = np.full(len(self.engaged), _NEVER)
        again[before[goes_on]] = c["started"][here[goes_on]]
        return begins & self.eligible, self._within(again, width, c["person"] >= 0)

    def _within(self, at: Ints, window: int, is_known: Flags) -> Ints:
        last = self.c["last_activity"]
        passed = (last + window <= self.until) & is_known & ~self.open
        return np.where(at - last < window, 1, np.where(passed, 0, -1))

    def returned(self, window: str) -> Ints:
        return self._within(self.return_at, WINDOWS[window], self.c["person"] >= 0)

    def truly_resolved(self) -> Ints:
        """By the order in which evidence counts: what happened, systems, words, silence."""
        returned = self.returned("72h")
        pending = self.open | (self.c["is_forced"] == 1)
        kept = np.where(self.answered & (returned == 0), 1, -1)
        by_word = np.where(pending, -1, np.where(self.confirmed, 1, kept))
        by_word = np.where(self.displeased | (self.c["is_abandoned"] == 1), 0, by_word)
        by_system = np.where(self.open, -1, 1)
        failed = self.escalated | self.contradicted | (returned == 1)
        return np.where(failed, 0, np.where(self.proved, by_system, by_word))

    def resolved_at_once(self, window: str) -> Ints:
        """Solved by the AI agent, and known to have needed no other contact in the window."""
        returned = self.returned(window)
        kept = np.where(returned == 0, 1, -1)
        pending = self.open | (self.c["is_forced"] == 1)
        by_word = np.where(self.displeased | ~self.answered, 0, np.where(pending, -1, kept))
        failed = self.escalated | self.contradicted | (returned == 1)
        return np.where(failed, 0, np.where(self.proved, kept, by_word))

    def shares(self) -> dict[str, tuple[Flags, Ints]]:
        """Include mask and outcome of every share."""
        c = self.c
        true = self.truly_resolved()
        alone = np.where(self.has_ai & ~self.has_human, true, 0)
        seven, three = self.returned("7d"), self.returned("72h")
        silent = np.where(self.contradicted | (seven == 1), 1, seven)
        held = np.where(self.confirmed | (three == 0), 1, -1)
        held = np.where(self.contradicted | (three == 1), 0, held)
        ended = self.genuine & ((c["closed"] >= 0) | self.claimed)
        asked = self.genuine & (c["survey_asked"] == 1)
        pleased = np.where(c["survey_score"] < 0, -1, c["survey_score"] >= _PLEASED)
        not_yet = np.where(self.open, -1, 0)
        alive = self.genuine & self.has_ai
        found: dict[str, tuple[Flags, Any]] = {
            "true_resolution_rate": (self.with_ai, true),
            "latent_resolution_rate": (self.with_ai, c["is_solved"]),
            "deflection_rate": (
                self.engaged,
                np.where(self.has_human | self.escalated, 0, np.where(self.open, -1, 1)),
            ),
            "resolution_rate_claimed": (self.genuine & self.has_claim, self.claimed),
            "resolution_accuracy": (self.genuine & self.claimed, held),
            "silent_failure_rate": (
                self.engaged & ((self.contained == 1) | self.claimed),
                silent,
            ),
            "undetermined_share": (self.with_ai, true == -1),
            "containment_rate": (self.with_ai, self.contained),
            "containment_quality": (self.with_ai & (self.contained == 1), true),
            "automation_rate": (self.eligible, alone),
            "involvement_rate": (self.eligible, self.has_ai),
            "coverage_gap": (self.eligible, ~self.has_ai),
            "escalation_rate": (
                self.engaged & self.has_ai,
                np.where(self.escalated, 1, not_yet),
            ),
            "escalation_failure_rate": (
                self.engaged & (c["asked_human"] == 1),
                np.where(self.has_human, 0, np.where(self.open, -1, 1)),
            ),
            "proactive_escalation_share": (alive & self.escalated, c["is_proactive_handoff"]),
            "abandonment_rate": (
                self.with_ai,
                np.where(self.open & ~self.answered, -1, c["is_abandoned"]),
            ),
            "rage_quit_rate": (
                self.with_ai,
                np.where(self.open & ~self.has_human, -1, c["is_rage_quit"]),
            ),
            "survey_response_rate": (asked, c["survey_score"] >= 0),
            "csat_ai_only": (asked & self.has_ai & ~self.has_human, pleased),
            "csat_hybrid": (asked & self.has_ai & self.has_human, pleased),
            "csat_human_only": (asked & ~self.has_ai & self.has_human, pleased),
        }
        known = self.eligible & (c["person"] >= 0)
        everybody = np.ones(len(self.engaged), dtype=bool)
        for window, length in WINDOWS.items():
            found[f"reopen_rate_{window}"] = (
                ended,
                self._within(self.thread_return_at, length, everybody),
            )
            found[f"return_rate_{window}"] = (known, self.returned(window))
        for window in ("24h", "72h"):
            name = f"ai_first_contact_resolution_{window}"
            found[name] = (self.with_ai, self.resolved_at_once(window))
        return {name: (mask, np.asarray(out, np.int8)) for name, (mask, out) in found.items()}

    def amounts(self) -> dict[str, tuple[Flags, NDArray[np.float64]]]:
        """Include mask and value of every mean; seconds, counts, or scores from 0 to 1."""
        c = self.c
        escalated = self.engaged & self.has_ai & self.escalated
        asked_at = np.where(self.escalated, c["escalated"], c["first_customer"])
        true = self.truly_resolved() == 1
        replies = c["ai_messages"] + c["human_messages"]
        found: dict[str, tuple[Flags, Ints]] = {
            "escalation_turn": (escalated, c["escalation_turn"]),
            "escalation_delay": (escalated, c["escalated"] - c["first_ai"]),
            "time_to_first_response_ai": (self.with_ai, c["first_ai"] - c["first_customer"]),
            "time_to_first_response_human": (
                self.eligible & self.has_human,
                c["first_human"] - asked_at,
            ),
            "time_to_resolution": (
                self.eligible & (c["closed"] >= 0),
                c["closed"] - c["started"],
            ),
            "turns_to_resolution": (
                self.with_ai & true,
                np.minimum(c["customer_messages"], replies),
            ),
            "rephrases": (self.with_ai, c["rephrases"]),
            "messages": (self.spoken, c["customer_messages"] + replies),
        }
        return {name: (mask, value.astype(float)) for name, (mask, value) in found.items()}

    def expected(self, name: str, include: Flags) -> float | None:
        """Mean of the generating chances, where a metric has one."""
        column = {
            "latent_resolution_rate": "chance_solved",
            "containment_rate": "chance_contained",
            "escalation_rate": "chance_escalated",
        }.get(name)
        if column is None or not include.any():
            return None
        return round(float(self.c[column][include].mean()) / 1e6, 9)

    def split(
        self, include: Flags, figure: Callable[[Flags], dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """A figure overall and by release, channel, segment and region."""
        result: dict[str, dict[str, Any]] = {"overall": figure(include)}
        for name, column, words in (
            ("release", "release", RELEASES),
            ("channel", "channel", CHANNELS),
            ("customer_segment", "segment", SEGMENTS),
            ("region", "region", REGIONS),
        ):
            cells = {}
            for code, word in enumerate(words):
                mask = include & (self.c[column] == code)
                if name == "release":
                    # A thread keeps the release of its first contact.
                    mask &= (self.c["chance_solved"] >= 0) | (self.c["number"] > 1)
                cells[word] = figure(mask)
            result[name] = cells
        return result

    def planted(self) -> dict[str, int]:
        """Plain counts of what was planted."""
        c = self.c
        return {
            "contained": int((self.with_ai & (self.contained == 1)).sum()),
            "escalated": int((self.with_ai & self.escalated).sum()),
            "silent_failures": int((c["is_silent"] == 1).sum()),
            "contradicted_by_system": int((c["verdict"] == VERDICTS.index("contradicts")).sum()),
            "confirmed_by_system": int((c["verdict"] == VERDICTS.index("confirms")).sum()),
            "same_thread_returns": int((c["number"] > 1).sum()),
            "returned_72h": int((self.returned("72h")[self.eligible] == 1).sum()),
            "failed_handoffs": int(((c["attempted"] >= 0) & ~self.escalated).sum()),
            "test": int((c["is_test"] == 1).sum()),
            "spam": int((c["is_spam"] == 1).sum()),
            "proactive": int((c["is_inbound"] == 0).sum()),
            "unknown_customers": int((c["person"] < 0).sum()),
            "persons": len(np.unique(c["person"][c["person"] >= 0])),
            "messages": int(
                (c["customer_messages"] + c["ai_messages"] + c["human_messages"]).sum()
            ),
        }


def _share(outcome: Ints, include: Flags) -> dict[str, Any]:
    seen = outcome[include]
    observed, total = int((seen >= 0).sum()), int((seen == 1).sum())
    return {
        "eligible": len(seen),
        "observed": observed,
        "unknown": len(seen) - observed,
        "total": total,
        "point": round(total / observed, 9) if observed else None,
    }


def _amount(value: NDArray[np.float64], include: Flags) -> dict[str, Any]:
    seen = value[include]
    figure: dict[str, Any] = {"observed": len(seen), "total": round(float(seen.sum()), 6)}
    if not len(seen):
        return {**figure, "point": None, "p50": None, "p90": None}
    low, high = (round(float(q), 6) for q in np.quantile(seen, _QUANTILES))
    return {**figure, "point": round(float(seen.mean()), 9), "p50": low, "p90": high}

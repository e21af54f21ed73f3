"""What happens after a contact: claims, surveys, systems of record, and the customer coming back.

Only this module decides how a failure comes to light. A customer comes back only where the new
contact fits before the same person's next one, so contacts never overlap.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate

from candor.simulator.ledger import Contact
from candor.simulator.plan import DAY, SPACING
from candor.simulator.play import HOUR
from candor.simulator.script import Script
from candor.simulator.world import CONFIRMATION_KIND, DISCOVERIES

CLAIM_AFTER = HOUR
"""A vendor's verdict comes before the contact can return in the same thread."""
CONFIRMED_SHARE = 0.40
RETURN_AFTER_OPEN_FAILURE = 0.35
GUARDRAIL_SHARE = 0.10
SURVEY_SHARE = 0.45
RESPONSE_SOLVED, RESPONSE_UNSOLVED = 0.32, 0.14
"""Those who were helped answer more often: the survey alone flatters."""
SCORES_SOLVED = (0.02, 0.03, 0.10, 0.30, 0.55)
SCORES_UNSOLVED = (0.35, 0.30, 0.20, 0.10, 0.05)
COMPLAINTS = ("case_reversed", "dispute", "complaint")


def pick(shares: Sequence[float], draw: float) -> int:
    """Index drawn with the given shares, which sum to one."""
    return min(bisect(list(accumulate(shares)), draw), len(shares) - 1)


def speak_of(c: Contact, script: Script, chances: Iterator[float]) -> None:
    """Costs, checks, the vendor's claim and the survey of one contact."""
    if c.ai_messages:
        script.ai_cost(c)
        if next(chances) < GUARDRAIL_SHARE:
            kinds = (
                ("pass", "low", "allowed"),
                ("near_miss", "medium", "rewritten"),
                ("violation", "high", "blocked"),
            )
            script.guardrail(c, *kinds[pick((0.96, 0.03, 0.01), next(chances))])
        at = c.last_activity + CLAIM_AFTER
        if c.customer_messages and at < script.ends_at:
            c.claim = _claim(c)
            script.claim(c, at)
    if c.customer_messages and not c.is_test and not c.is_spam and next(chances) < SURVEY_SHARE:
        _survey(c, script, chances)


def _claim(c: Contact) -> int:
    if c.escalated >= 0:
        return 3
    if c.answers == 0:
        return 4
    # Anybody who thanks is counted as confirmed, and everybody else who left as assumed.
    return 2 if c.reply_class in (1, 2) else 1


def _survey(c: Contact, script: Script, chances: Iterator[float]) -> None:
    asked = c.last_activity + HOUR
    if asked >= script.ends_at:
        return
    helped = c.is_solved == 1 or c.human_messages > 0
    answered: int | None = None
    if next(chances) < (RESPONSE_SOLVED if helped else RESPONSE_UNSOLVED):
        at = asked + int(next(chances) * 18 * HOUR) + 60
        if at < script.ends_at:
            answered = at
            scores = SCORES_SOLVED if helped else SCORES_UNSOLVED
            c.survey_score = 1 + pick(scores, next(chances))
    c.survey_asked = 1
    script.survey(c, asked, answered)


def comes_to_light(
    c: Contact, script: Script, chances: Iterator[float], following: int
) -> tuple[str, int]:
    """How an AI agent's contact turns out later.

    Args:
        c: the contact, played to its end.
        script: where a system of record speaks.
        chances: draws.
        following: start of the person's next contact.

    Returns:
        ``("other_channel" | "same_thread", second)`` when the customer comes back, else ("", 0).
    """
    kind = CONFIRMATION_KIND[c.intent]
    if c.is_solved == 1:
        at = c.last_activity + HOUR + int(next(chances) * 47 * HOUR)
        if kind is not None and at < script.ends_at and next(chances) < CONFIRMED_SHARE:
            c.verdict = 1
            script.confirmation(c, at, kind, "confirms")
        return "", 0
    if c.escalated >= 0:
        return "", 0
    how = "other_channel"
    if c.is_silent:
        how = DISCOVERIES[pick([share for _, share in DISCOVERIES], next(chances))][0]
    elif next(chances) >= RETURN_AFTER_OPEN_FAILURE:
        return "", 0
    if how == "contradicted":
        at = c.last_activity + 2 * HOUR + int(next(chances) * 5 * DAY)
        if at < script.ends_at:
            c.verdict = 2
            script.confirmation(c, at, COMPLAINTS[int(next(chances) * 3)], "contradicts")
        return "", 0
    if how == "never":
        return "", 0
    at = c.last_activity + _delay(c, how, chances)
    fits = at + SPACING <= following and at <= script.ends_at - SPACING
    return (how, at) if fits and c.person >= 0 else ("", 0)


def _delay(c: Contact, how: str, chances: Iterator[float]) -> int:
    soonest = 3 * HOUR
    if how == "same_thread":
        # It needs a close or a day of silence before it, or it would be the same contact.
        soonest += c.closed - c.last_activity if c.closed >= 0 else 24 * HOUR
    if next(chances) < 0.7:
        return soonest + int(next(chances) * (70 * HOUR - soonest))
    return 73 * HOUR + int(next(chances) * 87 * HOUR)

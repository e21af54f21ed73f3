"""What a simulated world is like: its switches and the chances behind every contact.

Only this module holds numbers of the world. Times are seconds, chances are shares of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

CHANNELS = ("chat", "messaging", "email", "voice")
CHANNEL_SHARES = (0.40, 0.20, 0.25, 0.15)
SEGMENTS = ("smb", "mid_market", "enterprise")
SEGMENT_SHARES = (0.50, 0.30, 0.20)
REGIONS = ("north", "south", "east", "west")
REGION_SHARES = (0.35, 0.20, 0.25, 0.20)
LANGUAGE_SHARES = (0.82, 0.11, 0.07)
INTENT_SHARES = (0.22, 0.16, 0.08, 0.14, 0.10, 0.10, 0.13, 0.07)
INTENT_SHARES_LATE = (0.16, 0.20, 0.12, 0.08, 0.08, 0.12, 0.20, 0.04)
INTENT_SHARES_HARD = (0.05, 0.22, 0.18, 0.03, 0.03, 0.12, 0.35, 0.02)
"""Where the mix goes in a world in which each intent gets better and the whole gets worse."""
INTENT_EASE = (0.12, -0.06, -0.08, 0.10, 0.06, -0.02, -0.14, 0.10)
CONFIRMATION_KIND = (
    "order_shipped",
    "refund_issued",
    "refund_issued",
    "access_restored",
    "end_state_check",
    "end_state_check",
    "order_shipped",
    None,
)
RELEASES = ("r12", "r13", "r14", "r15")
RELEASE_STARTS = (0, 45, 80, 100)
"""First day of each release, counted from the first day of the world."""

UNFAIR_REGION = REGIONS.index("south")
REGRESSION_RELEASE = RELEASES.index("r14")
REGRESSION_DROP = 0.18
UNFAIR_DROP = 0.15
DRIFT_DROP = 0.12
TURN = 0.5
"""Share of a world's days after which it improves, and hard requests come, where they do."""
IMPROVEMENT = 0.09
HUMAN_ONLY_SHARE = (0.12, 0.10, 0.24, 0.16)
"""Share of contacts that never meet the AI agent, by channel."""
TEST_SHARE, SPAM_SHARE, PROACTIVE_SHARE = 0.015, 0.010, 0.030
UNKNOWN_CUSTOMER_SHARE = 0.02
SEVERAL_IDS_SHARE = 0.35
"""Share of persons who write mails under a customer id of their own, joined by identity events."""

SOLVED_ENDINGS = (("affirm", 0.22), ("thanks", 0.28), ("late_thanks", 0.05), ("silence", 0.45))
"""How a contact ends that the AI agent truly solved."""
SILENT_ENDINGS = (("thanks", 0.48), ("silence", 0.52))
"""How a contact ends that it did not solve, when the customer does not say so."""
SILENT_SHARE = 0.36
"""Share of the unsolved that end that way, where the world has silent failures."""
OPEN_ENDINGS = (
    ("negative", 0.10),
    ("thumbs_down", 0.05),
    ("left_at_fallback", 0.09),
    ("left_at_clarification", 0.06),
    ("left_at_greeting", 0.03),
    ("asked_human", 0.30),
    ("asked_nobody_came", 0.08),
    ("low_confidence", 0.16),
    ("out_of_hours", 0.04),
    ("planned", 0.04),
    ("forced", 0.05),
)
"""How the rest of the unsolved end."""
ESCALATED = frozenset({"asked_human", "low_confidence", "planned"})
NOT_CONTAINED = ESCALATED | {"negative", "left_at_fallback", "asked_nobody_came", "forced"}

DISCOVERIES = (
    ("contradicted", 0.25),
    ("other_channel", 0.40),
    ("same_thread", 0.20),
    ("never", 0.15),
)
"""How a silent failure comes to light."""


@dataclass(frozen=True, slots=True)
class World:
    """One simulated world.

    Attributes:
        name: shown in ``truth.json``.
        days: length in days.
        ends_on: the day after the last one; nothing happens from its midnight UTC on.
        resolution: chance that the AI agent truly solves an issue of middling ease.
        persons_per_conversation: persons drawn for each conversation; fewer means more repeats.
        regression: release r14 solves less.
        unfairness: region south is served worse.
        drift: the chance falls day by day.
        improvement: the chance rises day by day.
        mix_shift: harder intents grow more frequent.
        ease: how far apart the intents lie; 1 for what ``INTENT_EASE`` says.
        hard_mix: from the middle on the intents are so much harder that the mix outweighs any
            improvement.
        silent_failures: unsolved contacts may end politely.
    """

    name: str = "demo"
    days: int = 120
    ends_on: date = date(2026, 10, 31)
    resolution: float = 0.66
    persons_per_conversation: float = 0.55
    regression: bool = True
    unfairness: bool = True
    drift: bool = False
    improvement: bool = False
    mix_shift: bool = False
    ease: float = 1.0
    hard_mix: bool = False
    silent_failures: bool = True


DEMO = World()
QUIET = World(name="quiet", regression=False, unfairness=False, silent_failures=False)
DRIFTING = World(
    name="drifting", regression=False, unfairness=False, silent_failures=False, drift=True
)
REVERSED = World(
    name="reversed", regression=False, unfairness=False, silent_failures=False,
    improvement=True, mix_shift=True, hard_mix=True, ease=2.5, resolution=0.6,
)  # fmt: skip
"""Simpson's reversal: better within every intent, worse as a whole."""
WORLDS = {world.name: world for world in (DEMO, QUIET, DRIFTING, REVERSED)}


def chance_solved(world: World, intent: int, release: int, region: int, progress: float) -> float:
    """Chance that the AI agent truly solves a contact.

    Args:
        world: the world.
        intent: index of the intent.
        release: index of the release on duty.
        region: index of the region.
        progress: share of the world's days gone by.
    """
    chance = world.resolution + world.ease * INTENT_EASE[intent]
    if world.regression and release == REGRESSION_RELEASE:
        chance -= REGRESSION_DROP
    if world.unfairness and region == UNFAIR_REGION:
        chance -= UNFAIR_DROP
    if world.drift:
        chance -= DRIFT_DROP * progress
    if world.improvement:
        chance += IMPROVEMENT * (progress >= TURN)
    return min(max(chance, 0.02), 0.98)


def chance_contained(world: World, chance: float, *, is_english: bool) -> float:
    """Chance that a contact stays with the AI agent, given the chance that it is solved."""
    silent = SILENT_SHARE if world.silent_failures else 0.0
    kept = sum(p for end, p in OPEN_ENDINGS if ending(end, is_english) not in NOT_CONTAINED)
    return chance + (1 - chance) * (silent + (1 - silent) * kept)


def chance_escalated(world: World, chance: float, *, is_english: bool) -> float:
    """Chance that a contact is handed to a person who comes."""
    silent = SILENT_SHARE if world.silent_failures else 0.0
    handed = sum(p for end, p in OPEN_ENDINGS if ending(end, is_english) in ESCALATED)
    return (1 - chance) * (1 - silent) * handed


def ending(drawn: str, is_english: bool) -> str:
    """The ending played: words that exist in English only are replaced by silent counterparts."""
    return drawn if is_english else _WORDLESS.get(drawn, drawn)


_WORDLESS = {
    "affirm": "thanks",
    "negative": "thumbs_down",
    "asked_human": "low_confidence",
    "asked_nobody_came": "out_of_hours",
}


def late_share(world: World, progress: float) -> float:
    """Chance that a contact's intent is drawn from where the mix goes.

    Args:
        world: the world; its mix must shift.
        progress: share of the world's days gone by.
    """
    return float(progress >= TURN) if world.hard_mix else progress

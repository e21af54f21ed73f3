"""Methods about the data behind every figure: are they fresh, complete and readable?

Each check is a bound on a share or an age, fixed by the definition; the figure is how many hold. It
is a count of checks, no estimate: it has no interval and never a colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from candor.answers.derived import Ask, Figure, method
from candor.estimates import Refusal
from candor.window import DAY, parse_instant

_CLOCK = ("TS_FUTURE", "TS_RANGE", "TS_NO_ZONE")


@dataclass(frozen=True, slots=True)
class _Check:
    name: str
    found: float
    bound: float

    @property
    def holds(self) -> bool:
        return self.found <= self.bound


def checks_passed(given: Mapping[str, Any]) -> Figure:
    """Share of checks that hold; ``health`` is the publication's own account of its data.

    ``as_of`` is the instant up to which data were read; every bound comes from the params.
    """
    health = given["health"]
    events = sum(health["events"].values())
    if not events or not health["sources"]:
        return Figure.refused(Refusal.NOTHING_OBSERVED)
    as_of = parse_instant(given["as_of"])
    checks = [
        _Check(
            f"freshness of {name}",
            (as_of - parse_instant(source["covered_until"])) / DAY
            if source["covered_until"] else float("inf"),
            given["max_age_days"],
        )
        for name, source in sorted(health["sources"].items())
    ]  # fmt: skip
    threads = max(1, health["events"].get("conversation", 0))
    clock = sum(health["quarantined"].get(reason, 0) for reason in _CLOCK)
    checks += [
        _Check(
            "completeness: threads without their conversation",
            health["threads_without_conversation"] / threads, given["max_incomplete"],
        ),
        _Check(
            "messages without a known author",
            health["messages_without_known_actor"] / max(1, health["messages"]),
            given["max_unknown_author"],
        ),
        _Check(
            "unmapped values", sum(health["unknown_values"].values()) / events,
            given["max_unmapped"],
        ),
        _Check(
            "quarantined records", sum(health["quarantined"].values()) / events,
            given["max_quarantined"],
        ),
        _Check("clock skew", clock / events, given["max_clock"]),
    ]  # fmt: skip
    held = sum(1 for check in checks if check.holds)
    return Figure(
        held / len(checks), eligible=len(checks), observed=len(checks), total=float(held),
        method="count_checks",
        detail={
            "failed": [check.name for check in checks if not check.holds],
            "checks": {
                check.name: {
                    "found": None if check.found == float("inf") else check.found,
                    "bound": check.bound, "holds": check.holds,
                }
                for check in checks
            },
        },
    )  # fmt: skip


@method("checks_passed", pure=checks_passed, grains=("all",), breakdown="none", compares=False)
def checks_passed_of(ask: Ask) -> list[Figure]:
    """Freshness, completeness, unmapped values, quarantine and clocks of the published data."""
    answers = ask.reckoner.answers
    return [
        checks_passed(
            {**ask.params, "health": answers.about["data_health"], "as_of": answers.as_of}
        )
    ]

"""The evidence ladder: from closed to confirmed by a system of record, each rung four-valued.

A rung is tested for a refusal first, then for a reading that is missing, then for what is not known.
Denominator: engaged conversations with the AI, neither test nor spam. Windows count from the last
activity and are closed on the right. Codes: 1 resolved, 0 not, -1 undetermined, -2 needs a judge,
-3 excluded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candor.window import duration

RESOLVED, NOT_RESOLVED, UNDETERMINED, NEEDS_JUDGE, EXCLUDED = 1, 0, -1, -2, -3
WORDS = {
    RESOLVED: "resolved", NOT_RESOLVED: "not_resolved", UNDETERMINED: "undetermined",
    NEEDS_JUDGE: "needs_judge", EXCLUDED: "excluded",
}  # fmt: skip
_OUTSIDE = "not (c.engaged and c.ai_involved) or c.is_test or c.is_spam"


Cases = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung.

    Attributes:
        name, title: as published and as read.
        cases: SQL conditions and codes in the order they are tested; undetermined when none holds.
        is_beside: printed beside the ladder and not part of the cumulative one.
    """

    name: str
    title: str
    cases: Cases
    is_beside: bool = False

    @property
    def sql(self) -> str:
        """The code as SQL over ``columns.FROM``."""
        tested = " ".join(f"when {sql} then {code}" for sql, code in self.cases)
        return f"case when {_OUTSIDE} then {EXCLUDED} {tested} else {UNDETERMINED} end"


_CLOSED: Cases = (
    ("c.last_state in ('solved', 'closed')", RESOLVED),
    ("c.last_state is not null", NOT_RESOLVED),
)
_CONTAINED: Cases = (
    ("c.escalated", NOT_RESOLVED),
    ("c.ended_at is null", UNDETERMINED),
    ("c.rage_quit or c.forced_termination", NOT_RESOLVED),
    ("c.reply_class is null", NEEDS_JUDGE),
    ("true", RESOLVED),
)
_DEFLECTED: Cases = (
    ("c.human_messages > 0 or c.escalated", NOT_RESOLVED),
    ("c.ended_at is not null", RESOLVED),
)
_CUSTOMER: Cases = (
    ("c.explicit_feedback = 'neg' or c.reply_class in ('negative', 'asks_human')", NOT_RESOLVED),
    ("c.return_class = 'negative'", NOT_RESOLVED),
    ("c.explicit_feedback = 'pos' or c.reply_class = 'affirm'", RESOLVED),
    ("c.reply_class is null", NEEDS_JUDGE),
)
_SYSTEM: Cases = (
    ("c.system_verdict = 'contradicts'", NOT_RESOLVED),
    ("c.system_verdict = 'confirms'", RESOLVED),
)


def _no_return(window: str) -> Cases:
    width = duration(window)
    return (
        ("c.ended_at is null", UNDETERMINED),
        (f"c.return_at - c.last_activity_at <= {width}", NOT_RESOLVED),
        ("not c.answered or c.rage_quit or c.forced_termination", NOT_RESOLVED),
        ("c.explicit_feedback = 'neg' or c.reply_class = 'negative'", NOT_RESOLVED),
        ("c.reply_class is null or c.answered is null", NEEDS_JUDGE),
        (f"c.unknown_issue_contact_at - c.last_activity_at <= {width}", NEEDS_JUDGE),
        ("not c.customer_known", UNDETERMINED),
        # What is known not to have come back has been followed for the whole window.
        (f"not c.returned_{window}", RESOLVED),
    )


RUNGS: tuple[Rung, ...] = (
    Rung("closed", "Closed", _CLOSED),
    Rung("contained", "Contained: nobody took over", _CONTAINED),
    Rung("deflected", "Deflected: no person wrote", _DEFLECTED, is_beside=True),
    Rung("no_return_24h", "No return in 24 hours", _no_return("24h")),
    Rung("no_return_48h", "No return in 48 hours", _no_return("48h")),
    Rung("no_return_72h", "No return in 72 hours", _no_return("72h")),
    Rung("no_return_7d", "No return in 7 days", _no_return("7d")),
    Rung("customer_confirmed", "The customer said so", _CUSTOMER),
    Rung("system_confirmed", "A system of record says so", _SYSTEM),
)


def cumulative(rungs: np.ndarray) -> np.ndarray:
    """Proved up to each rung: i1[n, rungs], 1 where it and all before it are resolved.

    A rung that is refused refuses all above it; otherwise what is not known stays not known. Rungs
    beside the ladder keep their own code.

    Args:
        rungs: i1[n, rungs], codes of the single rungs.
    """
    proved = rungs.copy()
    standing = np.full(len(rungs), RESOLVED, dtype=rungs.dtype)
    for number, rung in enumerate(RUNGS):
        if rung.is_beside:
            continue
        own = rungs[:, number]
        refused = (own == NOT_RESOLVED) | (standing == NOT_RESOLVED)
        reading = (own == NEEDS_JUDGE) | (standing == NEEDS_JUDGE)
        unknown = (own == UNDETERMINED) | (standing == UNDETERMINED)
        standing = np.where(
            own == EXCLUDED, EXCLUDED,
            np.where(refused, NOT_RESOLVED,
                     np.where(reading, NEEDS_JUDGE, np.where(unknown, UNDETERMINED, RESOLVED))),
        ).astype(rungs.dtype)  # fmt: skip
        proved[:, number] = standing
    return proved

"""The one family of errors a user may meet: what is wrong, where, what was expected, what to do.

Statistical refusals are not errors (see ``estimates``); bad records are quarantined, not raised.
Codes are stable: scripts may test them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in something the user wrote or supplied.

    Attributes:
        what: what is wrong, in one sentence without a final stop.
        where: file, line, key or row, as a person would point at it.
        expected: what was expected instead ("" when ``what`` says it).
        fix: what to do next ("" when ``expected`` says it).
    """

    what: str
    where: str = ""
    expected: str = ""
    fix: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        tail = [f"expected {self.expected}" if self.expected else "", self.fix]
        return "; ".join([head, *[part for part in tail if part]])


class CandorError(Exception):
    """A mistake the user can mend. Shown without a traceback; carries every problem found at once.

    Args:
        code: stable identifier, lower case with dots, e.g. ``config.invalid``.
        problems: one or more problems, or one message.
        exit_code: what the command line returns (1 failed, 2 usage, 3 gate not met).
    """

    def __init__(
        self, code: str, problems: Iterable[Problem] | Problem | str, *, exit_code: int = 1
    ) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.code = code
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.exit_code = exit_code
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[object, ...]:
        """Take everything along where an error crosses from one process into another."""
        return (
            partial(type(self), exit_code=self.exit_code), (self.code, self.problems), self.__dict__
        )  # fmt: skip

    def as_dict(self) -> dict[str, object]:
        """The one JSON shape of an error, for ``--json`` and services."""
        return {
            "error": self.code,
            "problems": [
                {"what": p.what, "where": p.where, "expected": p.expected, "fix": p.fix}
                for p in self.problems
            ],
        }


def nearest(word: str, known: Sequence[str]) -> str:
    """A spelling hint: ``did you mean 'x'?`` or, when nothing is near, the known words."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    shown = ", ".join(sorted(known)[:12])
    return f"known: {shown}" + (", …" if len(known) > 12 else "")

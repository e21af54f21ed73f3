"""Which role may reach which route: the table of all routes, written from the routes themselves.

``python -m candor.web.matrix`` prints it; ``docs/permissions.md`` holds it, so that a change of what
somebody may reach is seen in review.
"""

from __future__ import annotations

import sys

from candor.access.permissions import ALWAYS, ROLES, Permission
from candor.web.application import routes

INTRO = """# Who may reach what

Written by `python -m candor.web.matrix` from the routes of the dashboard; a test compares. Reading
text is in no role: it is granted to a person by name, for a reason and a time, and decides what a
conversation's page shows. A role confined to a part reaches only the routes marked "yes" under
"confined". Everything that changes something is a POST from a form of the page itself; tokens read,
and change only what stands under `/api` with POST, which nobody else reaches. They never reach accounts, people or
text.
"""


def table() -> str:
    """The table as Markdown."""
    found = routes()
    head = ["method", "route", "needs", *ROLES, "confined"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for key, permission in sorted(found.permissions.items(), key=lambda item: item[0][::-1]):
        method, path = key
        cells = [
            "everybody" if permission is Permission.PUBLIC
            else "yes" if permission in held | ALWAYS else "–"
            for held in ROLES.values()
        ]  # fmt: skip
        confined = "yes" if key in found.scoped else "–"
        lines.append(
            f"| {' | '.join([method, f'`{path}`', f'`{permission}`', *cells, confined])} |"
        )
    return f"{INTRO}\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())

"""One definition as a statement a person can read and run against a published facts file.

Gives the same integers as the planner (tested for every metric); made for understanding and for
audits, not for speed.
"""

from __future__ import annotations

from candor.metrics.definition import Definition


def statement(definition: Definition) -> str:
    """SQL that counts one metric over all rows of its fact."""
    text = definition.texts()
    cases = [
        f"        when ({condition}) then 'excluded: {reason}'"
        for reason, condition in definition.exclude.items()
    ]
    value = definition.outcome or definition.value or definition.numerator
    known = f"({value}) is not null"
    if definition.denominator is not None:
        known += f" and ({definition.denominator}) is not null"
    cases.append(f"        when {known} then 'observed'")
    cases += [
        f"        when ({condition}) then 'unknown: {reason}'"
        for reason, condition in definition.unknown.items()
    ]
    sums = ["    count(*) filter (where state = 'observed') as observed"]
    if definition.outcome is not None:
        sums.append("    count(*) filter (where state = 'observed' and value) as total")
    else:
        sums.append("    sum(value) filter (where state = 'observed') as total")
    if definition.denominator is not None:
        sums.append("    sum(denominator) filter (where state = 'observed') as denominator")
    if definition.confirmed is not None:
        sums.append(
            "    count(*) filter (where state = 'observed' and value and confirmed) as confirmed"
        )
    columns = ["state", f"({value}) as value"]
    if definition.denominator is not None:
        columns.append(f"({definition.denominator}) as denominator")
    if definition.confirmed is not None:
        columns.append(f"({definition.confirmed}) as confirmed")
    judged = "\n".join(
        [
            "with judged as (",
            "    select",
            "        *,",
            "        case",
            *[f"    {line}" for line in cases],
            f"            else 'unknown: {definition.reasons_unknown[-1]}'",
            "        end as state",
            f"    from {definition.fact}",
            f"    where ({text['include']})",
            "),",
        ]
    )
    counted = ",\n        ".join(columns)
    return (
        f"{judged}\n\ncounted as (\n    select\n        {counted}\n    from judged\n)\n\n"
        "select\n    count(*) filter (where state not like 'excluded%') as eligible,\n"
        + ",\n".join(sums)
        + "\nfrom counted"
    )

"""Our own stories: every rule's verdict and every line's status, without any outside data."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candor.engines.duck import DuckEngine
from candor.resolution import ladder
from candor.resolution.bill import Thread, audit
from candor.resolution.cases import Case, cases
from candor.resolution.columns import COLUMNS, FROM, SESSION_ENDS
from candor.resolution.invoice import InvoiceLine
from candor.resolution.judged import judge
from candor.resolution.registry import current
from candor.resolution.stories import derived, judge_stories
from candor.settings import ConversationSection, Settings
from candor.window import DAY
from facts.world import make, put

SETTINGS = Settings(conversation=ConversationSection(idle_gap="24h", idle_gap_by_channel={}))
CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_every_story_is_judged_as_told(case: Case) -> None:
    rules = list(current().values())
    with DuckEngine(threads=1) as engine:
        put(engine, list(case.events), covered_until=case.as_of_us)
        make(engine, SETTINGS, case.as_of_us, "rule_case", "conversation", "assessment")
        judged = judge(engine, rules, as_of_us=case.as_of_us)
        columns = {name: column.sql for name, column in COLUMNS.items()}
        columns |= {f"t_session_end_{hours}": sql for hours, sql in SESSION_ENDS.items()}
        shown = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
        table = engine.arrow(f"select {shown}, c.return_channel from {FROM} order by r.thread_id")
    row = judged.threads["thread_id"].to_pylist().index(case.thread_id)
    found = {rule.id: judged.decision(row, n).verdict for n, rule in enumerate(rules)}
    assert {name: found[name] for name in case.verdicts} == case.verdicts
    told = table.select(list(columns)).to_pylist()[row]
    assert {name: value for name, value in told.items() if value is not None} == derived()[case.id]
    fin = [rule.id for rule in rules].index("intercom_fin")
    codes = {r.name: int(c) for r, c in zip(ladder.RUNGS, judged.rungs[row], strict=True)}
    known = Thread("t#1", "t", judged.decision(row, fin), codes, table.to_pylist()[row])
    start = case.as_of_us - 90 * DAY
    line = InvoiceLine("i", "1", "v", start, case.as_of_us, "r", Decimal(1), "EUR", 1, "t")
    status = audit([line], rules[fin], {"t": known}, similar={}, as_of_us=case.as_of_us)[0].status
    assert status == case.bill


@pytest.mark.parametrize("name", ["intercom_fin", "zendesk_verified"])
def test_a_rule_is_judged_on_the_stories_by_what_is_shipped(name: str) -> None:
    """The second waits for another rule, so it can be no better than that."""
    told = judge_stories(current()[name])
    first = [
        one.others["zendesk_contained" if name == "zendesk_verified" else name] for one in told
    ]
    after = {"R": "J"} if name == "zendesk_verified" else {}
    assert [one.verdict for one in told] == [after.get(verdict, verdict) for verdict in first]
    assert next(one for one in told if one.id == "worked").words


def test_the_stories_tell_every_two_rules_apart() -> None:
    columns = list(CASES[0].verdicts)
    told = {name: tuple(case.verdicts[name] for case in CASES) for name in columns}
    assert len(set(told.values())) == len(columns) == 13
    assert len(CASES) == 14

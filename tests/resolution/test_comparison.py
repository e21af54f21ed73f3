"""Rates with bounds, agreement and the funnel, against counting by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from candor.errors import CandorError
from candor.estimates.agreement import gwet_ac1
from candor.resolution import ladder, registry
from candor.resolution.comparison import (
    compare,
    differences,
    dropouts,
    from_three_valued,
    furthest,
)
from candor.resolution.judged import Judged

RULES = registry.current()


def made(codes: list[tuple[int, int]], rungs: list[list[int]] | None = None) -> Judged:
    """Threads under hubspot_resolution (5 lines) and d365_bot_deflection (2 lines)."""
    n = len(codes)
    table = pa.table({
        "thread_id": [f"t{i}" for i in range(n)],
        "conversation_id": [f"t{i}#1" for i in range(n)],
    })  # fmt: skip
    return Judged(
        (RULES["hubspot_resolution"], RULES["d365_bot_deflection"]), table,
        np.asarray(codes, np.int16), np.zeros((n, 2), np.int8),
        np.asarray(rungs or [[1] * len(ladder.RUNGS)] * n, np.int8),
        np.arange(n, dtype=np.int16) % 200,
    )  # fmt: skip


def test_a_rate_shows_what_it_does_not_know() -> None:
    judged = made([(5, 2)] * 30 + [(1, 1)] * 20 + [(4, 2)] * 8 + [(-2, 1_001)] * 2 + [(0, 0)] * 5)
    rate = compare(judged).rates[0]
    assert (rate.resolved, rate.not_resolved, rate.undetermined, rate.excluded) == (30, 20, 10, 5)
    assert rate.reasons == {"fact_missing": 2, "silent": 8}
    assert (rate.lower, rate.decided.point, rate.upper) == (0.5, 0.6, pytest.approx(40 / 60))
    assert rate.decided.low is not None and 0.45 < rate.decided.low < 0.6  # noqa: PT018
    assert rate.assumed == 0


def test_refusals_alone_are_no_rate() -> None:
    judged = made([(1, 1)] * 40 + [(5, 2)] * 4 + [(1_001, 1)] * 6)
    refused = compare(judged).rates[0]
    assert (refused.decided.point, str(refused.decided.refusal)) == (None, "immature")
    assert (refused.lower, refused.upper) == (0.08, 0.2)
    rung = [[-2] * len(ladder.RUNGS)] * 10 + [[0] * len(ladder.RUNGS)] * 40
    step = compare(made([(5, 2)] * 50, rung)).steps[0]
    assert str(step.alone.decided.refusal) == "unlabelled"


def test_the_share_that_rests_on_assumptions() -> None:
    rate = compare(made([(5, 2)] * 30 + [(2, 1)] * 10)).rates[0]
    assert rate.assumed == 0.25


def test_agreement_is_that_of_the_published_coefficient() -> None:
    codes = [(5, 2)] * 25 + [(1, 1)] * 10 + [(1, 2)] * 15 + [(5, 1)] * 4
    pair = compare(made(codes)).pairs[0]
    a = [1.0] * 25 + [0.0] * 10 + [0.0] * 15 + [1.0] * 4
    b = [1.0] * 25 + [0.0] * 10 + [1.0] * 15 + [0.0] * 4
    assert (pair.both, pair.only_first, pair.only_second) == (54, 4, 15)
    assert pair.agreed == pytest.approx(35 / 54)
    assert pair.ac1 == pytest.approx(gwet_ac1([a, b]))
    assert pair.difference.point == pytest.approx(-11 / 54)
    assert pair.difference.high is not None
    assert pair.difference.high < 0
    assert furthest([pair], {pair.first, pair.second}, 1) == [pair]
    assert furthest([pair], {pair.first}, 1) == []


def test_differences_name_both_lines() -> None:
    found = differences(made([(1, 2), (5, 2)]), 1, 0)
    assert found == [
        {
            "conversation": "t0#1",
            "first": "every other case (stated)",
            "second": "by(t_human_requested) (stated)",
        }
    ]


def test_the_funnel_counts_what_drops_out() -> None:
    full = [1] * len(ladder.RUNGS)
    names = [rung.name for rung in ladder.RUNGS]
    stopped = [*full]
    stopped[names.index("no_return_24h")] = 0
    silent = [*full]
    silent[names.index("customer_confirmed")] = silent[names.index("system_confirmed")] = -1
    outside = [-3] * len(ladder.RUNGS)
    steps = compare(made([(5, 2)] * 4, [full, stopped, silent, outside])).steps
    assert [step.dropped for step in steps] == [0, 0, 0, 1, 0, 0, 0, 1, 0]
    assert [step.proved.resolved for step in steps if not step.is_beside] == [
        3,
        3,
        2,
        2,
        2,
        2,
        1,
        1,
    ]
    lost = dropouts(made([(5, 2)] * 4, [full, stopped, silent, outside]))
    assert {rung: cases for rung, cases in lost.items() if cases} == {
        "no_return_24h": [{"conversation": "t1#1", "says": "not_resolved"}],
        "customer_confirmed": [{"conversation": "t2#1", "says": "undetermined"}],
    }
    last = steps[-1].proved
    assert (last.not_resolved, last.undetermined, last.excluded) == (1, 1, 1)


def test_three_valued_figures_stand_beside() -> None:
    flags = [
        np.asarray(x)
        for x in ([True, True, False, True], [True, False, True, True], [True] * 3 + [False])
    ]
    assert list(from_three_valued(*flags)) == [
        "resolved",
        "not_resolved",
        "undetermined",
        "excluded",
    ]


CONTRACT = """\
id: acme
version: 1
valid_from: 2026-09-01
denominator: n_ai_messages > 0 and not is_test
evaluate_at: t_last_activity + 72h
decide:
  - [ever(t_human_requested), "N", "4.2"]
  - ["within(t_person_return, t_last_activity, 7d)", "N", "4.3"]
  - [True, R, "4.1"]
billed: [R]
price: {amount: 1.00, currency: EUR}
"""


def read(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "rule.yaml"
    path.write_text(text)
    return registry.read(path)


def test_a_contract_is_read(tmp_path: Path) -> None:
    rule = read(tmp_path, CONTRACT)
    assert rule.is_contract
    assert [line.verdict for line in rule.lines] == ["N", "N", "R"]
    assert rule.lines[1].condition.waits == "c.last_activity_at + 604800000000"
    assert str(rule.text.price.amount) == "1.00" or rule.text.price.amount == 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ever(t_human_requested)", "ever(t_human_requestd)", ["rule.yaml:7", "t_human_requested"]),
        ('- [True, R, "4.1"]', '- [engaged, R, "4.1"]', ["rule.yaml:6", "does not end with True"]),
        ('"4.2"]', '"4.2"]\n  - [True, "N", "4.2"]', ["never be reached"]),
        ("72h", "72 hours", ["rule.yaml:5", "t_last_activity + 72h"]),
        ('[True, R, "4.1"]', '[True, yes please, "4.1"]', ["rule.yaml:9", "unknown verdict"]),
        ("version: 1", "version: 1\nwindow: 3", ["rule.yaml:3", "window"]),
        ("ever(t_human_requested)", "__import__('os')", ["rule.yaml:7", "by(t)"]),
        ("ever(t_human_requested)", "n_ai_messages", ["rule.yaml:7", "not true or false"]),
        ("ever(t_human_requested)", "t_escalated > 5", ["rule.yaml:7"]),
    ],
)
def test_mistakes_are_told_with_their_line(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    with pytest.raises(CandorError) as caught:
        read(tmp_path, CONTRACT.replace(old, new, 1))
    told = " | ".join(f"{p.where} {p.what} {p.expected} {p.fix}" for p in caught.value.problems)
    for word in words:
        assert word in told, told


def test_a_contract_may_extend_a_rule(tmp_path: Path) -> None:
    rule = read(
        tmp_path,
        "id: ours\nversion: 3\nextends: hubspot_resolution\nevaluate_at: t_last_activity + 24h\n",
    )
    assert rule.evaluate_at.text == "t_last_activity + 24h"
    assert [line.verdict for line in rule.lines] == ["N", "N", "N", "?", "R"]


def test_a_published_version_never_changes() -> None:
    hashes = {
        rule.id: [v.digest[:12] for v in registry.shipped()[rule.id]] for rule in RULES.values()
    }
    assert len(hashes) == 16
    assert len({h for versions in hashes.values() for h in versions}) == 17

"""What the systems around the desk record is counted in the truth and follows what was planted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from candor.simulator import DEMO, simulate
from candor.simulator.texts import INTENTS
from candor.simulator.world import REVERSED

Events = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Events, dict[str, Any]]:
    out = tmp_path_factory.mktemp("office")
    truth = simulate(5_000, 7, out, world=DEMO).truth
    events: Events = {}
    for line in (out / "events.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        events.setdefault(event["type"], []).append(event)
    return events, truth["business"]


def test_the_truth_counts_what_was_written(told: tuple[Events, dict[str, Any]]) -> None:
    events, business = told
    lines = events["invoice_line"]
    threads = Counter(line["thread_id"] for line in lines)
    known = {one["thread_id"] for one in events["conversation"]}
    assert len(lines) == business["invoice_lines"] > 1_000
    assert sum(n - 1 for n in threads.values()) == business["billed_twice"] > 5
    assert sum(1 for thread in threads if thread not in known) == business["billed_unknown"] > 2
    sales = [c for c in events["confirmation"] if c["kind"] == "repurchase"]
    cents = sum(round(100 * float(c["amount"])) for c in sales)
    assert (len(sales), cents) == (business["purchases"], business["purchase_cents"])
    acts = events["intervention"]
    assert len(acts) == business["interventions"]
    assert sum(a["ai_role"] != "none" for a in acts) == business["interventions_with_ai"]
    gaps = Counter(gap["status"] for gap in events["gap"])
    assert sum(gaps.values()) == business["gaps"]
    assert gaps["resolved"] == business["gaps_resolved"] == len(events["knowledge_change"])
    churned = {a["account_id"] for a in events["account"] if a["status"] == "churned"}
    assert len(churned) == business["churned"] > 0
    assert len({a["account_id"] for a in events["account"]}) == business["accounts"]


def test_only_claimed_resolutions_are_billed_once_a_month(
    told: tuple[Events, dict[str, Any]],
) -> None:
    events, _ = told
    claimed = {c["thread_id"] for c in events["claim"] if c["is_billable"]}
    billed = {line["thread_id"] for line in events["invoice_line"]}
    assert {thread for thread in billed if not thread.startswith("gone-")} <= claimed
    keys = [(line["invoice_id"], line["line"]) for line in events["invoice_line"]]
    assert len(set(keys)) == len(keys)


def test_nothing_in_the_office_speaks_about_an_outcome(
    told: tuple[Events, dict[str, Any]],
) -> None:
    events, _ = told
    kinds = {"repurchase", "renewal"}
    said = {c["supports"] for c in events["confirmation"] if c["kind"] in kinds}
    assert said == {"neutral"}


def test_the_reversed_world_is_better_in_every_part_and_worse_as_a_whole(tmp_path: Path) -> None:
    simulate(30_000, 5, tmp_path, world=REVERSED)
    intent, claims = {}, []
    for line in (tmp_path / "events.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        if event["type"] == "conversation":
            intent[event["thread_id"]] = event["intent_id"]
        elif event["type"] == "claim":
            claims.append(event)
    claims.sort(key=lambda claim: claim["occurred_at"])
    early, late = claims[: len(claims) // 3], claims[-len(claims) // 3 :]

    def share(of: list[dict[str, Any]], name: str | None = None) -> float:
        some = [c["claimed"] for c in of if name in (None, intent[c["thread_id"]])]
        return sum(claim.startswith("resolved") for claim in some) / len(some)

    assert share(late) < share(early) - 0.005
    better = sum(share(late, name) > share(early, name) for name in INTENTS)
    assert better >= 6

"""Labels go in, correct what they can, and come out as they went in."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from candor import pipeline
from candor.answers import Answers
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.estimates import Thresholds
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.reviewing import form
from candor.reviewing.labels import export_labels, import_labels
from candor.reviewing.queue import draw_queue
from candor.reviewing.rates import corrected_rates
from candor.workspace import Workspace


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A measured desk of simulated conversations."""
    folder = tmp_path_factory.mktemp("labels") / "desk"
    pipeline.build_demo(folder, conversations=300, seed=3)
    return Workspace.open(folder)


def facts(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        return engine.rows(sql)


def answered(path: Path, answers: dict[str, str], target: Path, *, assessor: str) -> Path:
    """A form filled in as a person would."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row["label"] = answers.get(row["conversation_id"], "")
        row["assessor"] = assessor
    form.write(target, rows, shown="transcript" in rows[0])
    return target


def test_a_queue_is_drawn_by_design_and_its_forms_are_blind(demo: Workspace) -> None:
    queue = draw_queue(demo, "tone", 60, double=0.2, floor=5, with_text=True)
    again = draw_queue(demo, "tone", 60, double=0.2, floor=5, with_text=True)
    assert again == queue
    assert draw_queue(demo, "tone", 60, floor=5, salt="other").queue != queue.queue
    with queue.forms[0].open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert set(rows[0]) == {*form.COLUMNS, form.SHOWN}
    assert len(rows) == queue.items >= 60
    assert queue.double == round(0.2 * queue.items)
    assert all("customer: " in row["transcript"] for row in rows)
    assert {row["label"] + row["value"] for row in rows} == {""}
    design = json.loads((queue.forms[0].parent / "design.json").read_text("utf-8"))
    assert {row["conversation_id"]: float(row["sampling_probability"]) for row in rows} == {
        one["conversation_id"]: pytest.approx(one["pi"], abs=1e-6) for one in design["items"]
    }
    for stratum in queue.strata:
        assert 0 < stratum.pi <= 1
        assert stratum.drawn <= stratum.units
    units = sum(stratum.units for stratum in queue.strata)
    expected = sum(stratum.pi * stratum.units for stratum in queue.strata)
    assert units == facts(demo, "select count(*) from conversation where engaged and not is_test and not is_spam")[0][0]  # fmt: skip
    assert abs(expected - queue.items) < 0.2 * queue.items


def test_labels_are_stored_counted_and_put_candors_own_verdict_right(
    demo: Workspace, tmp_path: Path
) -> None:
    queue = draw_queue(demo, "resolved", 120, double=0.3, floor=5)
    truth = {
        item: "true" if verdict else "false"
        for item, verdict in facts(
            demo, "select conversation_id, coalesce(true_resolution, confirmed, false) from conversation"
        )
    }  # fmt: skip
    before = facts(demo, "select max(day), count(*) from conversation")
    first = answered(queue.forms[0], truth, tmp_path / "ann.csv", assessor="Ann Smith")
    second = answered(queue.forms[1], truth, tmp_path / "bob.csv", assessor="Bob Jones")
    found = import_labels(demo, first)
    assert (found.stored, found.blank, found.without_probability) == (queue.items, 0, 0)
    assert import_labels(demo, first).duplicate == queue.items
    assert import_labels(demo, second).stored == queue.double
    pipeline.measure(demo)
    assert facts(demo, "select max(day), count(*) from conversation") == before
    rates = corrected_rates(demo, criterion="resolved", thresholds=Thresholds(min_k_eff=2))
    own = next(one for one in rates if one.epoch == "candor true_resolution")
    assert own.corrected.point is not None
    assert own.corrected.low is not None
    assert own.corrected.high is not None
    rows = facts(demo, "select avg(case when coalesce(true_resolution, confirmed, false) then 1 else 0 end) from conversation where eligible and ai_involved")  # fmt: skip
    assert own.corrected.low <= rows[0][0] <= own.corrected.high
    assert own.people is not None
    assert own.people.raw == 1.0
    assert own.abstained > 0
    with Answers.open(demo.root) as answers:
        shown = answers.estimates(
            ["true_resolution_rate", "resolution_rate_informational"]
        ).estimates
    beside = shown[0].judged
    assert beside is not None
    assert beside.beside
    assert beside.corrected.point == pytest.approx(own.corrected.point)
    assert shown[0].method != beside.corrected.method
    assert shown[0].bounds is not None
    assert shown[1].judged is None
    names = facts(demo, "select distinct assessor_id from assessment where assessor_kind = 'human'")
    assert len(names) == 2
    assert all(name.startswith("k") and "Ann" not in name for (name,) in names)
    with Lake.open(demo.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection)
        chances = engine.rows("select count(*) from ev_assessment where assessor_kind = 'human' and sampling_probability is null")  # fmt: skip
    assert chances == [(0,)]

    out = tmp_path / "all.csv"
    assert export_labels(demo, out, criterion="resolved") == queue.items + queue.double
    assert import_labels(demo, out).duplicate == queue.items + queue.double


def test_a_chance_in_the_file_does_not_change_the_draw(demo: Workspace, tmp_path: Path) -> None:
    queue = draw_queue(demo, "clarity_ok", 20, floor=1)
    path = answered(queue.forms[0], {}, tmp_path / "form.csv", assessor="ann")
    text = path.read_text("utf-8")
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    rows = [{**row, "label": "true", "sampling_probability": "1"} for row in rows]
    form.write(path, rows)
    assert text != path.read_text("utf-8")
    import_labels(demo, path)
    with Lake.open(demo.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection)
        found = engine.rows("select sampling_probability from ev_assessment where criterion = 'clarity_ok'")  # fmt: skip
    design = json.loads((queue.forms[0].parent / "design.json").read_text("utf-8"))
    assert sorted(chance for (chance,) in found) == sorted(one["pi"] for one in design["items"])


def test_every_mistake_is_told_at_once_and_nothing_is_stored(
    demo: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "bad.jsonl"
    rows = [
        {"conversation_id": "nobody#1", "criterion": "tone", "label": "good", "assessor": "ann"},
        {"criterion": "tone", "label": "good", "assessor": "ann"},
        {"thread_id": "t1", "label": "good", "assessor": "ann", "criterion": "tone", "sampling_probability": 2},
        {"thread_id": "t1", "label": "good", "asessor": "ann", "criterion": "tone"},
        {"thread_id": "t1", "criterion": "tone"},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(CandorError) as caught:
        import_labels(demo, path)
    told = str(caught.value)
    assert caught.value.code == "labels.invalid"
    assert "names no item" in told
    assert "sampling_probability is '2'" in told
    assert "unknown column 'asessor'" in told
    good = tmp_path / "unknown.jsonl"
    good.write_text(json.dumps(rows[0]) + "\n", "utf-8")
    with pytest.raises(CandorError) as caught:
        import_labels(demo, good)
    assert "there is no conversation_id nobody#1" in str(caught.value)


def test_unknown_is_an_abstention_and_formulas_are_defused(tmp_path: Path) -> None:
    path = tmp_path / "form.csv"
    form.write(
        path,
        [
            {"thread_id": "t1", "criterion": "tone", "label": "unknown", "assessor": "ann", "comment": "=1+1"},
            {"thread_id": "t2", "criterion": "tone", "assessor": "ann"},
        ],
    )  # fmt: skip
    assert "'=1+1" in path.read_text("utf-8")
    read = form.read(path)
    assert read.blank == 1
    assert (read.labels[0].label, read.labels[0].value) == (None, None)
    assert read.labels[0].comment == "=1+1"

"""A fit is told on customers it never saw, is refused below a minimum, and never reads the survey."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from candor import pipeline
from candor.cli import main as program
from candor.engines.duck import DuckEngine
from candor.errors import CandorError
from candor.lake import Lake
from candor.lake.serving import Serving
from candor.reviewing.calibrate import calibrate
from candor.reviewing.labels import import_labels
from candor.scorers.experience import model
from candor.scorers.experience.run import read_features
from candor.workspace import Workspace


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A measured desk with 400 labels: resolved is what the facts say, one in ten turned round."""
    folder = tmp_path_factory.mktemp("calibrate") / "desk"
    pipeline.build_demo(folder, conversations=900, seed=4)
    workspace = Workspace.open(folder)
    with DuckEngine(Serving(workspace.serving).current().facts, read_only=True) as engine:
        rows = engine.rows(
            "select conversation_id, true_resolution from conversation"
            " where true_resolution is not null and eligible order by conversation_id"
        )
    rng = random.Random(1)
    lines = []
    for item, verdict in rng.sample(rows, 400):
        for who in ("ann", "bob"):
            said = verdict if rng.random() < 0.9 else not verdict
            if who == "ann" or rng.random() < 0.2:
                lines.append({"conversation_id": item, "criterion": "resolved", "assessor": who,
                              "label": "true" if said else "false", "sampling_probability": 0.5})  # fmt: skip
    path = folder.parent / "labels.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    import_labels(workspace, path)
    pipeline.measure(workspace)
    return workspace


def test_labels_make_the_part_better_on_unseen_customers(demo: Workspace) -> None:
    found = calibrate(demo, "resolved")
    assert (found.part, found.units) == ("resolution_quality", 400)
    assert found.before.brier.point is not None
    assert found.after.brier.point is not None
    assert found.after.brier.point < min(found.before.brier.point, found.after.climatology)
    assert found.after.expected_error < found.before.expected_error
    assert found.is_better
    assert found.people is not None
    assert found.people.pairs > 50
    assert found.machine is not None
    # People agree on 0.9² + 0.1² of the items; no machine can do much better than one of them.
    assert found.people.raw == pytest.approx(0.82, abs=0.12)
    assert found.machine.raw < 0.95
    assert sum(step.count for step in found.after.curve) == 400
    assert {group.dimension for group in found.groups} == {"path", "language", "channel"}
    small = [group for group in found.groups if group.units < 20]
    assert all(group.brier is None for group in small)


def test_a_fit_is_a_model_like_any_other(demo: Workspace) -> None:
    found = calibrate(demo, "resolved")
    learnt = model.parse(found.model, "fitted", model.built_in())
    part = next(one for one in learnt.parts if one.name == "resolution_quality")
    assert part.intercept == found.weights["intercept"][1]
    assert dict(part.features) == {name: new for name, (_, new) in found.weights.items() if name != "intercept"}  # fmt: skip
    assert [one for one in learnt.parts if one.name != "resolution_quality"] == [
        one for one in model.built_in().parts if one.name != "resolution_quality"
    ]
    assert learnt.markers == model.built_in().markers


def test_too_few_answers_fit_nothing(demo: Workspace) -> None:
    with pytest.raises(CandorError) as caught:
        calibrate(demo, "tone")
    assert caught.value.code == "calibrate.too_few"
    assert "at least 60" in str(caught.value)
    with pytest.raises(CandorError) as caught:
        calibrate(demo, "tona")
    assert caught.value.code == "calibrate.criterion"


def test_surveys_are_not_read_by_what_is_fitted_to_them(demo: Workspace) -> None:
    publication = Serving(demo.serving).current()
    with Lake.open(demo.root) as lake, DuckEngine() as engine:
        lake.create_views(engine.connection, lake.snapshot(), types=("message", "assessment"))
        engine.run(f"attach '{publication.facts}' as published (read_only)")
        engine.run("create temp view conversation as from published.conversation")
        engine.load("setting", pa.table({"as_of_us": [publication.about["as_of_us"]]}))
        keys = engine.arrow(
            "select conversation_key from conversation where explicit_feedback is not null"
        )["conversation_key"].combine_chunks()
        assert len(keys) > 20
        _, read = read_features(engine, model.built_in(), keys, without_survey=True)
        _, seen = read_features(engine, model.built_in(), keys, without_survey=False)
    both = ("feedback_positive", "feedback_negative")
    assert sum(float(np.nansum(read.features[name].values)) for name in both) == 0
    assert sum(float(np.nansum(seen.features[name].values)) for name in both) == len(keys)


def test_an_inferred_answer_is_scored_once_it_was_fitted(
    demo: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with DuckEngine(Serving(demo.serving).current().facts, read_only=True) as engine:
        assert engine.rows("select count(csat_inferred_by) from conversation_quality") == [(0,)]
    code = program.main(["calibrate", "--criterion", "csat", "--apply", "--json", "-w", str(demo.root)])  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert (code, told["written"]) == ((0, True) if told["is_better"] else (3, False))
    assert told["part"] == "csat_inferred"
    if told["written"]:
        pipeline.measure(demo)
        with DuckEngine(Serving(demo.serving).current().facts, read_only=True) as engine:
            rows = engine.rows(
                "select count(csat_inferred_ppm), avg(csat_inferred_ppm) / 1e6,"
                " avg(case when csat_ppm >= 750000 then 1.0 when csat_ppm is not null then 0 end)"
                " from conversation_quality"
            )
        assert rows[0][0] > 800
        assert rows[0][1] == pytest.approx(float(rows[0][2]), abs=0.12)
    Path(demo.root / model.FILE).unlink(missing_ok=True)

"""Every command as users run it: its output, its exit code, and what it says of a mistake."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor.cli import main as program

from .conftest import DEMO_CONVERSATIONS, MESSAGES, Ran, run_candor

COMMANDS = (
    ("demo",), ("init",), ("ingest",), ("measure",), ("simulate",), ("show",), ("scorecard",),
    ("metrics",), ("explain",), ("why",), ("doctor",), ("verify",), ("quarantine",),
    ("quarantine", "list"), ("quarantine", "show"), ("quarantine", "replay"), ("review",),
    ("vendor-report",), ("plan",), ("experiments",), ("compare-rules",), ("claims",), ("audit-bill",), ("export", "rules"),
    ("tick",), ("what-if",),
)  # fmt: skip
ENGINES = ("duckdb", "pyarrow", "polars", "deltalake", "numpy", "scipy", "pydantic", "sqlglot")
ESTIMATE_KEYS = {
    "metric", "grain", "period_start", "period_end", "segment", "eligible", "observed", "unknown",
    "excluded", "total", "point", "low", "high", "level", "n_eff", "customers", "k_eff", "method",
    "evidence", "unit", "refusal", "caveats", "definition", "snapshot",
}  # fmt: skip
INGEST_KEYS = {"read", "stored", "duplicate", "quarantined", "by_type", "by_reason"}


def in_process(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    """The program without a process of its own, for what does not depend on one."""
    code = program.main([str(one) for one in arguments])
    said = capsys.readouterr()
    return Ran(code, said.out, said.err)


# Starting


def test_help_loads_no_engine() -> None:
    code = (
        "import sys; from candor.cli.main import main; code = main(['--help']);"
        " import json; print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stderr)
    assert status == 0
    assert {name.split(".")[0] for name in modules}.isdisjoint(ENGINES)
    assert all(command[0] in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    ran = in_process(capsys, *command, "--help")
    assert ran.code == 0
    assert f"{' '.join(command)} [OPTIONS]" in ran.out


def test_version_and_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert in_process(capsys, "--version").out == "candor 0.1.0\n"
    nothing = in_process(capsys)
    assert (nothing.code, nothing.out) == (2, "")
    assert "Commands:" in nothing.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shwo",), "Did you mean 'show'"),
        (("show", "--jsno"), "--jsno"),
        (("ingest",), "source"),
        (("quarantine", "lst"), "lst"),
        (("show", "--grain", "mnth"), "did you mean 'month'?"),
        (("scorecard", "--view", "all"), "unknown view 'all'"),
        (("scorecard", "--fail-on", "bad"), "unknown status 'bad'"),
        (("scorecard", "--out", "x.docx"), "ending in .html"),
        (("simulate", "--out", "x", "--world", "demmo"), "did you mean 'demo'?"),
        (("explain", "silent_failure"), "did you mean 'silent_failure_rate'?"),
        (("init", "x", "--from", "absent.csv"), "absent.csv"),
    ],
)
def test_usage_is_exit_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = in_process(capsys, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told.lower() in ran.err.lower()
    assert "Traceback" not in ran.err
    assert list(tmp_path.iterdir()) == []
    as_json = in_process(capsys, *arguments, "--json")
    if as_json.out:
        assert set(as_json.json) == {"error", "problems"}


# The demo


def test_demo_ends_with_its_scorecard(demo_run: tuple[Path, Ran]) -> None:
    folder, ran = demo_run
    page = folder / "scorecard.html"
    assert f"Scorecard to keep: {page}" in ran.err
    assert " = " in ran.err.split("records read")[1].split("\n")[0]
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "</html>" in text
    assert re.findall(r"(?:src|href)=\"https?://", text) == []
    assert "as of 20" in ran.out
    again = run_candor("demo", folder, "--conversations", "100")
    assert (again.code, again.out) == (1, "")
    assert "there is a workspace here already" in again.err
    assert page.read_text("utf-8") == text


def test_demo_in_json(tmp_path: Path, candor: Callable[..., Ran]) -> None:
    made = candor("demo", tmp_path / "d", "--conversations", "300", "--json").json
    assert set(made) == {"workspace", "html", "ingested", "measured", "scorecard"}
    assert Path(made["html"]).stat().st_size > 10_000
    assert made["ingested"]["read"] == made["ingested"]["stored"] > 300


# Reading


@pytest.mark.parametrize("grain", ["all", "month"])
def test_show_rows_have_one_shape(
    capsys: pytest.CaptureFixture[str], demo: Path, grain: str
) -> None:
    ran = in_process(capsys, "show", "--grain", grain, "--json", "-w", demo)
    assert ran.code == 0
    assert set(ran.json) == {"estimates", "snapshot", "as_of", "data_health"}
    for row in ran.json["estimates"]:
        assert set(row) >= ESTIMATE_KEYS
        assert row["eligible"] == row["observed"] + row["unknown"]
        assert (row["point"] is None) == (row["refusal"] is not None)
        if row["unit"] == "share" and row["point"] is not None and row["metric"] != "data_health":
            assert 0 <= row["low"] <= row["point"] <= row["high"] <= 1
        whole = grain == "all" or row["refusal"] == "unavailable"
        assert (row["period_start"] is None) == whole
    assert len({row["metric"] for row in ran.json["estimates"]}) > 60


def test_show_parts_add_up(capsys: pytest.CaptureFixture[str], demo: Path) -> None:
    def rows(*more: str) -> list[dict[str, Any]]:
        ran = in_process(capsys, "show", "containment_rate", *more, "--json", "-w", demo)
        assert ran.code == 0
        return ran.json["estimates"]

    (whole,) = rows()
    for more in (("--by", "channel"), ("--by", "channel", "--by", "release"), ("--grain", "week")):
        parts = rows(*more)
        assert len(parts) > 3
        assert sum(part["eligible"] for part in parts) == whole["eligible"]
        assert sum(part["total"] for part in parts) == whole["total"]
    by_channel = {row["segment"]["channel"]: row for row in rows("--by", "channel")}
    (chat,) = rows("--where", "channel=chat")
    assert (chat["eligible"], chat["total"]) == (
        by_channel["chat"]["eligible"], by_channel["chat"]["total"],
    )  # fmt: skip
    since, until = rows("--since", "2026-08-15"), rows("--until", "2026-08-15")
    assert since[0]["eligible"] + until[0]["eligible"] == whole["eligible"]


def test_scorecard_in_json_and_as_gate(
    capsys: pytest.CaptureFixture[str], demo: Path, tmp_path: Path
) -> None:
    card = in_process(capsys, "scorecard", "--json", "-w", demo)
    assert card.code == 0
    assert len(card.json["categories"]) == 5
    gate = in_process(capsys, "scorecard", "--fail-on", "missed", "--json", "-w", demo)
    assert (gate.code, gate.out) == (3, card.out)
    page = tmp_path / "card.html"
    wrote = in_process(capsys, "scorecard", "--out", page, "-w", demo)
    assert (wrote.code, wrote.out, wrote.err) == (0, "", f"wrote {page}\n")
    assert page.read_text("utf-8") == (demo / "scorecard.html").read_text("utf-8")


def test_catalogue_and_definition(capsys: pytest.CaptureFixture[str], demo: Path) -> None:
    listed = in_process(capsys, "metrics", "silent", "--json", "-w", demo).json["metrics"]
    assert [row["metric"] for row in listed] == ["silent_failure_rate"]
    assert listed[0]["available"] is True
    page = in_process(capsys, "explain", "silent_failure_rate", "--json", "-w", demo).json
    assert "select" in page["sql"].lower()
    assert "confirmation.supports" in page["event_fields"]
    said = in_process(capsys, "explain", "silent_failure_rate", "-w", demo)
    assert said.code == 0
    assert page["question"] in said.out.replace("\n", " ")


def test_catalogue_needs_no_workspace(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = in_process(capsys, "metrics", "--json").json["metrics"]
    assert {row["available"] for row in rows} == {None}
    assert in_process(capsys, "doctor").code == 0


def test_why_shows_the_evidence(capsys: pytest.CaptureFixture[str], demo: Path) -> None:
    from candor.answers import Answers

    with Answers.open(demo) as answers:
        (unit,) = answers.units("silent_failure_rate", "numerator", 1)
    page = in_process(capsys, "why", unit.conversation_id, "--json", "-w", demo).json
    (contact,) = page["contacts"]
    states = {one["metric"]: one["state"] for one in contact["verdicts"]}
    assert states["silent_failure_rate"] in ("true", "confirmed")
    assert any(moment["kind"] == "message" and moment["text"] for moment in page["timeline"])
    assert in_process(capsys, "why", unit.conversation_id, "-w", demo).code == 0
    unknown = in_process(capsys, "why", "nobody", "--json", "-w", demo)
    assert (unknown.code, unknown.json["error"]) == (1, "conversation.unknown")


def test_doctor_and_verify(capsys: pytest.CaptureFixture[str], demo: Path) -> None:
    findings = in_process(capsys, "doctor", "--json", "-w", demo)
    assert findings.code == 0
    assert {one["level"] for one in findings.json["findings"]} <= {"ok", "warning"}
    verified = in_process(capsys, "verify", "--json", "-w", demo)
    assert (verified.code, verified.json) == (0, {"problems": []})


# Making


def csv_file(folder: Path, *rows: str) -> Path:
    path = folder / "export.csv"
    head = "event_id,conversation_id,ts,actor,channel,body,csat"
    path.write_text("\n".join((head, *rows)) + "\n", "utf-8")
    return path


GOOD = (
    "m1,c1,2026-05-01T10:00:00Z,customer,chat,Where is my order?,",
    "m2,c1,2026-05-01T10:00:09Z,ai,chat,It comes tomorrow.,",
    "m3,c1,2026-05-01T10:01:00Z,customer,chat,Thanks,5",
)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    root = tmp_path / "desk"
    assert in_process(capsys, "init", root).code == 0
    (root / "mappings" / "desk.yaml").write_text(
        MESSAGES.format(format='{type: csv, delimiter: ","}'), "utf-8"
    )
    return root


def ingested(capsys: pytest.CaptureFixture[str], desk: Path, path: Path, *more: str) -> Ran:
    mapping = desk / "mappings" / "desk.yaml"
    return in_process(capsys, "ingest", "generic", path, "--mapping", mapping, "-w", desk, *more)


def test_from_a_file_to_a_verdict(
    capsys: pytest.CaptureFixture[str], desk: Path, tmp_path: Path
) -> None:
    path = csv_file(tmp_path, *GOOD, "m4,c1,tomorrow,ai,chat,hm,")
    first = ingested(capsys, desk, path, "--json")
    assert first.code == 0
    assert set(first.json) >= INGEST_KEYS
    assert {key: first.json[key] for key in INGEST_KEYS} == {
        "read": 4, "stored": 3, "duplicate": 0, "quarantined": 1,
        "by_type": {"conversation": 1, "message": 3}, "by_reason": {"TS_UNPARSED": 1},
    }  # fmt: skip
    second = ingested(capsys, desk, path, "--json").json
    assert (second["read"], second["stored"], second["duplicate"]) == (4, 0, 3)
    listed = in_process(capsys, "quarantine", "list", "--json", "-w", desk).json["quarantined"]
    assert [(one["source"], one["reason"]) for one in listed] == [("generic", "TS_UNPARSED")]
    assert listed[0]["id"] in in_process(capsys, "quarantine", "list", "-w", desk).out
    raw = run_candor("quarantine", "show", listed[0]["id"], "-w", desk)
    assert (raw.code, raw.out) == (0, "m4,c1,tomorrow,ai,chat,hm,\n")
    as_json = in_process(capsys, "quarantine", "show", listed[0]["id"], "--json", "-w", desk)
    assert as_json.json["raw"] == raw.out
    replayed = in_process(capsys, "quarantine", "replay", "--json", "-w", desk).json
    assert replayed == {
        "offered": 1, "stored": 0, "duplicate": 0, "quarantined": 1, "not_read": {},
    }  # fmt: skip
    assert in_process(capsys, "quarantine", "show", "nothing", "-w", desk).code == 1
    measured = in_process(capsys, "measure", "--json", "-w", desk)
    assert measured.code == 0
    assert measured.json["facts"]["conversation"] == 1
    page = in_process(capsys, "why", "c1", "--json", "-w", desk).json
    assert [one["text"] for one in page["timeline"] if one["kind"] == "message"] == [
        "Where is my order?", "It comes tomorrow.", "Thanks",
    ]  # fmt: skip
    shown = in_process(capsys, "show", "true_resolution_rate", "--json", "-w", desk).json
    assert shown["estimates"][0]["point"] is None
    assert shown["data_health"]["quarantined"] == {"TS_UNPARSED": 1}


def test_init_proposes_and_says_what_is_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = csv_file(tmp_path, *GOOD)
    ran = in_process(capsys, "init", tmp_path / "new", "--from", path)
    assert ran.code == 0
    proposal = tmp_path / "new" / "mappings" / "export.yaml"
    assert str(proposal) in ran.err
    assert "# check" in proposal.read_text("utf-8")
    assert in_process(capsys, "init", tmp_path / "new").code == 1
    assert in_process(capsys, "init", path).code == 2


def test_simulate_writes_events_and_truth(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        ran = in_process(
            capsys, "simulate", "--out", tmp_path / folder, "--conversations", "50", "--seed", "3"
        )
        assert ran.code == 0
    for name in ("events.jsonl", "truth.json"):
        one, two = (tmp_path / folder / name for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes() != b""


# Mistakes


def test_a_refused_file_is_named(
    capsys: pytest.CaptureFixture[str], desk: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    ran = ingested(capsys, desk, empty)
    assert ran.code == 1
    assert "empty.csv" in ran.err
    assert "nothing could be read" in ran.err
    both = ingested(capsys, desk, csv_file(tmp_path, *GOOD), str(empty), "--json")
    assert both.code == 1
    assert (both.json["read"], both.json["stored"], len(both.json["refused"])) == (3, 3, 1)
    assert "empty.csv" in both.json["refused"][0]
    assert in_process(capsys, "ingest", "generic", empty, "-w", desk).code == 2


def test_mistakes_in_the_configuration_are_all_told(
    capsys: pytest.CaptureFixture[str], desk: Path
) -> None:
    (desk / "candor.toml").write_text(
        '[workspace]\ntimezone = "Europe/Berln"\n[estimates]\nlevle = 0.9\n', "utf-8"
    )
    for command in (["measure"], ["scorecard"], ["doctor"], ["verify"], ["quarantine", "list"]):
        ran = in_process(capsys, *command, "-w", desk, "--json")
        assert (ran.code, ran.json["error"]) == (1, "config.invalid")
        told = {one["where"].split("candor.toml:")[1]: one["fix"] + one["what"]
                for one in ran.json["problems"]}  # fmt: skip
        assert set(told) == {"2: workspace.timezone", "4: estimates.levle"}
        assert "did you mean 'level'?" in told["4: estimates.levle"]
        assert "Europe/Berlin" in told["2: workspace.timezone"]


def test_mistakes_in_a_mapping_are_all_told(
    capsys: pytest.CaptureFixture[str], desk: Path, tmp_path: Path
) -> None:
    mapping = desk / "mappings" / "desk.yaml"
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace("actor:", "acter:").replace("take:", "tkae:"), "utf-8")
    ran = ingested(capsys, desk, csv_file(tmp_path, *GOOD))
    assert (ran.code, ran.out) == (1, "")
    assert "did you mean 'actor'?" in ran.err
    assert "did you mean 'take'?" in ran.err
    assert f"{mapping}:" in ran.err
    assert not (desk / "state.db").exists()


def test_mistakes_in_a_metric_are_all_told(
    capsys: pytest.CaptureFixture[str], demo: Path, desk: Path
) -> None:
    mine = desk / "metrics" / "mine.yaml"
    mine.write_text("metric: mine\nversion: one\nqestion: Why?\n", "utf-8")
    ran = in_process(capsys, "metrics", "-w", desk, "--json")
    assert ran.code == 1
    problems = ran.json["problems"]
    assert len(problems) > 3
    assert all("mine.yaml" in one["where"] for one in problems)
    assert "question" in json.dumps(problems)
    assert in_process(capsys, "measure", "-w", desk).code == 1
    assert in_process(capsys, "doctor", "-w", desk).code == 1


@pytest.mark.parametrize("command", ["show", "scorecard", "measure", "verify"])
def test_no_workspace_and_nothing_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, desk: Path, command: str
) -> None:
    none = in_process(capsys, command, "-w", tmp_path, "--json")
    assert (none.code, none.json["error"]) == (1, "config.missing")
    fresh = in_process(capsys, command, "-w", desk, "--json")
    assert fresh.code == 1
    assert fresh.json["error"] in ("serving.none", "lake.none")


def test_as_of_that_is_no_instant(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    ran = in_process(capsys, "measure", "--as-of", "soon", "-w", desk)
    assert ran.code == 2
    assert "'soon' is no instant" in ran.err


@pytest.mark.parametrize("as_json", [False, True])
def test_a_fault_of_ours_shows_no_trace(
    capsys: pytest.CaptureFixture[str],
    desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    as_json: bool,
) -> None:
    from candor import pipeline

    def break_down(*_: object, **__: object) -> None:
        raise ZeroDivisionError("customer text")

    monkeypatch.setattr(pipeline, "measure", break_down)
    ran = in_process(capsys, "measure", "-w", desk, *(["--json"] if as_json else []))
    assert ran.code == 1
    assert "this is a fault of candor" in ran.out + ran.err
    assert "customer text" not in ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err
    (trace,) = (desk / "restricted" / "faults").iterdir()
    assert str(trace) in ran.out + ran.err
    assert "ZeroDivisionError: customer text" in trace.read_text("utf-8")
    assert trace.stat().st_mode & 0o777 == 0o600
    if as_json:
        assert ran.json["error"] == "candor.fault"
    else:
        assert ran.err.count("\n") == 1


def test_interrupted_is_130(tmp_path: Path) -> None:
    code = "from candor.cli.main import run; run()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "demo", str(tmp_path / "d"), "--conversations", "50000"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ},
    ) as process:  # fmt: skip
        # Libraries may swallow what arrives while they are imported; the work has begun after that.
        until = time.monotonic() + 60
        while not (tmp_path / "d" / "candor.toml").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err == b"interrupted\n"


def test_a_closed_pipe_is_no_error(demo: Path) -> None:
    command = f"{sys.executable} -c 'from candor.cli.main import run; run()' metrics -w {demo}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith("metric")


def test_hundreds_of_conversations_were_measured(demo: Path) -> None:
    ran = run_candor("show", "containment_rate", "--json", CANDOR_WORKSPACE=str(demo))
    assert ran.json["estimates"][0]["eligible"] > DEMO_CONVERSATIONS // 2

"""The commands of the dashboard: accounts on the host, what serve refuses, the audit log."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from candor import pipeline
from candor.access.store import NAME
from candor.cli.main import main

from .conftest import PASSWORD


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A new workspace."""
    pipeline.initialise(tmp_path / "new", [])
    return tmp_path / "new"


def _add(place: Path, name: str, role: str, *more: str) -> int:
    secret = place.parent / "password"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    return main(
        ["people", "add", name, "--role", role, "--password-file", str(secret), *more,
         "-w", str(place)]
    )  # fmt: skip


def test_accounts_are_made_and_listed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _add(place, "ada", "admin") == 0
    assert _add(place, "mel", "viewer", "--confine", "channel=email") == 0
    more = ["--reason", "quality review", "-w", str(place)]
    assert main(["people", "grant-text", "mel", *more]) == 0
    assert main(["people", "off", "mel", "-w", str(place)]) == 0
    capsys.readouterr()
    assert main(["people", "list", "--json", "-w", str(place)]) == 0
    ada, mel = json.loads(capsys.readouterr().out)["people"]
    assert (ada["name"], ada["role"], ada["disabled"], ada["text_until"]) == (
        "ada", "admin", False, None,
    )  # fmt: skip
    assert (mel["disabled"], mel["scope"]) == (True, {"channel": "email"})
    assert mel["text_until"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("ada", "boss"), "unknown role"),
        (("ada", "admin", "--confine", "planet=mars"), "no restriction"),
        (("ada", "admin", "--confine", "channel"), "no restriction"),
    ],
)
def test_mistakes_are_told(
    place: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], told: str
) -> None:
    assert _add(place, *more) != 0
    assert told in capsys.readouterr().err


def test_the_last_admin_cannot_be_switched_off(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(place, "ada", "admin")
    assert main(["people", "off", "ada", "-w", str(place)]) == 1
    assert "last admin" in capsys.readouterr().err


def test_the_log_is_followed_and_damage_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(place, "ada", "admin")
    _add(place, "bob", "viewer")
    capsys.readouterr()
    assert main(["audit", "verify", "-w", str(place)]) == 0
    anchor = capsys.readouterr().out.split()[-1]
    assert main(["audit", "verify", "--anchor", anchor, "-w", str(place)]) == 0
    with sqlite3.connect(place / "restricted" / NAME) as db:
        db.executescript("drop trigger audit_stays; delete from audit where seq = 2")
    db.close()
    assert main(["audit", "verify", "-w", str(place)]) == 0, "a chain cannot see its own cut tail"
    assert main(["audit", "verify", "--anchor", anchor, "-w", str(place)]) == 3
    assert main(["audit", "verify", "--anchor", "2:x", "-w", str(place)]) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "without TLS"),
        (["--host", "0.0.0.0", "--behind-proxy", "10.0.0.5"], "no name is known"),
        (["--tls-cert", "chain.pem"], "come together"),
    ],
)
def test_serve_refuses_what_is_unsafe(
    place: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert main(["serve", *options, "-w", str(place)]) == 2
    assert told in capsys.readouterr().err


def test_serve_refuses_a_key_that_others_can_read(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = place / "key.pem"
    key.write_text("key")
    key.chmod(0o644)
    options = ["--tls-cert", "chain.pem", "--tls-key", str(key), "--public-host", "a.example"]
    assert main(["serve", *options, "-w", str(place)]) == 2
    assert "others can read the key" in capsys.readouterr().err


def test_serve_needs_an_admin(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "-w", str(place)]) == 1
    assert "candor people add" in capsys.readouterr().err

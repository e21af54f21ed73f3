"""What a pull never does: tell a secret, follow where it was not sent, or reach into the own network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from candor.errors import CandorError
from candor.pulling.description import parse
from pulling.conftest import SECRET, Puller, item
from pulling.server import Reply, Vendor, by_cursor
from pulling.test_engine import CURSOR


@pytest.fixture
def desk(puller: Puller, vendor: Vendor) -> Puller:
    puller.describe(CURSOR)
    vendor.handlers.append(by_cursor("/api/items", "items", [item(n) for n in range(25)], 10))
    return puller


def held_in(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def test_the_secret_goes_to_the_server_and_nowhere_else(
    desk: Puller, vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.describe(CURSOR, toml="keep_days = 30\n")
    told: list[Any] = [desk.pull().as_dict()]
    assert vendor.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    echo = {"error": f"bad token {SECRET}", "items": SECRET}
    for fault in (Reply(echo, 401), Reply(echo, 500), Reply(echo, 302), Reply(echo, 400)):
        vendor.faults += [fault] * (4 if fault.status == 500 else 1)
        try:
            told.append(desk.pull().as_dict())
        except CandorError as error:
            told.append(error.as_dict())
    vendor.faults.append(Reply({"entries": SECRET}))
    told.append(desk.pull().as_dict())
    shown = json.dumps(told) + "".join(capsys.readouterr())
    assert "401" in shown
    assert "302" in shown
    assert SECRET not in shown
    assert SECRET.encode() not in held_in(desk.root)


def test_a_refused_login_names_no_value(desk: Puller, vendor: Vendor) -> None:
    vendor.faults.append(Reply({}, 401))
    with pytest.raises(CandorError) as caught:
        desk.pull()
    assert caught.value.code == "pull.refused"
    assert len(vendor.requests) == 1


def test_a_missing_secret_is_named_by_its_variable(desk: Puller, vendor: Vendor) -> None:
    desk.environment.clear()
    with pytest.raises(CandorError) as caught:
        desk.pull()
    assert caught.value.code == "pull.secret_missing"
    assert "THE_TOKEN" in caught.value.problems[0].what
    desk.describe(CURSOR, toml='environment = {THE_TOKEN = "EU_TOKEN"}\n')
    desk.environment["EU_TOKEN"] = "other"
    desk.pull()
    assert vendor.requests[0].headers["authorization"] == "Bearer other"


def test_a_secret_written_into_a_file_is_refused_and_not_repeated(desk: Puller) -> None:
    desk.describe(CURSOR, toml=f'environment = {{THE_TOKEN = "{SECRET}"}}\n')
    with pytest.raises(CandorError) as caught:
        desk.pull()
    assert caught.value.code == "pull.config"
    assert SECRET not in str(caught.value)
    with pytest.raises(CandorError) as caught:
        parse(
            "title: x\nconnector: generic\nbase_url: https://x.example\n"
            f"auth: {{kind: bearer, token_env: {SECRET}}}\nstreams: [{{name: a, path: /a}}]\n",
            "own.yaml",
        )
    assert caught.value.code == "pull.invalid"
    assert SECRET not in str(caught.value)


def test_redirects_and_foreign_links_are_not_followed(puller: Puller, vendor: Vendor) -> None:
    puller.describe("  - {name: items, path: /items, records: items, "
                    "paging: {kind: link, token: next}}\n")  # fmt: skip
    elsewhere = {"Location": "http://127.0.0.1:9/steal"}
    vendor.faults.append(Reply({}, 302, elsewhere))
    assert "sends elsewhere" in puller.pull().streams["items"].note
    vendor.faults.append(Reply({"items": [item(1)], "next": "http://127.0.0.1:9/steal"}))
    assert "leads to another host" in puller.pull().streams["items"].note
    assert len(vendor.requests) == 2


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.8", "169.254.169.254", "100.64.0.1", "::1", "::ffff:10.0.0.1", "fe80::1"],
)
def test_addresses_that_are_not_public_are_refused(desk: Puller, address: str) -> None:
    desk.describe(CURSOR)
    text = (desk.root / "desk.yaml").read_text("utf-8")
    (desk.root / "desk.yaml").write_text(
        text.replace(desk.vendor.address, "https://desk.example"), "utf-8"
    )
    toml = (desk.root / "candor.toml").read_text("utf-8")
    (desk.root / "candor.toml").write_text(toml.replace("allow_private = true\n", ""), "utf-8")
    result = desk.pull(resolver=lambda _host, _port: ("93.184.216.34", address))
    assert "not public" in result.streams["items"].note


def test_plain_http_needs_permission(desk: Puller) -> None:
    toml = (desk.root / "candor.toml").read_text("utf-8")
    (desk.root / "candor.toml").write_text(toml.replace("allow_private = true\n", ""), "utf-8")
    with pytest.raises(CandorError) as caught:
        desk.pull()
    assert caught.value.code == "pull.address"

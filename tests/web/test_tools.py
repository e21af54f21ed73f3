"""The MCP server with real client sessions: what is told, to whom, and that nothing can be changed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

pytest.importorskip("mcp", reason="tools for assistants need the extra [mcp]")

from mcp import Client, StdioServerParameters

from candor.access.people import Person
from candor.access.permissions import OPERATOR
from candor.errors import CandorError
from candor.web import spoken, tools
from candor.web.site import Site

from .conftest import HOSTILE_THREAD

TOOLS = {
    "list_metrics", "explain_metric", "scorecard", "show_metric", "why_conversation",
    "find_conversations", "compare_rules", "data_health",
}  # fmt: skip


class Refused(Exception):  # noqa: N818 - an answer
    """The tool answered with an error."""


def in_session(session: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a session where no other loop runs: a browser of another test may hold this thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, session).result()


@pytest.fixture
def ask(site: Site) -> Callable[..., dict[str, Any]]:
    """Calls one tool in a session of its own."""

    def call(name: str, *, who: str = "", token: str = "", **arguments: Any) -> dict[str, Any]:
        reader = tools.reader(site.store, person=who, token=token)

        async def session() -> Any:
            server = tools.server(tools.Teller(site.desk, site.store, reader))
            async with Client(server) as client:
                return await client.call_tool(name, arguments)

        found = in_session(session)
        if found.is_error:
            raise Refused(found.content[0].text)
        assert json.loads(found.content[0].text) == found.structured_content
        return dict(found.structured_content)

    return call


def figures(data: Any) -> list[dict[str, Any]]:
    """Every figure of an answer."""
    if isinstance(data, list):
        return [one for each in data for one in figures(each)]
    if not isinstance(data, dict):
        return []
    own = [data] if {"point", "refusal", "definition"} <= data.keys() else []
    return own + [one for each in data.values() for one in figures(each)]


def test_every_tool_says_that_it_only_reads(site: Site) -> None:
    server = tools.server(tools.Teller(site.desk, site.store, tools.reader(site.store)))

    async def session() -> dict[str, Any]:
        async with Client(server) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    found = in_session(session)
    assert set(found) == TOOLS
    for tool in found.values():
        assert tool.annotations.read_only_hint, tool.name
        assert not tool.annotations.destructive_hint
        assert len(tool.description) > 20


def test_every_answer_names_snapshot_and_versions_and_never_0_for_nothing(
    ask: Callable[..., dict[str, Any]], site: Site, person: Callable[..., Person]
) -> None:
    person("ann", "analyst")
    snapshot = site.desk.about()["snapshot"]
    thread = ask("find_conversations", who="ann")["conversations"][0]["conversation"]
    seen = refused = 0
    for name, arguments in (
        ("list_metrics", {"search": "containment"}), ("explain_metric", {"metric": "candor_index"}),
        ("scorecard", {"grain": "all"}), ("show_metric", {"metric": "containment_rate", "by": "channel"}),
        ("why_conversation", {"conversation": thread}), ("compare_rules", {}), ("data_health", {}),
    ):  # fmt: skip
        told = ask(name, who="ann", **arguments)
        assert told["snapshot"] == snapshot, name
        assert told["as_of"].endswith("Z"), name
        if name != "data_health":
            assert told["definitions"], name
            assert all("@" in one for one in told["definitions"]), name
        for one in figures(told):
            seen += 1
            assert "@" in one["definition"]
            if one["refusal"] is not None:
                refused += 1
                assert one["point"] is None
                assert one["says"].startswith("cannot say: ")
            else:
                assert one["point"] is not None or one["says"].startswith("cannot say: ")
    assert seen > 100
    assert refused > 10
    shown = ask("show_metric", who="ann", metric="containment_rate", by="channel")
    page = spoken.figure(
        {"point": None, "refusal": "too_few", "definition": "x@1", "segment": {"channel": "chat"}}
    )
    assert page["says"] == "cannot say: Too few units to say anything."
    assert {one["segment"]["channel"] for one in shown["breakdown"]} > {"chat"}
    assert (
        ask("scorecard", who="ann", grain="all", category="automation")["categories"][0]["category"]
        == "automation"
    )


def test_what_is_told_depends_on_the_account(
    ask: Callable[..., dict[str, Any]], person: Callable[..., Person], site: Site
) -> None:
    person("ann", "analyst")
    person("carl", "analyst", channel="chat")
    money = ask("list_metrics", who="ann", search="cost per")["metrics"]
    assert money
    assert ask("list_metrics", search="cost per")["metrics"] == [
        one for one in money if one["measured_in"] != "money"
    ]
    with pytest.raises(Refused, match="confined to a part"):
        ask("compare_rules", who="carl")
    with pytest.raises(Refused, match="confined to channel"):
        ask("scorecard", who="carl", where={"channel": "email"})
    assert ask("scorecard", who="carl", grain="all")["where"] == {"channel": "chat"}
    site.people.disable(OPERATOR, site.people.named("carl").id, is_disabled=True)
    with pytest.raises(CandorError, match="switched off"):
        ask("scorecard", who="carl")
    with pytest.raises(CandorError, match="no account"):
        tools.reader(site.store, person="nobody")


def test_what_is_taken_away_is_gone_at_the_next_question(
    person: Callable[..., Person], site: Site
) -> None:
    ann = person("ann", "analyst")
    raw = site.sessions.issue(ann.actor(), "assistant", ["figures:read"], 30)
    with_token = tools.Teller(site.desk, site.store, tools.reader(site.store, token=raw))
    by_name = tools.Teller(site.desk, site.store, tools.reader(site.store, person="ann"))
    assert with_token.tell("glossary", q="containment")["metrics"]
    assert by_name.tell("economics", grain="all")["snapshot"]
    with pytest.raises(CandorError, match="money:read"):
        with_token.tell("economics", grain="all")
    site.people.set_role(OPERATOR, ann.id, "viewer", {})
    with pytest.raises(CandorError, match="money:read"):
        by_name.tell("economics", grain="all")
    site.sessions.revoke(ann.actor(), site.sessions.tokens(ann.id)[0].id)
    with pytest.raises(CandorError, match="revoked"):
        with_token.tell("glossary")


def test_texts_come_to_who_was_granted_them_marked_and_logged(
    ask: Callable[..., dict[str, Any]], person: Callable[..., Person], site: Site
) -> None:
    ann = person("ann", "reviewer")
    told = ask("why_conversation", who="ann", conversation=HOSTILE_THREAD)
    assert not told["text_shown"]
    assert {one["text"] for one in told["timeline"]} == {""}
    assert "untrusted" not in told
    site.people.grant_text(OPERATOR, ann.id, "tests of tools", 7)
    told = ask("why_conversation", who="ann", conversation=HOSTILE_THREAD)
    assert any(one["text"] for one in told["timeline"])
    assert told["untrusted"] == tools.UNTRUSTED
    rows = site.store.connection.execute(
        "select actor, target, detail from audit where action = 'text.open'"
    ).fetchall()
    assert [(row[0], row[1], json.loads(row[2])["by"]) for row in rows] == [
        (ann.id, HOSTILE_THREAD, "mcp")
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("show_metric", {"metric": "no_such_metric"}, "there is no metric"),
        ("show_metric", {"metric": "containment_rate", "by": "' or 1=1 --"}, "form"),
        ("show_metric", {"metric": "containment_rate", "where": {"drop table": "x"}}, "unknown"),
        ("show_metric", {"metric": "x" * 201}, "200"),
        ("scorecard", {"grain": "century"}, "grain"),
        ("why_conversation", {"conversation": "../../candor.toml"}, "no conversation"),
    ],
)
def test_a_wrong_question_is_answered_in_words(
    ask: Callable[..., dict[str, Any]], name: str, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused) as told:
        ask(name, **arguments)
    assert said in str(told.value)
    assert "Traceback" not in str(told.value)


def test_a_client_starts_it_as_a_program(site: Site) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("CANDOR_TOKEN", None)
    start = "from candor.cli.main import run; run()"
    program = StdioServerParameters(
        command=sys.executable, args=["-c", start, "mcp", "-w", str(site.root)], env=environment
    )

    async def session() -> dict[str, Any]:
        async with Client(program) as client:
            found = await client.call_tool("find_conversations", {"search": "hostile 3"})
            return dict(found.structured_content)

    told = in_session(session)
    assert told["snapshot"] == site.desk.about()["snapshot"]
    assert len(told["conversations"]) == 1

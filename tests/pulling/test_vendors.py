"""The descriptions that come with candor, against servers that behave like the vendors'.

Each pull must store what an ingest of the same records as files stores: nothing more, nothing less.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candor import ingesting
from candor.events import registry
from candor.pulling.description import load, vendors
from candor.sources.registry import names
from candor.workspace import Workspace
from pulling.conftest import SECRET, Puller
from pulling.server import Handler, Reply, Request, Vendor

FIXTURES = Path(__file__).parents[1] / "sources_vendors" / "fixtures"
TYPES = tuple(registry())
TWO_YEARS = 63_072_000
OBSERVED = 'observed_at = "2024-09-01T00:00:00Z"\n'


def earlier(value: Any) -> Any:
    """A fixture two years before its time, so that it lies in the past of any clock."""
    if isinstance(value, dict):
        return {key: earlier(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [earlier(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"^2026-", "2024-", value)
    if isinstance(value, int) and 1_700_000_000 < value < 1_900_000_000:
        return value - TWO_YEARS
    return value


def fixture(path: str) -> Any:
    text = (FIXTURES / path).read_text("utf-8")
    if path.endswith(".jsonl"):
        return earlier([json.loads(line) for line in text.splitlines()])
    return earlier(json.loads(text))


@pytest.fixture
def as_files(another: Callable[[str], Puller], tmp_path: Path) -> Callable[..., set[Any]]:
    """What an ingest of records as files stores."""

    def ingest(source: str, toml: str, files: dict[str, Any]) -> set[Any]:
        folder = tmp_path / "files"
        folder.mkdir()
        for name, value in files.items():
            (folder / name).write_text(json.dumps(value), "utf-8")
        made = another("by-hand")
        made.configure(toml)
        # One key for both, so that pseudonyms agree.
        (made.root / "restricted").mkdir(mode=0o700)
        for path in (tmp_path / "workspace" / "restricted").glob("*key*"):
            (made.root / "restricted" / path.name).write_bytes(path.read_bytes())
            (made.root / "restricted" / path.name).chmod(0o600)
        ingesting.ingest(Workspace.open(made.root), source, [folder])
        return made.stored(*TYPES)

    return ingest


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def guarded(expected: str, handler: Handler) -> Handler:
    def handle(request: Request) -> Reply | None:
        if request.headers.get("authorization") != expected:
            return Reply({"error": "Couldn't authenticate you"}, 401)
        return handler(request)

    return handle


def test_descriptions_name_connectors_and_no_secret() -> None:
    assert vendors() == ("freshdesk", "intercom", "langfuse", "zendesk")
    for vendor in vendors():
        described = load(vendor, Path())
        assert described.connector in names()
        assert described.base_url.startswith("https://")
        assert described.auth.names


class Zendesk:
    """Incremental exports by cursor and by time, linked lists, and 10 requests a minute."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.tickets = fixture("zendesk/tickets.json")["tickets"]
        self.events = fixture("zendesk/ticket_events.jsonl")
        self.lists = {
            "users": fixture("zendesk/users.json")["users"],
            "organizations": fixture("zendesk/organizations.json")["organizations"],
            "satisfaction_ratings": fixture("zendesk/satisfaction_ratings.json")[
                "satisfaction_ratings"
            ],
            "deleted_tickets": fixture("zendesk/deleted_tickets.json")["deleted_tickets"],
        }

    def __call__(self, request: Request) -> Reply | None:
        path = request.path.removeprefix("/api/v2/").removesuffix(".json")
        if path == "incremental/tickets/cursor":
            return self._by_cursor(request, "tickets", self.tickets)
        if path == "incremental/users/cursor":
            return self._by_cursor(request, "users", self.lists["users"])
        if path == "incremental/ticket_events":
            return self._by_time(request, "ticket_events", self.events)
        if path == "incremental/organizations":
            return self._by_time(request, "organizations", self.lists["organizations"])
        return self._linked(request, path)

    @staticmethod
    def _by_cursor(request: Request, key: str, records: list[Any]) -> Reply:
        if ("cursor" in request.query) == ("start_time" in request.query):
            return Reply({"error": "InvalidValue"}, 400)
        start = int(request.query.get("cursor", "c0")[1:])
        page = records[start : start + 3]
        end = start + len(page)
        return Reply({key: page, "after_cursor": f"c{end}", "end_of_stream": end >= len(records)})

    def _by_time(self, request: Request, key: str, records: list[Any]) -> Reply:
        start = int(request.query.get("skip", "0"))
        page = records[start : start + 4]
        is_last = start + 4 >= len(records)
        # Pages by time overlap by a row at their edges.
        link = f"{self.vendor.address}{request.path}?start_time=1&skip={start + 3}"
        return Reply({key: page, "next_page": link, "end_of_stream": is_last, "end_time": 5})

    def _linked(self, request: Request, key: str) -> Reply | None:
        if key not in self.lists:
            return None
        start = int(request.query.get("page[after]", "0"))
        held = self.lists[key]
        has_more = start + 2 < len(held)
        link = f"{self.vendor.address}{request.path}?page[after]={start + 2}" if has_more else None
        return Reply(
            {
                key: held[start : start + 2],
                "meta": {"has_more": has_more},
                "links": {"next": link},
            }
        )


def test_zendesk(puller: Puller, vendor: Vendor, as_files: Callable[..., set[Any]]) -> None:
    desk = Zendesk(vendor)
    vendor.handlers.append(guarded(basic("ada@kanu.example/token", SECRET), desk))
    vendor.faults.append(Reply({}, 429, {"Retry-After": "30"}))
    puller.environment = {"ZENDESK_EMAIL": "ada@kanu.example", "ZENDESK_API_TOKEN": SECRET}
    toml = f'[sources.zendesk]\nconnector = "zendesk"\n{OBSERVED}'
    puller.configure(
        f'{toml}[sources.zendesk.pull]\nsince = "2024-01-01"\nallow_private = true\n'
        f'base_url = "{vendor.address}"\n'
    )
    result = puller.pull("zendesk")
    assert not result.has_failed
    assert 30 in puller.waiting.waits
    assert puller.waiting.waits.count(6) >= result.requests - 2, "ten requests a minute"
    assert {name: one.records for name, one in result.streams.items()}["tickets"] == len(
        desk.tickets
    )
    by_hand = as_files(
        "zendesk",
        toml,
        {
            "tickets.json": {"tickets": desk.tickets},
            "ticket_events.json": {"ticket_events": desk.events},
            **{f"{key}.json": {key: held} for key, held in desk.lists.items()},
        },
    )
    assert len(by_hand) > 25
    assert puller.stored(*TYPES) == by_hand
    # The events of a ticket say who ended it: an agent solved it, an automation closed it.
    ends = [
        (row["to_state"], row["actor"], row["reason"])
        for row in sorted(puller.rows("state_change"), key=lambda row: row["occurred_at"])
        if row["thread_id"] == "51881" and row["to_state"] in ("solved", "closed")
    ]
    assert ends == [("solved", "human_agent", "agent_closed"), ("closed", "system", "automation")]
    # A deletion becomes an erasure, whose subject is the ticket.
    assert [row["subject_id"] for row in puller.rows("erasure")] == ["51890"]

    # The next pull goes on from the last cursor and asks for no time. An event of a ticket that only
    # the last pull gave still finds it, and so knows its customer.
    vendor.requests.clear()
    ticket = next(one for one in desk.tickets if str(one["id"]) == "51881")
    desk.events = [
        {
            "id": 1, "ticket_id": ticket["id"], "timestamp": 1_709_290_000,
            "created_at": "2024-03-01T10:46:40Z", "updater_id": ticket["requester_id"],
            "event_type": "Audit", "child_events": [
                {"id": 2, "event_type": "Comment", "type": "Comment", "public": True,
                 "author_id": ticket["requester_id"], "body": "Any news?"}
            ],
        }
    ]  # fmt: skip
    desk.tickets = [*desk.tickets, {**desk.tickets[0], "id": 60001, "external_id": None}]
    again = puller.pull("zendesk")
    (first,) = vendor.asked("/api/v2/incremental/tickets/cursor.json")
    assert "start_time" not in first.query
    assert again.streams["tickets"].records == 1
    (asked,) = [row for row in puller.rows("message") if row["text"] == "Any news?"]
    assert asked["actor"] == "customer"
    assert "60001" in {row["thread_id"] for row in puller.rows("conversation")}


def test_zendesk_cursor_that_zendesk_has_forgotten(puller: Puller, vendor: Vendor) -> None:
    desk = Zendesk(vendor)
    vendor.handlers.append(desk)
    puller.environment = {"ZENDESK_EMAIL": "a@b.example", "ZENDESK_API_TOKEN": SECRET}
    puller.configure(
        '[sources.zendesk]\nconnector = "zendesk"\n[sources.zendesk.pull]\nsince = "2024-01-01"\n'
        f'allow_private = true\nstreams = ["tickets"]\nbase_url = "{vendor.address}"\n'
    )
    puller.pull("zendesk")
    vendor.requests.clear()
    vendor.faults.append(Reply({"error": "InvalidCursor"}, 400))
    result = puller.pull("zendesk")
    assert result.streams["tickets"].restarts == 1
    assert result.streams["tickets"].is_whole
    asked = [request.query for request in vendor.requests]
    assert "cursor" in asked[0]
    assert int(asked[1]["start_time"]) == 1_718_020_740, "the time the last pull reached"


def test_intercom(puller: Puller, vendor: Vendor, as_files: Callable[..., set[Any]]) -> None:
    whole = fixture("intercom/conversations.json")["conversations"]
    contacts = fixture("intercom/contacts.json")
    contacts = contacts.get("data", contacts) if isinstance(contacts, dict) else contacts
    deleted = fixture("intercom/deleted.json")["data"]
    gone = whole[-1]["id"]
    asked: list[Any] = []

    def handle(request: Request) -> Reply | None:
        if request.headers["intercom-version"] != "2.16":
            return Reply({}, 400)
        if request.path == "/conversations/search":
            assert request.body is not None
            asked.append(request.body)
            since, until = (one["value"] for one in request.body["query"]["value"])
            found = [c for c in whole if since < c["updated_at"] < until]
            start = int(request.body["pagination"].get("starting_after", "0"))
            size = 3
            page = [{"id": c["id"], "type": "conversation"} for c in found[start : start + size]]
            following = {"starting_after": str(start + size)} if start + size < len(found) else None
            return Reply({"conversations": page, "pages": {"next": following}})
        if request.path == "/contacts/search":
            return Reply({"data": contacts, "pages": {}})
        if request.path == "/conversations/deleted":
            page = int(request.query["page"])
            return Reply({"data": deleted if page == 1 else []})
        identity = request.path.rpartition("/")[2]
        if identity == gone:
            return Reply({"type": "error.list"}, 404)
        return Reply(next(c for c in whole if c["id"] == identity))

    vendor.handlers.append(guarded(f"Bearer {SECRET}", handle))
    puller.environment = {"INTERCOM_ACCESS_TOKEN": SECRET}
    toml = (
        f'[sources.intercom]\nconnector = "intercom"\n{OBSERVED}'
        '[sources.intercom.settings]\napi_version = "2.16"\n'
    )
    puller.configure(
        f'{toml}[sources.intercom.pull]\nsince = "2024-01-01"\nallow_private = true\n'
        f'base_url = "{vendor.address}"\n'
    )
    result = puller.pull("intercom")
    assert not result.has_failed
    one = result.streams["conversations"]
    assert (one.records, one.gone) == (len(whole), 1)
    assert all(isinstance(body["query"]["value"][0]["value"], int) for body in asked)
    assert any("starting_after" in body["pagination"] for body in asked)
    by_hand = as_files(
        "intercom",
        toml,
        {
            "conversations.json": {"conversations": whole[:-1]},
            "contacts.json": {"type": "list", "data": contacts},
            "deleted.json": {"type": "list", "data": deleted},
        },
    )
    assert puller.stored(*TYPES) == by_hand
    assert [row["subject_id"] for row in puller.rows("erasure")] == ["880999"]


def test_freshdesk(puller: Puller, vendor: Vendor, as_files: Callable[..., set[Any]]) -> None:
    tickets = fixture("freshdesk/tickets_2026-04-02.json")
    entries = fixture("freshdesk/conversations.json")
    held = {
        "deleted": fixture("freshdesk/tickets_deleted.json"),
        "spam": fixture("freshdesk/tickets_spam.json"),
        "/api/v2/surveys/satisfaction_ratings": fixture("freshdesk/satisfaction_ratings.json"),
        "/api/v2/contacts": fixture("freshdesk/contacts.json"),
        "/api/v2/companies": fixture("freshdesk/companies.json"),
    }

    def handle(request: Request) -> Reply | None:
        if request.path == "/api/v2/tickets":
            found = held.get(request.query.get("filter", ""), tickets)
            start = int(request.query.get("skip", "0"))
            headers = {}
            if start + 2 < len(found):
                link = f"{vendor.address}/api/v2/tickets?skip={start + 2}"
                if "filter" in request.query:
                    link += f"&filter={request.query['filter']}"
                headers = {"Link": f'<{link}>;rel="next"'}
            return Reply(found[start : start + 2], headers=headers)
        if request.path.endswith("/conversations"):
            ticket = int(request.path.split("/")[4])
            assert request.query["page"] == "1"
            return Reply([one for one in entries if one["ticket_id"] == ticket])
        return Reply(held[request.path]) if request.path in held else None

    vendor.handlers.append(guarded(basic(SECRET, "X"), handle))
    puller.environment = {"FRESHDESK_API_KEY": SECRET}
    toml = f'[sources.freshdesk]\nconnector = "freshdesk"\n{OBSERVED}'
    puller.configure(
        f'{toml}[sources.freshdesk.pull]\nsince = "2024-01-01"\nallow_private = true\n'
        f'base_url = "{vendor.address}"\n'
    )
    result = puller.pull("freshdesk")
    assert not result.has_failed
    threads = {one["id"] for one in tickets}
    by_hand = as_files(
        "freshdesk",
        toml,
        {
            "tickets.json": tickets,
            "conversations.json": [one for one in entries if one["ticket_id"] in threads],
            "deleted.json": held["deleted"],
            "spam.json": held["spam"],
            "ratings.json": held["/api/v2/surveys/satisfaction_ratings"],
            "contacts.json": held["/api/v2/contacts"],
            "companies.json": held["/api/v2/companies"],
        },
    )
    assert puller.stored(*TYPES) == by_hand
    erased = {row["subject_id"] for row in puller.rows("erasure")}
    assert "30418" in erased


def test_langfuse(puller: Puller, vendor: Vendor, as_files: Callable[..., set[Any]]) -> None:
    observations = fixture("langfuse/observations.json")["data"]
    scores = fixture("langfuse/scores.json")["data"]

    def handle(request: Request) -> Reply | None:
        is_score = request.path == "/api/public/v3/scores"
        if not is_score and request.path != "/api/public/v2/observations":
            return None
        names_of = (
            ("fromTimestamp", "toTimestamp") if is_score else ("fromStartTime", "toStartTime")
        )
        since, until = (request.query[name] for name in names_of)
        clock = "timestamp" if is_score else "startTime"
        found = [one for one in (scores if is_score else observations)
                 if since <= one[clock] < until]  # fmt: skip
        if not is_score and "io" not in request.query["fields"].split(","):
            found = [
                {k: v for k, v in one.items() if k not in {"input", "output"}} for one in found
            ]
        start = int(request.query.get("cursor", "0"))
        following = {"cursor": str(start + 5)} if start + 5 < len(found) else {}
        return Reply({"data": found[start : start + 5], "meta": following})

    vendor.handlers.append(guarded(basic("pk-1", SECRET), handle))
    puller.environment = {"LANGFUSE_PUBLIC_KEY": "pk-1", "LANGFUSE_SECRET_KEY": SECRET}
    puller.waiting.at += 60 * 86_400
    toml = f'[sources.langfuse]\nconnector = "langfuse"\n{OBSERVED}'
    puller.configure(
        f'{toml}[sources.langfuse.pull]\nsince = "2024-08-01"\nallow_private = true\n'
        f'base_url = "{vendor.address}"\n'
    )
    result = puller.pull("langfuse")
    assert not result.has_failed
    assert result.streams["observations"].records == len(observations)
    by_hand = as_files(
        "langfuse", toml, {"observations.json": {"data": observations}, "scores.json": scores}
    )
    assert puller.stored(*TYPES) == by_hand
    # The next pull reads the last day once more, so that a session that went on is whole.
    vendor.requests.clear()
    puller.waiting.at += 3_600
    puller.pull("langfuse")
    times = [request.query["fromStartTime"] for request in vendor.asked(
        "/api/public/v2/observations")]  # fmt: skip
    assert times[0] == "2024-08-08T11:40:00Z"

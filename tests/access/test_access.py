"""Accounts, sessions, tokens, grants, throttling, share links and the audit log, by a set clock."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from candor.access import audit, cells, secrets
from candor.access.people import DAY, WINDOW, People, Throttled
from candor.access.permissions import OPERATOR, ROLES, Permission
from candor.access.sessions import ABSOLUTE, IDLE, Sessions, form_mark
from candor.access.shares import Shares
from candor.access.store import Store
from candor.errors import CandorError

PASSWORD = "a long enough sentence"


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock):
    opened = Store(tmp_path / "restricted", clock)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(secrets, "_hasher", lambda: quick)
    secrets.nobody.cache_clear()


def _person(store: Store, name: str = "ada", role: str = "viewer"):
    return People(store).add(OPERATOR, name, role, PASSWORD)


def test_the_file_is_readable_by_its_owner_only(store: Store) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_reading_text_is_in_no_role_and_an_auditor_writes_nothing() -> None:
    assert all(Permission.TEXT not in held for held in ROLES.values())
    assert {str(each) for each in ROLES["auditor"]} == {"figures:read", "audit:read", "cells:small"}


def test_every_mistake_of_a_new_account_at_once(store: Store) -> None:
    with pytest.raises(CandorError) as told:
        People(store).add(OPERATOR, "", "veiwer", "short")
    assert [problem.where for problem in told.value.problems] == ["role", "name", "password"]
    assert "viewer" in told.value.problems[0].fix


@pytest.mark.parametrize(
    "weak", ["password1", "x" * 129, "aaaaaaaaaa", "candor rules", "ada-lov12"]
)
def test_passwords_that_are_guessed_at_once_are_refused(weak: str) -> None:
    with pytest.raises(CandorError):
        secrets.check_password(weak, "ada-lov12")


def test_the_right_password_opens_and_names_are_unique_whatever_their_case(store: Store) -> None:
    made = _person(store)
    assert People(store).login("ADA", PASSWORD, "10.0.0.1") == made
    assert People(store).login("ada", PASSWORD + "!", "10.0.0.1") is None
    with pytest.raises(CandorError, match="already"):
        _person(store, "Ada")


def test_failures_make_a_name_wait_and_only_for_a_while(store: Store, clock: Clock) -> None:
    _person(store)
    people = People(store)
    for _ in range(8):
        assert people.login("ada", "wrong password", "10.0.0.1") is None
    with pytest.raises(Throttled) as told:
        people.login("ada", PASSWORD, "10.0.0.2")
    assert told.value.seconds == WINDOW // 1_000_000
    clock.at += WINDOW + 1
    assert people.login("ada", PASSWORD, "10.0.0.2") is not None


def test_failures_of_many_names_make_an_address_wait(store: Store) -> None:
    people = People(store)
    for number in range(40):
        assert people.login(f"guess{number}", "wrong password", "10.0.0.9") is None
    with pytest.raises(Throttled):
        people.login("another", "wrong password", "10.0.0.9")
    assert people.login("another", "wrong password", "10.0.0.8") is None


def test_sessions_end_when_idle_when_old_and_when_the_role_changes(
    store: Store, clock: Clock
) -> None:
    made, sessions = _person(store), Sessions(store)
    raw = sessions.start(made, "10.0.0.1", "browser")
    assert raw not in "".join(store.connection.iterdump())
    clock.at += IDLE
    assert sessions.person(raw) == made
    clock.at += IDLE + 1
    assert sessions.person(raw) is None
    raw = sessions.start(made, "10.0.0.1", "browser")
    for _ in range(24):
        clock.at += IDLE
        assert sessions.person(raw) is not None
    clock.at += ABSOLUTE - 24 * IDLE + 1
    assert sessions.person(raw) is None
    raw = sessions.start(made, "10.0.0.1", "browser")
    People(store).set_role(OPERATOR, made.id, "analyst", {})
    assert sessions.person(raw) is None


@pytest.mark.parametrize("end", ["password", "disable", "logout", "list"])
def test_what_else_ends_a_session(store: Store, end: str) -> None:
    made, sessions, people = _person(store), Sessions(store), People(store)
    raw = sessions.start(made, "10.0.0.1", "browser")
    if end == "password":
        people.set_password(OPERATOR, made.id, "another long sentence")
    elif end == "disable":
        people.disable(OPERATOR, made.id, is_disabled=True)
    elif end == "logout":
        sessions.end(made.actor(), raw)
    else:
        sessions.end_marked(made.actor(), sessions.of(made.id)[0].mark)
    assert sessions.person(raw) is None


def test_somebody_elses_session_and_token_are_not_there(store: Store) -> None:
    ada, bob, sessions = _person(store), _person(store, "bob"), Sessions(store)
    sessions.start(ada, "10.0.0.1", "browser")
    sessions.issue(ada.actor(), "nightly", ["figures:read"], 30)
    with pytest.raises(CandorError):
        sessions.end_marked(bob.actor(), sessions.of(ada.id)[0].mark)
    with pytest.raises(CandorError):
        sessions.revoke(bob.actor(), sessions.tokens(ada.id)[0].id)
    assert sessions.tokens(ada.id)[0].revoked_at is None


def test_a_token_holds_no_more_than_its_owner_holds_now(store: Store, clock: Clock) -> None:
    made, sessions = _person(store, role="analyst"), Sessions(store)
    raw = sessions.issue(made.actor(), "nightly", ["figures:read", "money:read"], 30)
    held = sessions.token_actor(raw)
    assert held is not None
    assert held.permissions == {Permission.FIGURES, Permission.MONEY}
    People(store).set_role(OPERATOR, made.id, "viewer", {"channel": "chat"})
    held = sessions.token_actor(raw)
    assert held is not None
    assert (held.permissions, held.scope) == ({Permission.FIGURES}, {"channel": "chat"})
    clock.at += 30 * DAY
    assert sessions.token_actor(raw) is None


@pytest.mark.parametrize("wanted", ["text:read", "people:admin", "figures:write", "ingest:write"])
def test_a_token_cannot_be_given_what_its_owner_lacks_or_what_is_personal(
    store: Store, wanted: str
) -> None:
    made = _person(store, role="analyst")
    with pytest.raises(CandorError, match="cannot be given"):
        Sessions(store).issue(made.actor(), "nightly", [wanted], 30)


def test_text_is_read_only_while_a_grant_lasts(store: Store, clock: Clock) -> None:
    made, people = _person(store), People(store)
    with pytest.raises(CandorError):
        people.grant_text(OPERATOR, made.id, "", 400)
    people.grant_text(OPERATOR, made.id, "quality review of May", 7)
    assert people.get(made.id).actor().may(Permission.TEXT)
    clock.at += 7 * DAY
    assert not people.get(made.id).actor().may(Permission.TEXT)


def test_the_last_admin_stays(store: Store) -> None:
    made, people = _person(store, role="admin"), People(store)
    with pytest.raises(CandorError, match="last admin"):
        people.disable(OPERATOR, made.id, is_disabled=True)
    with pytest.raises(CandorError, match="last admin"):
        people.set_role(OPERATOR, made.id, "viewer", {})
    _person(store, "bob", "admin")
    people.disable(OPERATOR, made.id, is_disabled=True)
    assert people.get(made.id).permissions == frozenset()


def test_a_share_link_ends_is_counted_and_forgets_its_page(store: Store, clock: Clock) -> None:
    made, shares = _person(store, role="admin"), Shares(store)
    raw = shares.add(made.actor(), "Scorecard", "abc", "<p>page</p>", 2)
    assert shares.open(raw) == "<p>page</p>"
    assert shares.all()[0].views == 1
    assert shares.open(raw + "x") is None
    shares.revoke(made.actor(), shares.all()[0].id)
    assert shares.open(raw) is None
    assert "page" not in str(store.connection.execute("select page from share").fetchall())
    raw = shares.add(made.actor(), "Scorecard", "abc", "<p>page</p>", 2)
    clock.at += 2 * DAY
    assert shares.open(raw) is None


def test_every_act_left_its_row_and_the_chain_holds(store: Store) -> None:
    made = _person(store, role="admin")
    raw = Sessions(store).start(made, "10.0.0.1", "browser")
    Sessions(store).end(made.actor(), raw)
    People(store).login("ada", "wrong password", "10.0.0.1")
    assert [entry.action for entry in reversed(audit.entries(store.connection))] == [
        "person.add", "login", "logout", "login.denied",
    ]  # fmt: skip
    checked = audit.check(store.connection, audit.head(store.connection))
    assert (checked.rows, checked.broken) == (4, None)
    told = str(store.connection.execute("select * from audit").fetchall())
    assert "'ada'" not in told
    assert "10.0.0.1" not in told


def test_an_act_without_its_row_does_not_happen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk full")

    made = _person(store)
    monkeypatch.setattr(audit, "append", refuse)
    with pytest.raises(sqlite3.OperationalError):
        People(store).set_role(OPERATOR, made.id, "analyst", {})
    assert People(store).get(made.id).role == "viewer"


def test_a_row_outside_a_transaction_is_refused(store: Store) -> None:
    with pytest.raises(RuntimeError):
        audit.append(store.connection, OPERATOR, "publish", at=1)


def test_rows_cannot_be_changed_or_deleted(store: Store) -> None:
    _person(store)
    for statement in ("update audit set actor = 'x'", "delete from audit"):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            store.connection.execute(statement)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("update audit set actor = 'x' where seq = 5", "row 5 is not what was written"),
        ("update audit set at = at + 1 where seq = 1", "row 1 is not what was written"),
        ("delete from audit where seq = 4", "row 4 is missing"),
        ("delete from audit where seq > 7", "the log ends before the anchored row 9"),
        ("update audit set seq = 50 where seq = 9", "row 9 is missing"),
        ("update audit set prev = hash where seq = 3", "row 3 does not follow the row before it"),
        ("rechain", "row 9 is not the anchored one"),
    ],
)
def test_damage_around_the_triggers_is_found(store: Store, damage: str, told: str) -> None:
    for number in range(9):
        with store.change() as db:
            audit.append(db, OPERATOR, "share.view", f"s{number}", at=number)
    anchor = audit.head(store.connection)
    store.connection.executescript("drop trigger audit_stands; drop trigger audit_stays;")
    if damage == "rechain":
        store.connection.execute("delete from audit where seq > 6")
        for number in range(6, 9):
            with store.change() as db:
                audit.append(db, OPERATOR, "share.view", "another", at=number)
        assert audit.check(store.connection).broken is None
    else:
        store.connection.execute(damage)
    assert audit.check(store.connection, anchor).problem == told


def test_threads_append_one_after_the_other(store: Store) -> None:
    def append() -> None:
        for _ in range(20):
            with store.change() as db:
                audit.append(db, OPERATOR, "share.view", at=1)

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.check(store.connection).rows == 80


def test_a_forms_mark_belongs_to_one_session() -> None:
    assert form_mark("a") != form_mark("b")
    assert len(form_mark("a")) == 64


@pytest.mark.parametrize(
    ("customers", "expected"),
    [
        ([50, 40, 30], set()),
        ([50, 9, 30], {1, 2}),
        ([50, 9, 3], {1, 2}),
        ([5], {0}),
        ([0, 12, 5], {1, 2}),
        ([0, 0], set()),
    ],
)
def test_small_cells_and_what_would_give_them_away(
    customers: list[int], expected: set[int]
) -> None:
    assert cells.hidden(customers) == expected

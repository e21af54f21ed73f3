"""Carries out erasures: what a person said and was called goes, what was counted stays.

Works off every ``erasure`` event that was not carried out yet. The plan is on the disk before the
first change and goes with the last, so that an erasure that was cut short is finished by the next
call. What becomes of rows and raw bytes is told in ``unsaying``.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from candor import ingesting, unsaying, window
from candor.access import audit
from candor.access.permissions import OPERATOR
from candor.access.store import Store
from candor.engines.duck import DuckEngine
from candor.errors import CandorError, Problem
from candor.lake import Lake
from candor.lake.staging import scan
from candor.privacy import contacts, suppression
from candor.privacy.keys import load_or_create
from candor.privacy.pseudonyms import Pseudonymiser
from candor.unsaying import Subjects, Unsaid
from candor.workspace import Workspace

SOURCE = "erasures"
_PLAN = "erasing.json"


@dataclass
class Plan:
    """What is to be erased; kept below ``restricted`` only while it is carried out.

    Attributes:
        events: ids of the erasure events.
        customers: pseudonyms.
        aliases: pseudonyms of addresses and numbers.
        threads: ids of their threads, and of threads that are to go themselves.
        words: raw identifiers to look for in raw bytes.
        patterns: regular expressions of addresses and numbers, for the same.
        mentions: kind and value of addresses and numbers as detectors give them.
    """

    events: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    mentions: list[list[str]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nobody to erase."""
        return not (self.events or self.customers or self.threads)


@dataclass
class Erased:
    """What was done, without naming anybody.

    Attributes:
        erasures: erasure events carried out.
        threads: threads concerned.
        rows: stored rows rewritten, by table.
        files: data files replaced.
        raw_records: quarantined records whose raw bytes were blanked.
        raw_files: raw pages and bodies removed or blanked.
    """

    erasures: int = 0
    threads: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    raw_records: int = 0
    raw_files: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "rows": dict(sorted(self.rows.items()))}


def erase(
    workspace: Workspace, *, customer: str = "", thread: str = "", email: str = "", phone: str = "",
    reason: str,
) -> Erased:  # fmt: skip
    """Ask for an erasure and carry it out, with all that were asked for earlier.

    Args:
        workspace: whose lake.
        customer: id of the customer as the source gives it.
        thread: id of a thread.
        email: e-mail address of a customer.
        phone: telephone number of a customer; one of the four.
        reason: why, without naming anybody.

    Raises:
        CandorError: ``usage.erase``.
    """
    if sum(map(bool, (customer, thread, email, phone))) != 1 or not reason.strip():
        raise CandorError(
            "usage.erase",
            Problem(
                "one subject and a reason are needed",
                "--customer, --thread, --email or --phone; --reason",
            ),
            exit_code=2,
        )
    spellings = None
    if email or phone:
        locales = workspace.settings.privacy.locales
        spellings = contacts.of_email(email) if email else contacts.of_phone(phone, locales)
    customer = customer or email or phone
    now = window.format_instant(_now_us())
    event = {
        "type": "erasure", "erasure_id": f"asked:{secrets.token_hex(16)}", "occurred_at": now,
        "subject_kind": "customer" if customer else "thread", "subject_id": customer or thread,
        "requested_at": now, "reason": reason.strip(),
    }  # fmt: skip
    # Noted first: once the event is stored, only the pseudonym is left of a customer's id.
    noted = _noted(workspace.restricted)
    if spellings is None:
        noted.words = sorted({*noted.words, customer or thread})
    else:
        _note_spellings(noted, spellings, workspace)
    suppression.write_private(workspace.restricted / _PLAN, json.dumps(asdict(noted)))
    with tempfile.TemporaryDirectory(dir=workspace.restricted) as folder:
        lines = Path(folder) / "erasure.jsonl"
        lines.write_text(json.dumps(event) + "\n", encoding="utf-8")
        ingesting.ingest(workspace, "canonical", [lines], name=SOURCE)
    return settle(workspace)


def settle(workspace: Workspace) -> Erased:
    """Carry out every erasure that was asked for and is not done.

    Args:
        workspace: whose lake.
    """
    if not (workspace.root / "state.db").exists():
        return Erased()
    restricted = workspace.restricted
    listed = suppression.load(restricted)
    key_id, key = load_or_create(restricted)
    people = Pseudonymiser(key, key_id)
    with Lake.open(workspace.root) as lake:
        plan = _plan(restricted, lake, listed)
        if plan.is_empty:
            return Erased()
        suppression.write_private(restricted / _PLAN, json.dumps(asdict(plan)))
        listed.customers |= set(plan.customers)
        listed.aliases |= set(plan.aliases)
        listed.threads |= {people.one("thread", one) for one in plan.threads}
        suppression.save(restricted, listed)
        done = Erased(len(plan.events), len(plan.threads))
        subjects = Subjects(
            set(plan.customers), set(plan.threads), set(plan.events), plan.words, plan.patterns
        )
        mentions = [(kind, value) for kind, value in plan.mentions]
        change = Unsaid(subjects, done.rows, mentions, key)
        pattern = change.pattern
        if pattern is None:
            raise RuntimeError("an erasure that names nobody")
        change.hits = unsaying.blank_quarantine(lake, pattern)
        done.raw_records = len(change.hits)
        done.files = lake.rewrite(change, SOURCE)
    done.raw_files = sum(
        unsaying.blank_pages(restricted / name, pattern) for name in unsaying.RAW_FOLDERS
    )
    for path in (workspace.root / "judges" / "answers.db", *workspace.root.glob("reviews/*/*")):
        if path.name.endswith(".db") or (path.is_file() and pattern.search(path.read_bytes())):
            path.unlink(missing_ok=True)
    # Terms of topics come from texts; the next run begins with new ids.
    shutil.rmtree(workspace.root / "topics", ignore_errors=True)
    for path in workspace.serving.glob("*.duckdb*"):
        path.unlink()
    _note(restricted, done)
    listed.done |= set(plan.events)
    suppression.save(restricted, listed)
    (restricted / _PLAN).unlink()
    return done


def _note_spellings(plan: Plan, told: contacts.Spellings, workspace: Workspace) -> None:
    """Remember how an address or number may have been kept."""
    key_id, key = load_or_create(workspace.restricted)
    people = Pseudonymiser(key, key_id)
    plan.aliases = sorted({*plan.aliases, *(people.one("alias", one) for one in told.aliases)})
    # Some sources, mail above all, call a customer by the address.
    customers = (people.one("customer", one) for one in told.aliases)
    plan.customers = sorted({*plan.customers, *customers})
    plan.patterns = sorted({*plan.patterns, told.pattern})
    plan.mentions += [[kind, value] for kind, value in told.detected]


def _noted(restricted: Path) -> Plan:
    """The plan of an erasure that was cut short; an empty one otherwise."""
    if not (restricted / _PLAN).exists():
        return Plan()
    return Plan(**json.loads((restricted / _PLAN).read_text(encoding="utf-8")))


def _plan(restricted: Path, lake: Lake, listed: suppression.Suppressed) -> Plan:
    plan = _noted(restricted)
    shown = lake.snapshot()
    asked, talks, named = (
        lake.verified_paths(name, shown) for name in ("erasure", "conversation", "identity")
    )
    with DuckEngine() as engine:
        rows = engine.rows(f"select event_id, subject_kind, subject_id from {scan(asked)}") if asked else []  # fmt: skip
        new = [row for row in rows if row[0] not in listed.done and row[0] not in plan.events]
        customers = {row[2] for row in new if row[1] == "customer"} | set(plan.customers)
        threads = {row[2] for row in new if row[1] == "thread"}
        if named and plan.aliases:
            known = engine.rows(f"select distinct alias, customer_id from {scan(named)}")
            customers |= {customer for alias, customer in known if alias in plan.aliases}
        if talks and (customers or listed.aliases):
            known = engine.rows(
                f"select distinct customer_id, thread_id from {scan(talks)}"
                " where customer_id is not null"
            )
            # Whose address was erased may have come back under another id before it was known.
            customers |= {c for c, _ in known if c in listed.customers}
            threads |= {thread for customer, thread in known if customer in customers}
    plan.events += [row[0] for row in new]
    plan.customers = sorted({*plan.customers, *customers})
    plan.threads = sorted({*plan.threads, *threads})
    plan.words = sorted({*plan.words, *plan.threads, *plan.customers})
    return plan


def _note(restricted: Path, done: Erased) -> None:
    store = Store(restricted)
    try:
        with store.change() as connection:
            audit.append(
                connection, OPERATOR, "erasure.done", at=store.now(), detail=done.as_dict()
            )
    finally:
        store.close()


def _now_us() -> int:
    import time

    return time.time_ns() // 1000

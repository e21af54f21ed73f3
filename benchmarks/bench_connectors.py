"""How fast each connector is beside the generic reader: ``python benchmarks/bench_connectors.py``.

Each connector's fixtures are multiplied with new ids to an export of some thousand records. The generic
reader is then given the **same events from the same records**: for every file of the export there is one in
which each record stands as a line of JSON with the events it means, and a mapping reads these. So the generic
reader parses all that the connector parses, records that mean nothing included, and is told every
answer; a connector must find them, mostly from other records too, which no mapping can. ``told``
leaves the vendor's record out of the line: the least that any reader could do for these events.

Figures are events and records per second of processor time, the best of the rounds, interleaved. Each
reading has a process of its own that is forked and looks for garbage as an ingest's does. Mails must be
parsed to be read, which no mapping does: a second ratio adds to the generic reader the standard
library's parsing of the same mails.
``--profile`` prints where a connector's time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import csv
import gc
import json
import os
import pstats
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from itertools import groupby
from pathlib import Path
from typing import Any

from candor.events import registry as event_types
from candor.sources import registry
from candor.sources.base import Notes, RecordRefused, RecordSkipped, Source, SourceOptions
from candor.sources.child import collect_rarely
from candor.sources.mapping import Mapping, parse_mapping
from candor.sources.run import PrivacySettings, read

FIXTURES = Path(__file__).parent.parent / "tests" / "sources_vendors" / "fixtures"
PRIVACY = PrivacySettings(b"benchmark key ..")
NOW_US = 1_790_000_000_000_000
EXPORTS = (
    "ada", "amazon_connect", "chatwoot", "freshdesk", "intercom", "langfuse", "mbox", "otel",
    "posthog", "rasa", "salesforce", "tau2_bench", "tau_bench", "transcripts", "zendesk",
)  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "chatwoot": {"account_id": 3},
    "intercom": {"api_version": "2.15"},
    "mbox": {"own_addresses": ["@shop.example"]},
    "tau2_bench": {"zone": "UTC"},
    "transcripts": {"zone": "Europe/Berlin"},
}
_ID_KEY = re.compile(r"(?:^|[_.$])(?:ids?|uuid|identifier|sender|recipient)$|(?:Id|ID|Ids)$|_ids?$")
_HEX = re.compile(r"[0-9a-f-]*[0-9a-f]{6}")
GIVEN = frozenset(("type", "source", "occurred_at", "observed_at", "revision", "extra"))
PAGES = frozenset(
    [
        "audits",
        "calls",
        "comments",
        "conversations",
        "data",
        "deleted_tickets",
        "events",
        "organizations",
        "payload",
        "records",
        "results",
        "reviews",
        "satisfaction_ratings",
        "simulations",
        "spans",
        "survey_responses",
        "ticket_events",
        "ticket_metric_events",
        "ticket_metrics",
        "tickets",
        "users",
    ]
)
COLUMN: dict[str, Any] = {"revision": {"column": "revision", "time": {"unit": "us"}}}
_WORDS = frozenset(("user", "customer", "bot", "agent", "system", "admin", "assistant", "Ada"))


# -- a larger export --------------------------------------------------------------------------------
def renamed(value: Any, copy: int, key: str = "") -> Any:
    """The same value with every id made the copy's own."""
    if isinstance(value, dict):
        if value.keys() == {"key", "value"}:
            # An attribute of OTLP: its name stands beside its value.
            return {"key": value["key"], "value": renamed_attribute(value, copy)}
        return {
            name: renamed(inner, copy, f"{key}.{name}" if key else name)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [renamed(inner, copy, key) for inner in value]
    if not _ID_KEY.search(key) or isinstance(value, bool) or not value:
        return value
    return new_id(value, copy)


def renamed_attribute(attribute: dict[str, Any], copy: int) -> Any:
    """The value of an attribute, made the copy's own where its name says that it is an id."""
    inner = attribute["value"]
    if not isinstance(inner, dict) or not _ID_KEY.search(attribute["key"]):
        return inner
    return {kind: new_id(value, copy) for kind, value in inner.items()}


def new_id(value: Any, copy: int) -> Any:
    """An id of the same kind that the copy alone has."""
    if type(value) is int:
        return value * 10_000 + copy
    if type(value) is not str or value in _WORDS or " " in value:
        return value
    if value.isdigit():
        return f"{value}{copy:04d}"
    if _HEX.fullmatch(value) and len(value) >= 8:
        return (
            f"{value[:-4]}{(int(value[-4:].replace('-', '0'), 16) + 97 * copy) % 65_536:04x}"
            if (len(value) < 16)
            else f"{copy:04x}{value[4:]}"
        )
    return f"{value}-{copy:04d}"


def multiplied(name: str, target: Path, copies: int) -> None:
    """The fixtures of a connector, ``copies`` times with new ids, as one export."""
    for path in sorted(p for p in (FIXTURES / name).rglob("*") if p.is_file()):
        written = target / path.relative_to(FIXTURES / name)
        written.parent.mkdir(parents=True, exist_ok=True)
        _WRITERS.get(path.suffix, _each_a_file)(path, written, copies)


def _lines(path: Path, written: Path, copies: int) -> None:
    records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    with written.open("w") as out:
        for copy in range(copies):
            for record in records:
                out.write(json.dumps(renamed(record, copy)) + "\n")


def _document(path: Path, written: Path, copies: int) -> None:
    whole = json.loads(path.read_text())
    place = _list_of(whole)
    if place is None:
        _each_a_file(path, written, copies)
        return
    records = place(whole)
    records[:] = [renamed(one, copy) for copy in range(copies) for one in list(records)]
    written.write_text(json.dumps(whole))


def _list_of(whole: Any) -> Callable[[Any], list[Any]] | None:
    """Where a page holds its records; None when the document is one record."""
    if isinstance(whole, list):
        return lambda document: document
    if isinstance(whole.get("data"), dict):
        return lambda document: document["data"]["payload"]
    lists = [key for key in whole if key in PAGES and isinstance(whole[key], list)]
    return (lambda document: document[lists[0]]) if lists else None


def _rows(path: Path, written: Path, copies: int) -> None:
    with path.open(newline="") as source, written.open("w", newline="") as out:
        reader = csv.DictReader(source)
        rows = list(reader)
        writer = csv.DictWriter(out, reader.fieldnames or [])
        writer.writeheader()
        for copy in range(copies):
            writer.writerows(renamed(row, copy) for row in rows)


def _mails(path: Path, written: Path, copies: int) -> None:
    text = path.read_text()
    with written.open("w") as out:
        for copy in range(copies):
            out.write(re.sub(r"(<[^<>@\s]+)(@[^<>\s]+>)", rf"\1.{copy}\2", text))


def _each_a_file(path: Path, written: Path, copies: int) -> None:
    for copy in range(copies):
        target = written.with_name(f"{path.stem}-{copy:04d}{path.suffix}")
        if path.suffix == ".json":
            target.write_text(json.dumps(renamed(json.loads(path.read_text()), copy)))
        else:
            shutil.copy(path, target)


_WRITERS: dict[str, Callable[[Path, Path, int], None]] = {
    ".jsonl": _lines, ".json": _document, ".csv": _rows, ".mbox": _mails,
}  # fmt: skip


# -- the same events for the generic reader -----------------------------------------------------------
Told = tuple[int, str, list[Any]]
"""Number of a record's file, the record as it stood, and the events that it means."""


def told(source: Source, options: SourceOptions, export: Path) -> Iterator[Told]:
    """Each record with the events that it means."""
    for number, path in enumerate(source.files([export], options)):
        for record in source.records(path, options):
            if record.reason is not None:
                continue
            found: list[Any] = []
            with suppress(RecordSkipped, RecordRefused):
                events = source.events(record.value, options, Notes())
                found = [event for event in events if type(event) is dict]
            yield number, record.raw.decode("utf-8", "replace"), found


def write_told(records: list[Told], folder: Path, *, with_record: bool) -> Mapping:
    """As many files as the export has, and the mapping that reads the events from their lines."""
    folder.mkdir()
    fields: dict[str, dict[str, Any]] = {}
    extra: dict[str, dict[str, str]] = {}
    for number, among in groupby(records, key=lambda one: one[0]):
        lines = []
        for _, raw, events in among:
            line: dict[str, Any] = {"means": len(events)}
            for event in events:
                kept = plain(event)
                name = kept.pop("type")
                line.setdefault(name, []).append(kept)
                fields.setdefault(name, {}).update(
                    {key: COLUMN.get(key, key) for key in kept if key != "extra"}
                )
                for key in kept.get("extra", {}):
                    if re.fullmatch(r"\w+", key):
                        extra.setdefault(name, {})[key] = f"extra.{key}"
            if with_record:
                line["record"] = whole_or_text(raw)
            lines.append(json.dumps(line) + "\n")
        (folder / f"{number:05d}.jsonl").write_text("".join(lines))
    rules = [
        {"type": name, "for_each": name, "fields": taken, "extra": extra.get(name, {})}
        for name, taken in fields.items()
    ]
    mapping = {
        "format": {"type": "jsonl"}, "keep_unmapped": False, "skip_when": "means == 0",
        "emit": rules,
    }  # fmt: skip
    return parse_mapping(json.dumps(mapping))


def whole_or_text(raw: str) -> Any:
    """A record as JSON where it is some."""
    with suppress(ValueError):
        return json.loads(raw)
    return raw


def plain(event: dict[str, Any]) -> dict[str, Any]:
    """An event as a vendor would write it: times as text with their zone."""
    kinds = {one.name: one.kind for one in event_types()[event["type"]].fields}
    kept: dict[str, Any] = {}
    for name, value in event.items():
        if value is None:
            continue
        if name not in kinds and name not in GIVEN:
            kept.setdefault("extra", {})[name] = value
            continue
        is_time = name in ("occurred_at", "observed_at") or kinds.get(name) == "timestamp"
        if name == "extra":
            kept.setdefault("extra", {}).update(value)
        elif is_time and type(value) is int:
            seconds, micros = divmod(value, 1_000_000)
            at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
            kept[name] = at.isoformat().replace("+00:00", "Z")
        else:
            kept[name] = value
    return dict(json.loads(json.dumps(kept, default=str)))


def parse_mails(export: Path) -> None:
    """Open every mail of an export with the standard library, and decode its texts."""
    for path in sorted(export.rglob("*.mbox")):
        for raw in re.split(rb"(?m)^From .*\d:\d\d.*\n", path.read_bytes()):
            for part in message_from_bytes(raw).walk():
                if part.get_content_maintype() == "text":
                    part.get_payload(decode=True)


# -- timing -------------------------------------------------------------------------------------------
@dataclass
class Case:
    """One reader on one export."""

    source: str
    path: Path
    options: SourceOptions
    records: int = 0
    events: int = 0
    rejected: int = 0
    seconds: float = float("inf")
    parse: Callable[[Path], None] | None = None

    def measure(self) -> None:
        """Read everything once in a process like an ingest's, and keep the better time."""
        incoming, outgoing = os.pipe()
        pid = os.fork()
        if pid == 0:
            gc.collect()
            gc.freeze()
            collect_rarely()
            self.run()
            told = (self.records, self.events, self.rejected, self.seconds)
            os.write(outgoing, json.dumps(told).encode())
            os._exit(0)
        os.close(outgoing)
        with os.fdopen(incoming, "rb") as answer:
            self.records, self.events, self.rejected, seconds = json.load(answer)
        os.waitpid(pid, 0)
        self.seconds = min(self.seconds, seconds)

    def run(self) -> None:
        """Read everything once."""
        self.records = self.events = self.rejected = 0
        began = time.process_time()
        if self.parse is not None:
            self.parse(self.path)
            self.seconds = time.process_time() - began
            return
        for batch in read(
            registry.get(self.source), [self.path], self.options, privacy=PRIVACY, in_child=False
        ):
            if batch.refused is not None:
                raise SystemExit(str(batch.refused))
            self.records += batch.read
            self.events += sum(len(table) for table in batch.tables.values())
            self.rejected += len(batch.quarantine)
        self.seconds = time.process_time() - began


def cases(name: str, folder: Path, copies: int) -> list[Case]:
    """The connector, the generic reader with the records, and without."""
    export = folder / name
    multiplied(name, export, copies)
    options = SourceOptions(name, settings=SETTINGS.get(name, {}), observed_at_us=NOW_US)
    records = list(told(registry.get(name), options, export))
    found = [Case(name, export, options)]
    for label, with_record in (("beside", True), ("told", False)):
        path = folder / f"{name}-{label}"
        mapping = write_told(records, path, with_record=with_record)
        generic = SourceOptions(name, mapping=mapping, observed_at_us=NOW_US)
        found.append(Case("generic", path, generic))
    if name == "mbox":
        found.append(Case(name, export, options, parse=parse_mails))
    return found


def main() -> None:
    """Print one line per connector."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("name", nargs="*", help="connectors, default all")
    arguments.add_argument("--copies", type=int, default=200)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--profile", action="store_true")
    wanted = arguments.parse_args()
    print(f"{'connector':15}{'records':>8}{'events':>8}{'rec/s':>9}{'ev/s':>9}"
          f"{'generic ev/s':>14}{'ratio':>7}{'told ev/s':>11}{'ratio':>7}")  # fmt: skip
    for name in wanted.name or EXPORTS:
        with tempfile.TemporaryDirectory() as folder:
            own, beside, only, *parsing = every = cases(name, Path(folder), wanted.copies)
            for case in every:
                case.run()  # Late imports and compiled patterns are not what is compared.
            for _ in range(wanted.rounds):
                for case in every:
                    case.measure()
            mine, theirs, least = (c.events / c.seconds for c in (own, beside, only))
            print(f"{name:15}{own.records:>8,}{own.events:>8,}{own.records / own.seconds:>9,.0f}"
                  f"{mine:>9,.0f}{theirs:>14,.0f}{mine / theirs:>7.2f}{least:>11,.0f}"
                  f"{mine / least:>7.2f}"
                  + "".join(f"  {mine * (beside.seconds + c.seconds) / own.events:.2f} with parsing"
                            for c in parsing)
                  + (f"  {own.rejected}/{beside.rejected} rejected, {beside.events:,}"
                     if own.rejected or beside.rejected or beside.events != own.events else ""),
                  flush=True)  # fmt: skip
            if wanted.profile:
                gc.freeze()
                collect_rarely()
                profile = cProfile.Profile()
                profile.runcall(own.run)
                pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()

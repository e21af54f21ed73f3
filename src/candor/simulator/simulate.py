"""Makes a world's conversations as canonical JSON lines, and the truth about them.

Only this module writes files. Equal arguments give equal bytes. Events stream out; what is held is
the plan and the ledger, about 450 bytes for each conversation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np

from candor.simulator import world as w
from candor.simulator.aftermath import comes_to_light, pick, speak_of
from candor.simulator.backoffice import Backoffice
from candor.simulator.ledger import Contact, Ledger
from candor.simulator.plan import DAY, Plan, draw
from candor.simulator.play import Scene
from candor.simulator.script import Script, customer_id
from candor.simulator.truth import reckon
from candor.simulator.world import DEMO, World

EVENTS_FILE, TRUTH_FILE = "events.jsonl", "truth.json"
_ENTRY_POINTS = ("help_page", "order_page", "app", "footer")
_FLUSH_EVERY = 2_000
_MASK = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was written.

    Attributes:
        events: number of lines in ``events.jsonl``.
        contacts: conversations played, returns included.
        truth: the content of ``truth.json``.
    """

    events: int
    contacts: int
    truth: dict[str, object]


def simulate(conversations: int, seed: int, out: Path, *, world: World = DEMO) -> Simulated:
    """Writes ``events.jsonl`` and ``truth.json`` into the folder ``out``, which is made.

    Args:
        conversations: first contacts to draw; planted returns come on top.
        seed: equal seeds give equal files.
        out: folder to write into.
        world: which world; see ``world``.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    plan = draw(conversations, world, rng)
    out.mkdir(parents=True, exist_ok=True)
    stage = _Stage(plan, world, seed, rng)
    with (out / EVENTS_FILE).open("w", encoding="utf-8", newline="\n") as file:
        stage.play(file)
    columns = stage.ledger.columns()
    truth = reckon(columns, world, seed, conversations, stage.script.events)
    truth["business"] = asdict(stage.office.planted)
    text = json.dumps(truth, indent=1, sort_keys=True, allow_nan=False)
    (out / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")
    return Simulated(stage.script.events, len(columns["thread"]), truth)


def _draws(rng: np.random.Generator) -> Iterator[float]:
    return chain.from_iterable(iter(lambda: rng.random(65_536).tolist(), None))


class _Stage:
    def __init__(self, plan: Plan, world: World, seed: int, rng: np.random.Generator) -> None:
        self.plan = plan
        self.world = world
        self.seed = seed
        self.script = Script(plan.ends_at)
        self.office = Backoffice(self.script, world, seed, plan.begins_at)
        self.ledger = Ledger()
        self.chances = _draws(rng)
        self.introduced: set[int] = set()
        self.next_thread = len(plan.start)

    def play(self, file: TextIO) -> None:
        plan = self.plan
        for release, day in enumerate(w.RELEASE_STARTS):
            if day < self.world.days:
                kind = "mixed" if release == w.REGRESSION_RELEASE else "knowledge"
                self.script.release(plan.begins_at + day * DAY, release, kind)
        for first in range(0, len(plan.start), _FLUSH_EVERY):
            some = slice(first, first + _FLUSH_EVERY)
            drawn = (plan.start[some], plan.person[some], plan.following[some])
            columns = zip(*(column.tolist() for column in drawn), strict=True)
            for thread, (start, person, following) in enumerate(columns, first):
                self._contact(thread, start, person, following)
            file.write(self.script.take())
        # Billed at the end of each month; the last second of the world is an event, so that the
        # data reach that far.
        for number, end in enumerate(_month_ends(plan.begins_at, plan.ends_at), 1):
            self.script.licence(end - 1, number)
        self.office.close()
        file.write(self.script.take())

    def _contact(self, thread: int, start: int, person: int, following: int) -> None:
        chances = self.chances
        c = self._cast(thread, start, person)
        draw = next(chances)
        if draw < w.TEST_SHARE + w.SPAM_SHARE:
            c.is_test = int(draw < w.TEST_SHARE)
            c.is_spam = 1 - c.is_test
            c.person = -1
            self._open(c).single("test" if c.is_test else "spam")
            self._end(c)
            return
        if draw < w.TEST_SHARE + w.SPAM_SHARE + w.PROACTIVE_SHARE:
            c.is_inbound = 0
        if c.is_inbound and next(chances) < w.HUMAN_ONLY_SHARE[c.channel]:
            self._open(c).human_only()
            self._end(c)
            return
        self._with_ai(c, following)

    def _with_ai(self, c: Contact, following: int) -> None:
        chances = self.chances
        progress = (c.started - self.plan.begins_at) / (self.plan.ends_at - self.plan.begins_at)
        solved = w.chance_solved(self.world, c.intent, c.release, c.region, progress)
        c.chance_solved = round(solved * 1e6)
        if not c.is_inbound and next(chances) < 0.7:
            self._open(c).unanswered_notice()
            self._end(c)
            return
        is_english = c.language == 0
        contained = w.chance_contained(self.world, solved, is_english=is_english)
        escalated = w.chance_escalated(self.world, solved, is_english=is_english)
        c.chance_contained, c.chance_escalated = round(contained * 1e6), round(escalated * 1e6)
        c.is_solved = int(next(chances) < solved)
        endings: tuple[tuple[str, float], ...] = w.OPEN_ENDINGS
        if c.is_solved:
            endings = w.SOLVED_ENDINGS
        elif self.world.silent_failures and next(chances) < w.SILENT_SHARE:
            endings = w.SILENT_ENDINGS
            c.is_silent = 1
        drawn = endings[pick([share for _, share in endings], next(chances))][0]
        scene = self._open(c)
        scene.with_ai(w.ending(drawn, is_english))
        speak_of(c, self.script, chances)
        how, at = comes_to_light(c, self.script, chances, following) if c.is_inbound else ("", 0)
        self._keep(c)
        if how == "same_thread":
            self._same_thread(c, at)
        elif how == "other_channel":
            self._other_channel(c, at)

    def _same_thread(self, first: Contact, at: int) -> None:
        c = self._copy(first, at)
        c.thread, c.number, c.channel = first.thread, first.number + 1, first.channel
        scene = Scene(c, self.script, self.chances)
        scene.comes_back(was_closed=first.closed >= 0, is_left_open=next(self.chances) < 0.3)
        self._keep(c)

    def _other_channel(self, first: Contact, at: int) -> None:
        c = self._copy(first, at)
        c.thread = self.next_thread
        self.next_thread += 1
        others = [n for n in range(len(w.CHANNELS)) if n != first.channel]
        c.channel = others[int(next(self.chances) * len(others))]
        self._open(c).human_only(is_return=True)
        self._end(c)

    def _copy(self, first: Contact, at: int) -> Contact:
        return Contact(
            person=first.person,
            intent=first.intent,
            segment=first.segment,
            region=first.region,
            language=first.language,
            release=first.release,
            started=at,
        )

    def _cast(self, thread: int, start: int, person: int) -> Contact:
        chances = self.chances
        day = (start - self.plan.begins_at) // DAY
        traits = self._traits(person)
        shares = w.INTENT_SHARES
        if self.world.mix_shift and next(chances) < w.late_share(self.world, day / self.world.days):
            shares = w.INTENT_SHARES_HARD if self.world.hard_mix else w.INTENT_SHARES_LATE
        return Contact(
            thread=thread,
            person=person if next(chances) >= w.UNKNOWN_CUSTOMER_SHARE else -1,
            intent=pick(shares, next(chances)),
            channel=pick(w.CHANNEL_SHARES, next(chances)),
            segment=pick(w.SEGMENT_SHARES, traits[0]),
            region=pick(w.REGION_SHARES, traits[1]),
            language=pick(w.LANGUAGE_SHARES, traits[2]),
            release=sum(day >= first for first in w.RELEASE_STARTS) - 1,
            started=start,
        )

    def _traits(self, person: int) -> tuple[float, float, float, float]:
        """Four numbers in [0, 1) that are always the same for a person."""
        mixed = (person * 0x9E3779B97F4A7C15 + self.seed * 0xD1B54A32D192ED03 + 1) & _MASK
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        mixed ^= mixed >> 31
        a, b, c, d = (mixed >> shift & 0xFFFF for shift in (0, 16, 32, 48))
        return a / 65_536, b / 65_536, c / 65_536, d / 65_536

    def _open(self, c: Contact) -> Scene:
        known_as = ""
        if c.person >= 0:
            has_several = self._traits(c.person)[3] < w.SEVERAL_IDS_SHARE
            known_as = customer_id(c.person, c.channel if has_several else 0)
            if has_several and c.person not in self.introduced:
                self.introduced.add(c.person)
                self.script.same_person(c.person, c.started)
        entry = _ENTRY_POINTS[c.thread % len(_ENTRY_POINTS)]
        account = self.office.account_id(c.person, c.segment)
        self.script.open_thread(c, known_as, entry, account)
        return Scene(c, self.script, self.chances)

    def _end(self, c: Contact) -> None:
        speak_of(c, self.script, self.chances)
        self._keep(c)

    def _keep(self, c: Contact) -> None:
        self.office.saw(c)
        self.ledger.add(c)


def _month_ends(begins_at: int, ends_at: int) -> list[int]:
    """Ends of the months that a stretch touches (seconds since 1970), the last cut at its end."""
    found, at = [], begins_at
    while at < ends_at:
        first = datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0)
        after = (first + timedelta(days=32)).replace(day=1)
        at = min(int(after.timestamp()), ends_at)
        found.append(at)
    return found

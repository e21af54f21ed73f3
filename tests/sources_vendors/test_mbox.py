"""The mbox connector on our own mailboxes: threads, quotations, machines, and what every connector must do."""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
from collections.abc import Callable
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any, ClassVar

import pytest

from candor.errors import CandorError
from candor.events.reasons import ReasonCode
from candor.sources.base import FileRefused, Notes
from candor.sources.instants import of_iso
from candor.sources.mbox import bodies, mails, parts, people
from candor.sources.mbox.context import Noted, Threads
from candor.sources.readers.limits import LIMITS
from candor.sources.registry import get
from sources_vendors.conformance import Conformance, Reading

BOUNDARY = re.compile(r"(?m)^(?=From \S+ (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )")


def rewrite(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the list of mails of a mailbox."""
    found = [part for part in BOUNDARY.split(path.read_text("utf-8")) if part]
    path.write_text("".join(p.rstrip("\n") + "\n\n" for p in change(found)), "utf-8")


def at(clock: str) -> int:
    return of_iso(f"2026-{clock}Z", "test")


class TestMbox(Conformance):
    name = "mbox"
    folder = "mbox"
    settings: ClassVar[dict[str, Any]] = {
        "own_addresses": ["@shop.example"],
        "ai_headers": ["X-Desk-Bot"],
        "test_addresses": ["tina@test.example"],
    }
    bot_seat = "help@shop.example"

    @property
    def test_threads(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.trial(),)

    def trial(self) -> str:
        """The id of the mail that has none."""
        found = list(mails.read(self.path / "Inbox.mbox"))
        return mails.identity_of(found[8].headers(), found[8].raw)

    def unseen_value(self, folder: Path) -> tuple[str, str]:
        path = folder / "Inbox.mbox"
        text = path.read_text("utf-8")
        path.write_text(text.replace("charset=iso-8859-1", "charset=x-mars"), "utf-8")
        return "charset_unknown", "x-mars"

    def set_body(self, folder: Path, text: str) -> str:
        path = folder / "Inbox.mbox"
        whole = path.read_text("utf-8")
        path.write_text(whole.replace("Somebody else, the same subject.", text), "utf-8")
        return "k1@mail.example"

    def test_ct_2_shuffled(self, reading: Reading, copied: Path) -> None:
        for path in copied.glob("*.mbox"):
            rewrite(path, lambda found: random.Random(7).sample(found, len(found)))
        assert self.read(copied).facts() == reading.facts()

    def test_ct_2_split(self, reading: Reading, copied: Path) -> None:
        shutil.copy(copied / "Inbox.mbox", copied / "Rest.mbox")
        rewrite(copied / "Inbox.mbox", lambda found: found[::2])
        rewrite(copied / "Rest.mbox", lambda found: found[1::2])
        assert self.read(copied).facts() == reading.facts()

    def test_ct_5_unseen_fields_go_to_extra(self, reading: Reading, copied: Path) -> None:
        for path in copied.glob("*.mbox"):
            rewrite(path, lambda found: [m.replace("\n", "\nX-New: n1\n", 1) for m in found])
        found = self.read(copied).of("message")
        assert {e["extra"]["headers"]["x-new"] for e in found} == {"n1"}
        assert len(found) == len(reading.of("message"))

    def test_ct_13_a_bot_behind_a_seat(self, reading: Reading) -> None:
        def actors(found: Reading) -> set[str | None]:
            return {e["actor"] for e in found.of("message") if e["actor_id"] == self.bot_seat}

        # The header tells the bot's mails from those of people behind the same address.
        assert actors(reading) == {"human_agent", "ai_agent"}
        assert actors(self.read(self.path, ai_headers=[])) == {"human_agent"}
        assert actors(self.read(self.path, ai=frozenset({self.bot_seat}))) == {"ai_agent"}

    # Threads.
    def test_threads_by_references_replies_and_subjects(self, reading: Reading) -> None:
        threads: dict[str, set[str]] = {}
        for message in reading.of("message"):
            threads.setdefault(message["thread_id"], set()).add(message["message_id"].split("@")[0])
        assert {t.split("@")[0]: m for t, m in threads.items() if not t.startswith("sha")} == {
            "m1": {"m1", "m3", "m4", "s1", "s2", "s3"},
            "n1": {"n1", "n2"},
            "n3": {"n3"},
            "k1": {"k1"},
            "d1": {"d1"},
            "o1": {"o1"},
            "s4": {"s4"},
        }
        assert reading.noted("thread_by_subject") == {
            "mails that refer to nothing but a subject": 1
        }

    def test_the_days_of_a_subject_are_the_users(self) -> None:
        found = self.read(self.path, subject_days=100).of("message")
        assert {e["message_id"]: e["thread_id"] for e in found}["n3@mail.example"] == (
            "n1@mail.example"
        )
        none = self.read(self.path, subject_days=0)
        assert none.noted("thread_by_subject") == {}

    def test_a_reply_to_a_mail_that_is_not_there_keeps_its_thread(self, copied: Path) -> None:
        (copied / "Inbox.mbox").unlink()
        threads = {e["message_id"]: e["thread_id"] for e in self.read(copied).of("message")}
        assert threads["s1@shop.example"] == threads["s3@shop.example"] == "m1@post.example"
        assert threads["s2@shop.example"] == "m3@post.example"

    def test_mails_that_refer_to_each_other_end(self) -> None:
        nobody: frozenset[str] = frozenset()
        threads = Threads(people.Declared(nobody, nobody, nobody, nobody))
        for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
            threads.mails[one] = Noted(1, other, "", False, "customer", True, "x")
        threads.close()
        assert {threads.root(one) for one in "abc"} == {"a"}

    def test_the_first_mail_tells_of_the_conversation(self, reading: Reading) -> None:
        (found,) = reading.of("conversation", "m1@post.example")
        assert (found["started_at"], found["revision"]) == (
            at("07-01T10:00:00"),
            at("07-01T15:01:00"),
        )
        assert (found["customer_id"], found["direction"], found["channel"]) == (
            "uma@post.example",
            "inbound",
            "email",
        )
        assert (found["subject"], found["priority"], found["entry_point"]) == (
            "Rückgabe 4711",
            "high",
            "help@shop.example",
        )
        (sale,) = reading.of("conversation", "s4@shop.example")
        assert (sale["direction"], sale["customer_id"]) == ("proactive", "ben@mail.example")
        assert len(reading.of("conversation")) == 8
        spam = {e["thread_id"] for e in reading.of("conversation") if e["is_spam"]}
        assert spam == {self.trial()}

    # Words.
    def test_quotations_and_signatures_are_split_off_and_kept(self, reading: Reading) -> None:
        found = {e["message_id"].split("@")[0]: e for e in reading.of("message")}
        assert found["m3"]["text"] == "Where do I find the label?"
        assert "> Please send it back with the label." in found["m3"]["extra"]["quoted"]
        assert "wrote:" in found["m3"]["extra"]["quoted"]
        assert found["s2"]["text"] == "It is attached now."
        assert found["s2"]["extra"]["quoted"].startswith("From: Uma Example\nSent: Wednesday")
        assert found["n2"]["text"] == "Still nothing."
        assert found["n2"]["extra"]["quoted"].endswith("No invoice came.")
        assert found["m1"]["text"] == (
            "I want to return order 4711, it is too small für mich.\nFrom here it looks blue."
        )
        assert found["m1"]["extra"]["signature"] == "Uma Example"

    def test_html_is_read_as_text(self, reading: Reading) -> None:
        (mail,) = [e for e in reading.of("message") if e["message_id"] == "n1@mail.example"]
        assert mail["text"] == "No invoice came, see my account (https://shop.example/i)."
        assert mail["extra"]["quoted"] == "older words"

    def test_attachments_are_noted(self, reading: Reading) -> None:
        (mail,) = [e for e in reading.of("message") if e["message_id"] == "m1@post.example"]
        assert mail["extra"]["attachments"] == [
            {"name": "receipt.pdf", "type": "application/pdf", "bytes": 9}
        ]

    def test_a_mail_inside_a_mail_is_not_said_here(self, reading: Reading) -> None:
        (bounce,) = [e for e in reading.of("message") if e["message_id"] == "d1@mail.shop.example"]
        assert bounce["text"] == "No such user."
        assert bounce["extra"]["attachments"][0]["type"] == "message/rfc822"
        assert "secret" not in json.dumps(bounce)

    def test_declared_encodings(self) -> None:
        notes = Notes()
        mail = "Content-Type: text/plain; charset=iso-8859-1\n\nStraße".encode("latin-1")
        assert bodies.read(mail, notes).text == "Straße"
        assert notes.counts == {}
        unknown = "Content-Type: text/plain; charset=x-mars\n\nStraße".encode("cp1252")
        assert bodies.read(unknown, notes).text == "Straße"
        assert notes.counts == {("charset_unknown", "x-mars"): 1}

    # Machines.
    def test_automatic_replies_and_bounces_are_the_systems(self, reading: Reading) -> None:
        found = {e["message_id"].split("@")[0]: e for e in reading.of("message")}
        flags = {i: (e["actor"], e["extra"].get("machine")) for i, e in found.items()}
        assert (flags["m4"], flags["d1"], flags["s4"], flags["m1"]) == (
            ("system", "auto_reply"),
            ("system", "bounce"),
            ("human_agent", "list"),
            ("customer", None),
        )
        assert reading.noted("auto_reply") == {"mails that a machine sent": 1}
        assert reading.noted("bounce") == {"mails that a machine sent": 1}

    @pytest.mark.parametrize(
        ("headers", "machine"),
        [
            ({"auto-submitted": ["no"]}, None),
            ({"auto-submitted": ["auto-generated; x"]}, "auto_reply"),
            ({"x-autoreply": ["yes"]}, "auto_reply"),
            ({"precedence": ["bulk"]}, "list"),
            ({"content-type": ["multipart/report; report-type=delivery-status"]}, "bounce"),
        ],
    )
    def test_marks_of_machines(self, headers: dict[str, list[str]], machine: str | None) -> None:
        assert people.machine_of(headers, "a@b.example") == machine

    # People.
    def test_mails_among_staff_are_not_public(self, reading: Reading) -> None:
        private = {e["message_id"]: e["kind"] for e in reading.of("message") if not e["is_public"]}
        assert private == {"s3@shop.example": "note"}

    def test_a_person_after_the_bot_took_over(self, reading: Reading) -> None:
        (handoff,) = reading.of("handoff")
        assert (handoff["thread_id"], handoff["occurred_at"]) == (
            "m1@post.example",
            at("07-01T15:00:00"),
        )
        assert handoff["accepted_at"] == handoff["occurred_at"]

    def test_addresses_are_aliases(self, reading: Reading) -> None:
        found = {(e["customer_id"], e["alias"]) for e in reading.of("identity")}
        assert ("uma@post.example", "uma@post.example") in found
        assert not any("shop.example" in alias for _, alias in found)

    def test_without_own_addresses_nothing_is_read(self) -> None:
        with pytest.raises(CandorError) as error:
            get("mbox").files([self.path], self.options(own_addresses=[], subject_days=-1))
        assert len(error.value.problems) == 2
        assert "own_addresses" in error.value.problems[0].where

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("uma@post.example", ("uma@post.example",)),
            ("=?utf-8?q?M=C3=BCller=2C_Jan?= <Jan@post.example>", ("jan@post.example",)),
            ('"Doe, Ann" <ann@post.example>', ("ann@post.example",)),
            ("A <a@b.example>, c@d.example", ("a@b.example", "c@d.example")),
            ("MAILER-DAEMON", ("mailer-daemon",)),
            ("", ()),
        ],
    )
    def test_addresses(self, value: str, found: tuple[str, ...]) -> None:
        headers = mails.headers_of(f"From: {value}\n\n".encode())
        assert people.addresses(headers, "from") == found

    # Times and ids.
    def test_undated_mails_take_the_date_of_delivery(self, reading: Reading) -> None:
        (mail,) = [e for e in reading.of("message") if e["message_id"] == "o1@mail.example"]
        assert mail["occurred_at"] == at("07-05T11:12:13")
        assert reading.noted("date_missing") == {"mails dated by their delivery": 1}

    @pytest.mark.parametrize(
        ("date", "expected"),
        [
            ("Wed, 1 Jul 2026 12:00:00 +0200", "2026-07-01T10:00:00Z"),
            ("Wed, 1 Jul 2026 12:00:00 -0000", "2026-07-01T12:00:00Z"),
            ("1 Jul 2026 12:00:00 GMT", "2026-07-01T12:00:00Z"),
            ("yesterday", None),
        ],
    )
    def test_dates(self, date: str, expected: str | None) -> None:
        found = people.written_at({"date": [date]})
        assert found == (None if expected is None else of_iso(expected, "test"))

    def test_a_mail_without_an_id_has_one_that_does_not_depend_on_its_place(
        self, reading: Reading
    ) -> None:
        assert reading.noted("id_missing") == {"mails without Message-ID": 1}
        assert self.trial() in {e["message_id"] for e in reading.of("message")}

    def test_the_same_mail_in_two_mailboxes_is_one(self, reading: Reading, copied: Path) -> None:
        text = (copied / "Inbox.mbox").read_text("utf-8")
        text = text.replace("X-Mailer:", "X-Gmail-Labels: Archive\nStatus: RO\nX-Mailer:")
        (copied / "All.mbox").write_text(text, "utf-8")
        assert self.read(copied).facts().keys() == reading.facts().keys()

    # Files.
    def test_a_line_that_begins_with_from_is_no_mail(self, reading: Reading) -> None:
        (mail,) = [e for e in reading.of("message") if e["message_id"] == "o1@mail.example"]
        assert mail["text"].endswith("From me to you, this line is no separator.")
        assert mails.count(self.path / "Inbox.mbox") == 10

    def test_splitting_does_not_depend_on_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = list(mails.read(self.path / "Inbox.mbox"))
        assert whole[1].offset == (self.path / "Inbox.mbox").read_bytes().index(b"Message-ID: <m3")
        monkeypatch.setattr(mails, "_LONGEST_SEPARATOR", 80)
        for size in (97, 128, 1000):
            monkeypatch.setattr(mails, "_CHUNK", size)
            assert list(mails.read(self.path / "Inbox.mbox")) == whole

    def test_crlf_files(self, reading: Reading, copied: Path) -> None:
        for path in copied.glob("*.mbox"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        found = self.read(copied)
        texts = {e["message_id"]: e["text"] for e in found.of("message")}
        expected = {e["message_id"]: e["text"] for e in reading.of("message")}
        sha = [identity for identity in texts if identity.startswith("sha256")]
        assert {k: v for k, v in texts.items() if k not in sha} == {
            k: v for k, v in expected.items() if not k.startswith("sha256")
        }

    def test_packed_and_foreign_files(self, copied: Path) -> None:
        packed = gzip.compress((copied / "Sent.mbox").read_bytes())
        (copied / "Sent.mbox.gz").write_bytes(packed)
        assert mails.count(copied / "Sent.mbox.gz") == 4
        assert len(list(mails.read(copied / "Sent.mbox.gz"))) == 4
        (copied / "x.mbox").write_text("Subject: a mail alone\n\nHi\n", "utf-8")
        with pytest.raises(FileRefused) as refused:
            list(mails.read(copied / "x.mbox"))
        assert refused.value.code == ReasonCode.TYPE_SNIFF

    def test_an_endless_mail_is_cut_and_told(self, tmp_path: Path) -> None:
        head = "From a@b.example Wed Jul  1 10:00:05 2026\nMessage-ID: <big@b.example>\n"
        head += "Date: Wed, 1 Jul 2026 12:00:00 +0200\nFrom: a@b.example\n\nwords first\n"
        tail = "\nFrom c@b.example Wed Jul  1 11:00:05 2026\nFrom: c@b.example\n\nnext\n"
        with (tmp_path / "big.mbox").open("w") as stream:
            stream.write(head)
            for _ in range(LIMITS.line_bytes // 1000 + 2000):
                stream.write("x" * 999 + "\n")
            stream.write(tail)
        first, second = mails.read(tmp_path / "big.mbox")
        assert (first.is_cut, len(first.raw)) == (True, LIMITS.line_bytes)
        assert (second.is_cut, second.raw.endswith(b"next\n")) == (False, True)
        assert second.offset > LIMITS.line_bytes


def _drawn(rng: random.Random, depth: int = 0) -> MIMEMultipart:
    """A mail of parts as mail programs build them, some of them not quite."""
    kind = rng.choice(["alternative", "mixed", "related", "digest"])
    mail = MIMEMultipart(kind, boundary=f"==={rng.randrange(10**12)}==")
    for _ in range(rng.randint(1, 3)):
        words = rng.choice(["Hello\nthere", "Grüße aus Köln", "", "--b\n--", "a" * 200 + " é"])
        part: MIMEBase = MIMEText(words, rng.choice(["plain", "html"]), "utf-8")
        choice = rng.randrange(4)
        if choice == 0 and depth < 2:
            part = _drawn(rng, depth + 1)
        elif choice == 1:
            name = rng.choice(["a.pdf", "two words.bin", "é.txt"])
            part.add_header(
                "Content-Disposition", rng.choice(["attachment", "inline"]), filename=name
            )
        mail.attach(part)
    return mail


def test_parts_are_those_that_the_standard_library_finds() -> None:
    split = 0
    for seed in range(150):
        rng = random.Random(seed)
        raw = b"From: a@b.example\n" + _drawn(rng).as_bytes()
        at = rng.randrange(raw.index(b"\n\n"), len(raw))
        harm = rng.choice([b"", b"", b"\n", b"=", b'"', b"\xff"])
        raw = (
            raw[:at] + harm + raw[at:] if harm else raw.replace(b"\n", b"\r\n", seed % 2 * len(raw))
        )
        headers = mails.headers_of(raw)
        _, _, below = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        split += parts.leaves(below, headers.get("content-type", [""])[0]) is not None
        quick, slow = Notes(), Notes()
        assert bodies.read(raw, quick, headers) == bodies.read(raw, slow), seed
        assert quick == slow
    assert split > 20

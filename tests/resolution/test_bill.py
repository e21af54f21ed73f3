"""Every line gets one status, the statuses sum to the invoice, and the published cases come out."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from candor.errors import CandorError
from candor.resolution import invoice, ladder, registry
from candor.resolution.bill import STATUSES, Audit, Thread, audit
from candor.resolution.invoice import InvoiceLine
from candor.resolution.judged import IMMATURE, decide
from candor.window import DAY, HOUR, parse_instant

FIN = registry.current()["intercom_fin"]
START, END = parse_instant("2026-09-01"), parse_instant("2026-10-01")
AS_OF = parse_instant("2026-11-01")
HEAD = "invoice_id,line,vendor,period_start,period_end,outcome_billed,amount,currency,thread_id\n"


def line(number: int, thread: str | None, amount: str = "1.00", **changes: Any) -> InvoiceLine:
    values: dict[str, Any] = {
        "invoice_id": "i1", "line": str(number), "vendor": "v", "period_start": START,
        "period_end": END, "outcome_billed": "resolution", "amount": Decimal(amount),
        "currency": "EUR", "row": number, "thread_id": thread, **changes,
    }  # fmt: skip
    return InvoiceLine(**values)


def thread(name: str, code: int = 8, rungs: dict[str, int] | None = None, **columns: Any) -> Thread:
    known = {
        "t_first_message": START + DAY, "t_conversation_end": START + DAY + HOUR,
        "t_last_activity": START + DAY, "t_same_thread_return": None, "t_person_return": None,
        "t_human_reply": None, "return_channel": None, "is_test": False, "customer_known": True,
    }  # fmt: skip
    standing = {rung.name: ladder.RESOLVED for rung in ladder.RUNGS}
    standing |= {"customer_confirmed": ladder.UNDETERMINED, "system_confirmed": ladder.UNDETERMINED}
    return Thread(
        f"{name}#1", name, decide(FIN, code), {**standing, **(rungs or {})}, {**known, **columns}
    )


def status(
    lines: list[InvoiceLine], threads: list[Thread], rule: Any = FIN
) -> list[tuple[str, str]]:
    found = audit(
        lines, rule, {t.thread_id: t for t in threads}, similar={"t9x": ("t9",)}, as_of_us=AS_OF
    )
    assert sum((f.line.amount for f in found), Decimal(0)) == sum(
        (x.amount for x in lines), Decimal(0)
    )
    assert {f.status for f in found} <= set(STATUSES)
    return [(f.status, f.reason) for f in found]


def test_each_way_a_line_can_go() -> None:
    refused, no_return = {"no_return_7d": ladder.NOT_RESOLVED}, START + DAY
    threads = [
        thread("yes"),
        thread("told", 7, {"customer_confirmed": ladder.RESOLVED}),
        thread("billed_only", 1),
        thread("no_answer", 2),
        thread("thumbs", 4),
        thread("back", 5),
        thread("silent", 6),
        thread("early", IMMATURE),
        thread("unread", -3),
        thread(
            "mail", rungs=refused, t_person_return=no_return + 30 * HOUR, return_channel="email"
        ),
        thread("system", rungs={"system_confirmed": ladder.NOT_RESOLVED}),
        thread("person", t_human_reply=START + DAY + 60),
        thread("said_no", rungs={"customer_confirmed": ladder.NOT_RESOLVED}),
        thread("late", t_first_message=END),
        thread("long_gone", t_conversation_end=START - 10 * DAY, t_first_message=START - 11 * DAY),
    ]
    lines = [line(n, t.thread_id) for n, t in enumerate(threads, start=1)]
    lines += [
        line(20, None), line(21, None, "5.00", quantity=5), line(22, "t9x"), line(23, "yes"),
        line(24, "yes", "-1.00"),
    ]  # fmt: skip
    assert status(lines, threads) == [
        ("accepted", "assumed"), ("accepted", "confirmed"), ("accepted", "confirmed"),
        ("disputed", "rule_says_no"), ("disputed", "rule_says_no"), ("disputed", "revoked_by_return"),
        ("unverifiable", "rule_silent"), ("unverifiable", "window_immature"),
        ("unverifiable", "source_gap"), ("rework", "returned_other_channel"),
        ("rework", "system_contradicts"), ("rework", "human_repair"), ("rework", "customer_negative"),
        ("disputed", "outside_period"), ("disputed", "outside_period"),
        ("unverifiable", "thread_missing"), ("unverifiable", "aggregate_line"),
        ("unverifiable", "thread_unknown"), ("disputed", "duplicate"), ("accepted", "credit"),
    ]  # fmt: skip


def test_what_can_be_asked_back() -> None:
    threads = {
        t.thread_id: t for t in (thread("a", 2), thread("b", 4), thread("c"), thread("d", 2))
    }
    lines = [line(1, "a"), line(2, "b", "2.00"), line(3, "c"), line(4, "d"), line(5, "d", "-1.00")]
    found = Audit(FIN, audit(lines, FIN, threads, similar={}, as_of_us=AS_OF))
    # b rests on our reading of the text; d was credited already.
    assert found.recoverable() == {"EUR": (Decimal("1.00"), Decimal("3.00"))}
    assert found.amounts()["EUR"] == {
        "accepted": Decimal("0.00"), "disputed": Decimal("4.00"), "rework": Decimal(0),
        "unverifiable": Decimal(0),
    }  # fmt: skip
    assert found.counts()["disputed"] == {"rule_says_no": 3}


def test_a_contract_settles_price_currency_and_tests(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(
        "id: acme\nversion: 1\nextends: intercom_fin\ntests: excluded\n"
        "price: {amount: 0.90, currency: EUR}\n"
    )
    acme = registry.read(path)
    threads = [thread("a"), thread("b"), thread("c", is_test=True), thread("d")]
    lines = [
        line(1, "a", "1.00"), line(2, "b", "0.90", currency="USD"), line(3, "c", "0.90"),
        line(4, "d", "0.90"), line(5, "d", "0.90"),
    ]  # fmt: skip
    assert status(lines, threads, acme) == [
        ("disputed", "wrong_price"), ("disputed", "wrong_currency"),
        ("disputed", "test_excluded_by_contract"), ("accepted", "assumed"),
        ("disputed", "one_charge_rule"),
    ]  # fmt: skip
    found = audit(lines[:1], acme, {"a": threads[0]}, similar={}, as_of_us=AS_OF)
    assert found[0].requested == Decimal("0.10")


@pytest.mark.shared
def test_the_published_cases(shared: Any) -> None:
    from .test_cases import CASES, at, evaluate, micros

    names = {rung.name: n for n, rung in enumerate(ladder.RUNGS)}
    for case in json.loads(shared("vectors/resolution_cases.json").read_text()):
        as_of = micros(case["as_of"]) or 0
        judged = evaluate(case["events"], as_of, [FIN])
        row = at(judged, case["subject_thread_id"])
        told = {k: micros(v) if k.startswith("t_") else v for k, v in case["derived"].items()}
        known = Thread(
            "x#1", "x", judged.decision(row, 0),
            {name: int(judged.rungs[row][n]) for name, n in names.items()},
            {**told, "t_first_message": told["t_last_activity"], "return_channel": None},
        )  # fmt: skip
        period = {"period_start": as_of - 90 * DAY, "period_end": as_of}
        found = audit([line(1, "x", **period)], FIN, {"x": known}, similar={}, as_of_us=as_of)
        assert found[0].status == case["expected_bill"]["intercom_fin"], case["id"]
        assert case["id"] in CASES


def test_an_invoice_is_read_under_other_names(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(
        "Invoice No,Pos,Supplier,From,To,Outcome,Total,Currency,Ticket ID\n"
        "A1,1,Ada,2026-09-01,2026-10-01,resolution,0.99,eur,77\n"
        "A1,1,Ada,2026-09-01,2026-10-01,resolution,0.99,eur,77\n"
        "A1,2,Ada,2026-09-01,2026-10-01,resolution,-0.99,eur,\n"
    )
    found = invoice.read(path)
    assert (found.read, found.repeated, len(found.lines)) == (3, 1, 2)
    first, second = found.lines
    assert (first.invoice_id, first.thread_id, first.amount, first.currency) == (
        "A1", "77", Decimal("0.99"), "EUR",
    )  # fmt: skip
    assert (second.thread_id, second.amount) == (None, Decimal("-0.99"))
    assert found.total == {"EUR": Decimal("0.00")}
    assert first.period_start == parse_instant("2026-09-01")


def test_every_mistake_of_an_invoice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(
        HEAD + "i,1,v,2026-09-01,2026-10-01,r,1.00,EUR,a\n"
        "i,1,v,2026-09-01,2026-10-01,r,2.00,EUR,a\n"
        "i,3,v,yesterday,2026-10-01,r,1,EUR,a\n"
        "i,4,v,2026-09-01,2026-10-01,r,one,EUR,a\n"
        "i,5,v,2026-10-01,2026-09-01,r,1,EUR,a\n"
        "i,6,v,2026-09-01,2026-10-01,r,1,Euro,a\n"
        "i,,v,2026-09-01,2026-10-01,r,1,EUR,a\n"
    )
    with pytest.raises(CandorError) as caught:
        invoice.read(path)
    told = [(p.where, p.what) for p in caught.value.problems]
    assert told == [
        ("bill.csv: row 2", "line 1 of invoice i stands twice with different content"),
        ("bill.csv: row 3: period_start", "'yesterday' is no time"),
        ("bill.csv: row 4: amount", "'one' is no number"),
        ("bill.csv: row 5", "the period ends before it starts"),
        ("bill.csv: row 6: currency", "'Euro' is no currency"),
        ("bill.csv: row 7: line", "the cell is empty"),
    ]


def test_a_missing_column_names_what_it_may_be_called(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("invoice,line,vendor,from,to,outcome,amounts,currency\na,1,v,x,y,z,1,EUR\n")
    with pytest.raises(CandorError) as caught:
        invoice.read(path)
    problem = caught.value.problems[0]
    assert "amount" in problem.what
    assert "total" in problem.expected
    assert "amounts" in problem.fix

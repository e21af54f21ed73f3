"""What came of a contact: what proves it, what was claimed, who came back, whether it was solved."""

from __future__ import annotations

from typing import Any

from .derived import (
    WINDOWS,
    class_at,
    feedback,
    first,
    last,
    person_return,
    reply_class,
    system_verdict,
    thread_return,
)
from .timeline import CLOSING, Contact, Timeline, closes

Row = dict[str, Any]


def evidence(line: Timeline, contact: Contact, row: Row) -> Row:
    """What proves that it was solved, or was not."""
    reply = reply_class(contact)
    said = feedback(contact, line.as_of)
    system = system_verdict(line, contact)
    came_back_angry = row["return_class"] == "negative" and not contact.is_made_up
    customer = None
    if reply in ("negative", "asks_human") or said == "neg" or came_back_angry:
        customer = "contradicts"
    elif reply == "affirm" or said == "pos":
        customer = "confirms"
    verdict = system or customer
    proof = None
    if verdict == "confirms":
        proof = "system_confirmed" if system else "customer_confirmed"
    return {
        "reply_class": reply,
        "explicit_feedback": said,
        "ended_negative": None if reply is None else reply in ("negative", "asks_human"),
        "system_verdict": system,
        "customer_verdict": customer,
        "contradicted": verdict == "contradicts",
        "confirmed": verdict == "confirms",
        "evidence": proof,
    }


def claims(contact: Contact) -> Row:
    """What the vendor says of it."""
    told = contact.of(contact.thread.all("claim"))
    claimed = told[-1]["claimed"] if told else None
    return {
        "has_claim": bool(told),
        "claimed": claimed,
        "claimed_resolved": None if claimed is None else claimed.startswith("resolved"),
        "claim_is_billable": told[-1].get("is_billable") if told else None,
    }


SET = {"resolved": True, "not_resolved": False, "unknown": None}


def override(line: Timeline, contact: Contact) -> Row:
    """What a person set, by the latest correction of the contact that was not withdrawn."""
    said = [
        event
        for event in line.overrides
        if event["target_id"] == contact.id
        and event["target_type"] == "conversation"
        and event["field"] == "outcome"
    ]
    last_said = min(said, key=lambda one: (-one["at"], one["override_id"]), default=None)
    stands = last_said if last_said and last_said["new_value"] in SET else None
    return {
        "override_outcome": stands["new_value"] if stands else None,
        "overridden_by": stands["author"] if stands else None,
        "overridden_at": stands["at"] if stands else None,
    }


def _within(at: int | None, since: int | None, width: int, until: int) -> bool | None:
    if since is None:
        return None
    if at is not None and at - since < width:
        return True
    return False if since + width <= until else None


def _reopening(contact: Contact) -> int | None:
    """When somebody but the customer opened the thread again after its last message."""
    closed, since = first(closes(contact)), last(contact.messages)
    if closed is None or since is None or since > closed:
        return None
    return first(
        [
            state
            for state in contact.of(contact.thread.states)
            if state.get("from_state") in CLOSING
            and state["to_state"] in ("open", "pending")
            and state.get("actor") in ("human_agent", "ai_agent", "system")
            and state["at"] > closed
        ]
    )


def returns(line: Timeline, contact: Contact) -> Row:
    """Who came back, and how long that could be seen."""
    again, in_thread = person_return(line, contact), thread_return(contact)
    unknown = person_return(line, contact, issue=None)
    since = last(contact.messages)
    at = again["at"] if again else None
    thread_at = in_thread["at"] if in_thread else None
    reopened = [one for one in (thread_at, _reopening(contact)) if one is not None]
    reopened_at = min(reopened, default=None)
    until = min(line.covered_until, line.as_of)
    row: Row = {
        "return_at": at,
        "return_channel": line.threads[again["thread_id"]].record.get("channel") if again else None,
        "return_class": class_at(line, again) if again else None,
        "thread_return_at": thread_at,
        "reopened_at": reopened_at,
        "unknown_issue_contact_at": unknown["at"] if unknown else None,
        "return_delay_us": at - since if at is not None and since is not None else None,
        "followed_us": None if since is None or contact.ended is None else max(until - since, 0),
        "return_at_risk_us": None
        if since is None or contact.ended is None
        else max((until if at is None else at) - since, 0),
    }
    for window, width in WINDOWS.items():
        returned = _within(at, since, width, until)
        is_blind = contact.thread.person is None or contact.ended is None
        hidden = unknown is not None and since is not None and unknown["at"] - since < width
        if returned is False and (is_blind or hidden):
            returned = None
        row[f"returned_{window}"] = returned
        was_reopened = _within(reopened_at, since, width, until)
        if was_reopened is False and contact.ended is None:
            was_reopened = None
        row[f"reopened_{window}"] = was_reopened
        if window != "48h":
            row[f"window_open_{window}"] = None if since is None else since + width > until
    return row


def kept(row: Row, window: str, *, is_journey: bool = False) -> bool | None:
    """Whether an issue was solved and stayed so, by the order in which evidence counts."""
    system = row["system_verdict"] == "confirms"
    returned = row[f"returned_{window}"]
    if row["override_outcome"]:
        return SET[row["override_outcome"]]
    if row["contradicted"] or returned:
        return False
    if system:
        return None if row["is_open"] else True
    if row["explicit_feedback"] == "neg" or True in (
        row["abandoned"],
        row["ended_negative"],
        row["rage_quit"],
    ):
        return False
    if row["is_open"] or row["forced_termination"] is not False:
        return None
    if row["rage_quit"] is None and not is_journey:
        return None
    if row["confirmed"]:
        return True
    is_held = row["reply_class"] is not None and row["answered"] and returned is False
    return True if is_held else None


def _first_contact(row: Row, window: str) -> bool | None:
    """Solved by the AI at the first contact: one that is known to have stayed the only one."""
    if not row["ai_involved"]:
        return None
    if row["transfers"] or row[f"returned_{window}"]:
        return False
    if row["override_outcome"]:
        held = SET[row["override_outcome"]]
        return None if held and row[f"returned_{window}"] is None else held
    if row["contradicted"]:
        return False
    if row["answered"] is False and row["system_verdict"] != "confirms":
        return False
    held = kept({**row, "abandoned": False}, window)
    if held and row["system_verdict"] != "confirms":
        is_told = row["answered"] and row["reply_class"] is not None
        held = True if is_told else None
    return None if held and row[f"returned_{window}"] is None else held


def resolution(row: Row) -> Row:
    """Whether it was contained, solved, and stayed so."""
    is_proved = row["system_verdict"] == "confirms"
    contained: bool | None = False
    if row["ai_involved"] and not row["escalated"]:
        lost = (row["forced_termination"], row["rage_quit"] and not is_proved)
        if is_proved:
            lost = (row["forced_termination"], False)
        contained = False if True in lost else None if None in lost or row["is_open"] else True
    true = None if not row["ai_involved"] else False if row["escalated"] else kept(row, "72h")
    claimed = bool(row["claimed_resolved"])
    looked = True if contained or claimed else contained
    silent: bool | None = None
    if looked:
        silent = True if row["contradicted"] else row["returned_7d"]
        if row["is_synthetic_time"] and is_proved:
            silent = False
        if row["override_outcome"]:
            found = SET[row["override_outcome"]]
            silent = None if found is None else not found
    held: bool | None = None
    if claimed:
        held = not row["returned_72h"] if row["returned_72h"] is not None else None
        held = True if row["confirmed"] and not row["returned_72h"] else held
        held = False if row["contradicted"] else held
        held = SET[row["override_outcome"]] if row["override_outcome"] else held
    human: bool | None = None
    if row["human_messages"]:
        failed = row["transfers"] > 1 or row["returned_72h"] or row["contradicted"]
        human = False if failed else None if row["returned_72h"] is None else True
        if row["override_outcome"] and not (row["transfers"] > 1 or row["returned_72h"]):
            human = SET[row["override_outcome"]]
            human = None if human and row["returned_72h"] is None else human
    return {
        "contained": contained,
        "looked_successful": looked,
        "silent_failure": silent,
        "true_resolution": true,
        "resolution_assumed": not row["confirmed"] if true else None,
        "claim_held": held,
        "ai_fcr_24h": _first_contact(row, "24h"),
        "ai_fcr_72h": _first_contact(row, "72h"),
        "human_fcr_72h": human,
    }

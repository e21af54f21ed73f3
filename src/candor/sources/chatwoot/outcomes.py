"""What Chatwoot says became of a conversation: states, handoffs, claims, surveys.

Only this module reads reporting events, status webhooks, survey responses and the assistant's own
outcome rows. A reporting event names the assignee, not who acted, so its actor is unknown. A close
that nobody's words precede within the account's auto-resolve time was made by the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.sources import claims
from candor.sources.base import EventDict, RecordSkipped
from candor.sources.chatwoot import kinds
from candor.sources.chatwoot.context import (
    SAME_CLOSE,
    SAME_HANDOFF,
    Around,
    conversation_key,
    conversation_of,
    end_of,
    near,
    number_of,
    status_change,
    updated_of,
)
from candor.sources.chatwoot.dialogue import ANSWER, survey
from candor.sources.instants import MINUTE, SECOND, iso
from candor.sources.shapes import keys, object_of, rest, text_of

CLAIMANT = "chatwoot"
_CLAIMS = frozenset({"conversation_bot_resolved", "conversation_bot_handoff"})
_REASONS = {
    "usage_limit": "usage_limit",
    "customer_request": "customer_request",
    "customer_requested": "customer_request",
}
_PERFORMERS = {
    "contact": "customer",
    "user": "human_agent",
    "agentbot": "ai_agent",
    "agent_bot": "ai_agent",
    "captain::assistant": "ai_agent",
    "automationrule": "system",
    "automation_rule": "system",
}
_CLOSED_BY = {"human_agent": "agent_closed", "ai_agent": "ai_closed", "system": "automation"}
_REPORT_KNOWN = keys(
    "id name account_id conversation_id inbox_id user_id created_at updated_at event_start_time"
    " event_end_time conversation account"
)


def of_report(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """State, handoff and claim of a reporting event.

    Raises:
        RecordSkipped: a clock reading of the vendor, which is reckoned anew from the messages.
    """
    name = str(body["name"])
    if name not in _CLAIMS | {"conversation_resolved", "conversation_opened"}:
        raise RecordSkipped(f"reporting event {name} that means no event")
    thread = around.thread(body, conversation_of(body))
    at, export = end_of(body), around.export
    identity = str(body.get("id") or f"{name}:{at}")
    extra = rest(body, _REPORT_KNOWN)
    if name in _CLAIMS:
        yield {
            "type": "claim",
            "claim_id": f"report:{identity}",
            "thread_id": thread,
            "occurred_at": at,
            "claimant": CLAIMANT,
            "raw_value": name,
            "claimed": claims.claimed(CLAIMANT, name, around.notes),
            "api_version": text_of(around.settings.get("version")),
            "is_billable": None,
            "extra": extra or None,
        }
    if name == "conversation_bot_handoff":
        yield _handoff(thread, at, around, told_by="report")
    elif name == "conversation_opened":
        previous = export.state_before(thread, at)
        is_again = previous == "resolved"
        yield _state(thread, f"report:{identity}", at, previous, "open", None,
                     "reopened" if is_again else None, extra)  # fmt: skip
    elif name in {"conversation_resolved", "conversation_bot_resolved"}:
        is_bot = name == "conversation_bot_resolved"
        closes = export.reported_closes.get(thread, ())
        if is_bot and near(closes, at, SAME_CLOSE):
            return  # The same close is reported as conversation_resolved too.
        by_bot = is_bot or near(export.bot_closes.get(thread, ()), at, SAME_CLOSE)
        actor, reason = _closed_how(thread, at, around, by_bot=by_bot)
        previous = export.state_before(thread, at - SAME_CLOSE)
        yield _state(thread, f"report:{identity}", at, previous, "resolved", actor, reason, extra)


def _closed_how(
    thread: str, at: int, around: Around, *, by_bot: bool
) -> tuple[str | None, str | None]:
    """Actor and reason of a close that names neither."""
    minutes = around.settings.get("auto_resolve_minutes")
    if minutes is None:
        around.notes.add("auto_resolve_unknown", "closes whose reason needs auto_resolve_minutes")
        return None, None
    last = around.export.dialogues.last_before(thread, at - 1)
    if last is not None and at - last >= int(minutes) * MINUTE:
        return "system", "inactivity"
    # "Resolved by the bot" is the vendor's name for it; who acted is not told.
    return None, "ai_closed" if by_bot and last is not None else None


def _state(
    thread: str,
    identity: str,
    at: int,
    previous: str | None,
    status: str,
    actor: str | None,
    reason: str | None,
    extra: dict[str, Any],
    actor_id: str | None = None,
) -> EventDict:
    return {
        "type": "state_change",
        "change_id": f"{thread}:{identity}",
        "thread_id": thread,
        "occurred_at": at,
        "from_state": None if previous is None else kinds.STATES.get(previous, previous),
        "to_state": kinds.STATES.get(status, status),
        "actor": actor,
        "actor_id": actor_id,
        "reason": reason,
        "extra": extra or None,
    }


def _handoff(thread: str, at: int, around: Around, *, told_by: str) -> EventDict:
    export = around.export
    accepted = export.dialogues.first(thread, "human_agent", since=at)
    ended = any(time > at and state == "resolved" for time, state in export.told.get(thread, ()))
    words = [
        word for time, word in export.reasons.get(thread, ()) if abs(time - at) <= SAME_HANDOFF
    ]
    word = min(words) if words else ""
    reason = _REASONS.get(word)
    if word and reason is None:
        around.notes.add("handoff_reason_unknown", word)
    extra = {"told_by": told_by, **({"reason_told": word} if word else {})}
    return {
        "type": "handoff",
        "handoff_id": f"{thread}:{at // SECOND}",
        "thread_id": thread,
        "occurred_at": at,
        # A later export knows who came.
        "revision": export.latest(thread),
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": reason,
        "is_planned": False,
        "accepted_at": accepted,
        "is_failed": accepted is None and ended,
        "extra": extra,
    }


def of_status(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """State (and handoff, from the bot's queue to people's) of a status webhook.

    Raises:
        RecordSkipped: a webhook that changed no state.
    """
    change = status_change(body)
    if change is None:
        raise RecordSkipped(f"webhook {body.get('event')} that means no event")
    previous, status = change
    thread = around.thread(body, number_of(body))
    at, export = updated_of(body), around.export
    performer = object_of(body.get("performed_by"))
    actor = _PERFORMERS.get(str(performer.get("type") or "").lower())
    reason: str | None = None
    if status == "resolved":
        reason = _CLOSED_BY.get(actor or "")
        if actor is None:
            by_bot = near(export.bot_closes.get(thread, ()), at, SAME_CLOSE)
            actor, reason = _closed_how(thread, at, around, by_bot=by_bot)
    elif previous == "resolved":
        reason = "reopened"
    reported = export.reported_closes.get(thread, []) + export.bot_closes.get(thread, [])
    if status != "resolved" or not near(reported, at, SAME_CLOSE):
        yield _state(thread, f"{status}:{at // SECOND}", at, previous, status, actor, reason, {},
                     text_of(performer.get("id")))  # fmt: skip
    if change == ("pending", "open") and not near(
        export.reported_handoffs.get(thread, ()), at, SAME_HANDOFF
    ):
        yield _handoff(thread, at, around, told_by="status")


def snapshot(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The state of a conversation that no report and no webhook of the export explains."""
    status = kinds.status_of(body)
    if status is None:
        return
    thread = around.thread(body, conversation_key(body, around.settings))
    at, told = updated_of(body), sorted(around.export.told.get(thread, ()))
    known = told[-1] if told else None
    if known is not None and (known[1] == status or known[0] > at):
        return
    if known is None and status == "open":
        return  # Open is how conversations begin.
    since = around.export.dialogues.first(thread) if known is None else known[0]
    extra: dict[str, Any] = {"is_snapshot": True}
    if since is not None:
        extra |= {"changed_between": [iso(since), iso(at)]}
    previous = None if known is None else known[1]
    reason = "reopened" if previous == "resolved" and status == "open" else None
    yield _state(thread, f"{status}:{at // SECOND}", at, previous, status, None, reason, extra)


def of_survey(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The answer of a survey; when it was asked is known only from the message that asked."""
    thread = around.thread(body, conversation_of(body))
    at = kinds.instant(body.get("created_at"), "created_at")
    contact = object_of(body.get("contact")).get("id") or body.get("contact_id")
    asked = around.export.offered.get(thread)
    yield survey(thread, text_of(contact), body, asked=asked, at=at, rank=ANSWER)


def of_outcome(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """The assistant's own outcome row: a claim, and a handoff that nothing else tells.

    Raises:
        RecordSkipped: an episode that ended in neither.
    """
    thread = around.thread(body, conversation_of(body))
    found = False
    for key in ("handoff_at", "resolved_at"):
        if body.get(key) is None:
            continue
        found = True
        raw = f"outcome:{key}"
        at = kinds.instant(body[key], key)
        yield {
            "type": "claim",
            "claim_id": f"outcome:{body.get('id') or at}:{key}",
            "thread_id": thread,
            "occurred_at": at,
            "claimant": "chatwoot_captain",
            "raw_value": raw,
            "claimed": claims.claimed(CLAIMANT, raw, around.notes),
            "api_version": text_of(around.settings.get("version")),
            "is_billable": None,
            "extra": {"episode_trigger": body.get("episode_trigger")},
        }
        export = around.export
        others = [*export.reported_handoffs.get(thread, ()), *export.told_handoffs.get(thread, ())]
        if key == "handoff_at" and not near(others, at, SAME_HANDOFF):
            yield _handoff(thread, at, around, told_by="outcome")
    if not found:
        raise RecordSkipped("outcome that means no event")

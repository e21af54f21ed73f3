"""Ada conversations and messages as events: what was said, who took over, what Ada claims of it.

Only this module maps Ada. Its label exists for a sample of engaged conversations; where Ada did not
look there is no claim and no assessment. The chance of being looked at is unknown (null) unless the
user declares it, or declares that the sample is drawn at random of each day's engaged conversations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from candor.sources import claims, markup
from candor.sources.ada import kinds
from candor.sources.ada.context import Around, actor_of, id_of, is_labelled, updated_of
from candor.sources.base import EventDict
from candor.sources.benchmark import kind_of_text
from candor.sources.instants import DAY, iso, of_iso
from candor.sources.shapes import keys, list_of, object_of, rest, text_of

CLAIMANT = "ada"
BY_DAY = "by_day"
"""The setting that declares a random sample of each day's engaged conversations."""
_LABEL = "automated_resolution_classification"
_KNOWN = keys(
    "_id chatter_id end_user_id platform language date_created date_updated record_last_updated"
    " is_engaged is_escalated is_test_user agent_id agent_name csat inquiry_summary device"
    " automated_resolution_classification automated_resolution_classification_reason"
    " agent_handle_time bot_handle_time"
)
_MESSAGE_KNOWN = keys(
    "_id conversation_id chatter_id sender recipient date_created message_data record_last_updated"
    " review"
)
_CENT = Decimal("0.000001")


def of_conversation(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """Everything one conversation row says."""
    thread = id_of(body)
    started, updated = of_iso(body.get("date_created"), "date_created"), updated_of(body)
    changed = body.get("date_updated")
    last = started if changed is None else of_iso(changed, "date_updated")
    _report_gaps(around)
    if thread not in around.export.dialogues:
        around.notes.add("dialogue_missing", "conversations without an exported message")
    yield _conversation(thread, body, started, updated, around)
    yield from _handoff(thread, body, last, updated, around)
    yield from _claims(thread, body, (started, last, updated), around)
    yield from _assessment(thread, body, started, last, updated, around)
    yield from _survey(thread, body, last, updated, around)
    yield from _cost(thread, body, last, updated, around)
    yield from _identities(thread, body, started, updated, around)


def _report_gaps(around: Around) -> None:
    since, until = around.settings.get("requested_since"), around.settings.get("requested_until")
    if since is not None and until is not None:
        for gap in around.export.gaps(str(since), str(until)):
            around.notes.add("coverage_gap", f"no conversation of {gap}")


def _conversation(
    thread: str, body: Mapping[str, Any], started: int, updated: int, around: Around
) -> EventDict:
    platform = text_of(body.get("platform"))
    topic = around.settings.get("intent_field")
    word = None if platform is None else platform.lower()
    attributes = {
        "is_engaged": body.get("is_engaged"),
        "device": text_of(body.get("device")),
        "bot_handle_seconds": body.get("bot_handle_time"),
        "agent_handle_seconds": body.get("agent_handle_time"),
    }
    extra = rest(body, _KNOWN)
    if object_of(body.get("csat")):
        extra["csat"] = body["csat"]
    if body.get("inquiry_summary"):
        extra["inquiry_summary"] = body["inquiry_summary"]
    return {
        "type": "conversation",
        "thread_id": thread,
        "occurred_at": started,
        "revision": updated,
        "started_at": started,
        "ended_at": None,
        # A word outside the table is stored raw and counted, never guessed.
        "channel": None if word is None else kinds.CHANNELS.get(word, platform),
        # Starts that nobody engaged with are left out by Ada: who began is not told.
        "direction": None,
        "customer_id": text_of(body.get("end_user_id") or body.get("chatter_id")),
        "language": text_of(body.get("language")),
        "intent_id": text_of(body.get(topic)) if topic else None,
        "is_test": body.get("is_test_user") is True,
        "is_spam": False,
        "ai_agent_id": "ada",
        "attributes": {key: value for key, value in attributes.items() if value is not None}
        or None,
        "extra": extra or None,
    }


def _handoff(
    thread: str, body: Mapping[str, Any], last: int, updated: int, around: Around
) -> Iterator[EventDict]:
    if body.get("is_escalated") is not True and not list_of(body.get("agent_id")):
        return
    dialogues = around.export.dialogues
    came = dialogues.first(thread, "human_agent")
    extra: dict[str, Any] | None = None
    at = came
    if at is None:
        # The flag has no time: it lies somewhere after the last words and before the last update.
        since = min(dialogues.latest(thread) or last, last)
        at = since
        extra = {"time_unknown": True, "changed_between": [iso(since), iso(last)]}
        around.notes.add("handoff_time_unknown", "escalated without a message of a person")
    yield {
        "type": "handoff",
        "handoff_id": f"{thread}:1",
        "thread_id": thread,
        "occurred_at": at,
        "revision": max(updated, dialogues.latest(thread)),
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": None,
        "is_planned": False,
        "accepted_at": came,
        # Whoever takes over works in another system: that nobody wrote here proves nothing.
        "is_failed": False,
        "extra": extra,
    }


def _claims(
    thread: str, body: Mapping[str, Any], times: tuple[int, int, int], around: Around
) -> Iterator[EventDict]:
    started, last, updated = times
    found = []
    if is_labelled(body):
        raw = str(body[_LABEL])
        found.append(("classification", raw, raw))
    if body.get("is_escalated") is True:
        found.append(("is_escalated", "true", "is_escalated"))
    for name, raw, word in found:
        yield {
            "type": "claim",
            "claim_id": f"{thread}:{name}",
            "thread_id": thread,
            "occurred_at": last,
            "revision": updated,
            "claimant": CLAIMANT,
            "raw_value": raw if name == "classification" else word,
            "claimed": claims.claimed(CLAIMANT, word, around.notes),
            "api_version": text_of(around.settings.get("api_version")),
            "is_billable": None,
            "extra": {"changed_between": [iso(started), iso(last)]},
        }


def _assessment(
    thread: str, body: Mapping[str, Any], started: int, last: int, updated: int, around: Around
) -> Iterator[EventDict]:
    """The label once more as an assessment of the vendor, with its chance of having been drawn."""
    if not is_labelled(body):
        return
    probability, told = _probability(body, started, around)
    yield {
        "type": "assessment",
        "assessment_id": f"{thread}:{_LABEL}",
        "thread_id": thread,
        "occurred_at": last,
        # A later export may know more of the day, and so another share.
        "revision": max(updated, told),
        "assessor_kind": "vendor",
        "assessor_id": CLAIMANT,
        "assessor_version": text_of(around.settings.get("api_version")) or "unknown",
        "criterion": "automated_resolution",
        "label": str(body[_LABEL]),
        "explanation": text_of(body.get(f"{_LABEL}_reason")),
        "sampling_probability": probability,
        "is_blind": None,
    }


def _probability(body: Mapping[str, Any], started: int, around: Around) -> tuple[float | None, int]:
    declared = around.settings.get("sampling_share")
    if declared is None:
        return None, 0
    if declared != BY_DAY:
        return float(declared), 0
    if body.get("is_engaged") is not True or body.get("is_test_user") is True:
        return None, 0
    share, told = around.export.share_labelled(started // DAY)
    return (None if share is None else float(share)), told


def _survey(
    thread: str, body: Mapping[str, Any], last: int, updated: int, around: Around
) -> Iterator[EventDict]:
    given = object_of(body.get("csat"))
    if not given:
        return
    reading = object_of(around.settings.get("csat"))
    scale = list_of(reading.get("scale"))
    if not reading.get("score") or len(scale) != 2:
        around.notes.add("csat_unmapped", "ratings whose keys the setting csat does not name")
        return
    score = given.get(reading["score"])
    yield {
        "type": "survey",
        "survey_id": f"{thread}:csat",
        "thread_id": thread,
        "customer_id": text_of(body.get("end_user_id") or body.get("chatter_id")),
        "occurred_at": last,
        "revision": updated,
        "instrument": "csat",
        "version": f"ada:{reading['score']}:{scale[0]}-{scale[1]}",
        "asked_at": None,
        "answered_at": None if score is None else last,
        "score": None if score is None else float(score),
        "scale_min": float(scale[0]),
        "scale_max": float(scale[1]),
        "comment": text_of(given.get(str(reading.get("comment")))),
        "about": None,
        "extra": {"time_unknown": True},
    }


def _cost(
    thread: str, body: Mapping[str, Any], last: int, updated: int, around: Around
) -> Iterator[EventDict]:
    seconds, rate = body.get("agent_handle_time"), around.settings.get("human_minute_cost")
    currency = around.settings.get("currency")
    if seconds in (None, "", 0) or rate is None or currency is None:
        return
    minutes = Decimal(str(seconds)) / 60
    yield {
        "type": "cost",
        "cost_id": f"{thread}:agent_handle_time",
        "thread_id": thread,
        "occurred_at": last,
        "revision": updated,
        "kind": "human_minutes",
        "quantity": float(minutes),
        "unit": "minute",
        "amount": (minutes * Decimal(str(rate))).quantize(_CENT, ROUND_HALF_EVEN),
        "currency": str(currency),
    }


def _identities(
    thread: str, body: Mapping[str, Any], started: int, updated: int, around: Around
) -> Iterator[EventDict]:
    user, chatter = text_of(body.get("end_user_id")), text_of(body.get("chatter_id"))
    customer = user or chatter
    found: list[tuple[str, str | None]] = []
    found += [("cookie", chatter)] if user and chatter and user != chatter else []
    named = object_of(around.settings.get("identity_variables"))
    variables = {**object_of(body.get("metavariables")), **object_of(body.get("variables"))}
    found += [(str(kind), text_of(variables.get(name))) for kind, name in sorted(named.items())]
    for kind, alias in found:
        if customer and alias:
            yield {
                "type": "identity",
                "identity_id": f"{thread}:{kind}",
                "occurred_at": started,
                "revision": updated,
                "customer_id": customer,
                "alias_kind": kind,
                "alias": alias,
                "is_removed": False,
            }


def of_message(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """One message; a generated answer and a scripted one are told apart by ``answer_id``."""
    identity, thread = id_of(body), id_of(body, "conversation_id")
    created = of_iso(body.get("date_created"), "date_created")
    actor = actor_of(body, around.export, around.options.ai_actor_ids, around.notes)
    data = object_of(body.get("message_data"))
    written = markup.read(str(data.get("body") or ""))
    text = written.text or None
    is_scripted = body.get("answer_id") not in kinds.NO_ANSWER
    kind = None
    if actor == "ai_agent" and is_scripted:
        kind = "custom_answer"
    elif actor == "ai_agent" and text and around.settings.get("ai_text_kind") == "question_mark":
        kind = kind_of_text(text)
    extra = {
        key: value
        for key, value in rest(body, _MESSAGE_KNOWN).items()
        if key not in {"answer_id", "answer_title"} or value not in kinds.NO_ANSWER
    }
    shown = {key: value for key, value in data.items() if key != "body" and value}
    if shown:
        extra["message_data"] = shown
    if written.quoted:
        extra["quoted"] = written.quoted
    feedback = _feedback(body, extra, around)
    yield {
        "type": "message",
        "message_id": identity,
        "thread_id": thread,
        "occurred_at": created + around.export.dialogues.place(thread, identity, created),
        "revision": updated_of(body),
        "actor": actor,
        "actor_id": text_of(body.get("sender")),
        "is_public": True,
        "text": text,
        "kind": kind,
        "feedback": feedback,
        "extra": extra or None,
    }


def _feedback(body: Mapping[str, Any], extra: dict[str, Any], around: Around) -> str | None:
    review = body.get("review")
    if review in (None, "", "None"):
        return None
    declared = object_of(around.settings.get("review_values"))
    word = declared.get(str(review)) or kinds.FEEDBACK.get(str(review).lower())
    extra["review"] = review
    if word is None:
        around.notes.add("review_unknown", str(review))
    return None if word is None else str(word)

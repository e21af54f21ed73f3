"""The Intercom connector: conversations with their parts in, events out.

Only this module joins the pieces and reads the small record kinds: deleted ids, contacts, calls and
Fin events. The setting ``api_version`` is required, because the words of a claim changed at 2.15;
it is one version, or a table of file patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import CandorError, Problem
from candor.events.reasons import ReasonCode
from candor.sources.base import (
    EventDict,
    Notes,
    RawRecord,
    RecordRefused,
    RecordSkipped,
    Source,
    SourceOptions,
)
from candor.sources.configured import check_settings
from candor.sources.envelopes import JSON_FILES, is_lines, top_level_keys
from candor.sources.instants import SECOND, of_iso, of_seconds
from candor.sources.intercom import conversation, kinds, opinions, parts
from candor.sources.readers import counters
from candor.sources.readers.paths import files_under
from candor.sources.shapes import keys, note_unknown

SETTINGS = ("ai_text_kind", "api_version", "cx_score_attribute")
_VERSION = re.compile(r"\d+\.\d+")
_REASONS = (
    ("requested by user", "customer_request"),
    ("escalation rule", "policy"),
    ("finished without resolution", "failure"),
)
_TOLD = frozenset({"escalated"})
_CONTACT_KNOWN = keys(
    "type id external_id workspace_id role email email_domain phone formatted_phone name avatar"
    " owner_id social_profiles has_hard_bounced marked_email_as_spam unsubscribed_from_emails"
    " unsubscribed_from_sms sms_consent created_at updated_at signed_up_at last_seen_at"
    " last_replied_at last_contacted_at last_email_opened_at last_email_clicked_at language_override"
    " browser browser_version browser_language os location android_app_name android_app_version"
    " android_device android_os_version android_sdk_version android_last_seen_at ios_app_name"
    " ios_app_version ios_device ios_os_version ios_sdk_version ios_last_seen_at custom_attributes"
    " tags notes companies opted_out_subscription_types opted_in_subscription_types referrer"
    " utm_campaign utm_content utm_medium utm_source utm_term enabled_push_messaging"
)


class Intercom(Source):
    """Reads Intercom exports."""

    name: ClassVar[str] = "intercom"
    title: ClassVar[str] = "Intercom"
    record_unit: ClassVar[str] = "conversation"

    def files(self, paths: Sequence[Path], options: SourceOptions) -> list[Path]:
        """JSON and JSON Lines files under the paths, by name."""
        check_settings(options, SETTINGS)
        found = files_under(paths, JSON_FILES)
        for path in found:
            version_of(path, options)
        return found

    def records(self, path: Path, options: SourceOptions) -> Iterator[RawRecord]:
        """Every record of the file."""
        return kinds.read(path, version_of(path, options))

    def events(self, value: Any, options: SourceOptions, notes: Notes) -> Iterable[Any]:
        """The events of one record, by its kind.

        Raises:
            RecordSkipped: the record means no event.
        """
        if value.kind == "contact":
            # What else a contact holds is not kept, so a field under a new name is told.
            note_unknown(notes, "contact", value.body, _CONTACT_KNOWN)
        empty = _empty_kind(value)
        if empty is not None:
            raise RecordSkipped(f"{empty} that means no event")
        if value.kind == "conversation":
            return list(_of_conversation(value, options, notes))
        return list(_OTHERS[value.kind](value.body))

    def count(self, path: Path, options: SourceOptions) -> int | None:  # noqa: ARG002
        """Lines, or elements of a page or list."""
        if is_lines(path):
            return counters.count_lines(path)
        return counters.count_elements(path, kinds.page_key(top_level_keys(path)))


def version_of(path: Path, options: SourceOptions) -> str:
    """API version a file was exported through.

    Raises:
        CandorError: ``source.setting`` when the setting is absent, malformed or names no file like
            this one.
    """
    given = options.settings.get("api_version")
    table = given.items() if isinstance(given, Mapping) else [("*", given)]
    found = next((text for pattern, text in table if fnmatch(path.name, pattern)), None)
    if found is None or not _VERSION.fullmatch(str(found)):
        raise CandorError(
            "source.setting",
            Problem(
                f"no API version is set for {path.name}"
                if found is None
                else f"'{found}' is no API version",
                f"[sources.{options.name}.settings] api_version",
                "the Intercom-Version header the export was made with",
                'add api_version = "2.15", or a table such as {"2025-*" = "2.14", "*" = "2.15"}',
            ),
        )
    return str(found)


def _of_conversation(
    item: kinds.Item, options: SourceOptions, notes: Notes
) -> Iterator[EventDict | RecordRefused]:
    body = item.body
    if body.get("id") in (None, ""):
        raise RecordRefused(ReasonCode.ID_MISSING, "id", "the conversation's id")
    thread = str(body["id"])
    found, refused = parts.parts_of(body, options.ai_actor_ids, notes)
    ai_agent = body.get("ai_agent") if isinstance(body.get("ai_agent"), dict) else {}
    yield conversation.conversation_event(thread, body, notes)
    yield from refused
    yield from parts.messages(thread, found, ai_agent or {}, options.settings, notes)
    yield from parts.states(thread, body, found, conversation.missing_parts(body) > 0)
    yield from parts.handoffs(thread, body, found)
    yield from parts.actions(thread, found, ai_agent or {})
    yield from opinions.claim(thread, body, item.api_version, notes)
    yield from opinions.ratings(thread, body, conversation.customer_of(body))
    yield from opinions.assessments(thread, body, options.settings)
    yield from conversation.links(thread, body, found)
    yield from conversation.handoff_of_origin(thread, body, found)
    yield from conversation.identities(thread, body)


def _empty_kind(item: kinds.Item) -> str | None:
    if item.kind == "handling_event":
        return item.kind
    if item.kind == "contact":
        is_known = any(item.body.get(key) for key in ("email", "phone", "external_id"))
        return None if is_known else item.kind
    if item.kind != "fin_event":
        return None
    topic, status = kinds.topic_of(item.body), kinds.payload_of(item.body).get("status")
    is_told = topic == "csat_requested" or (topic == "fin_status_updated" and status in _TOLD)
    return None if is_told else f"{topic} {status or ''}".strip()


def _of_deleted(body: Mapping[str, Any]) -> Iterator[EventDict]:
    deleted = of_seconds(body.get("deleted_at"), "deleted_at")
    yield {
        "type": "erasure",
        "erasure_id": f"deleted_conversation:{body['id']}",
        "occurred_at": deleted,
        "subject_kind": "thread",
        "subject_id": str(body["id"]),
        "requested_at": deleted,
        "reason": "deleted in Intercom",
        "extra": {"metrics_retained": body.get("metrics_retained")},
    }


def _of_contact(body: Mapping[str, Any]) -> Iterator[EventDict]:
    created = of_seconds(body.get("created_at"), "created_at")
    updated = of_seconds(body.get("updated_at") or body.get("created_at"), "updated_at")
    for key, kind in (("email", "email"), ("phone", "phone"), ("external_id", "external")):
        if body.get(key):
            yield {
                "type": "identity",
                "identity_id": f"contact:{body['id']}:{key}",
                "occurred_at": created,
                "revision": updated // SECOND,
                "customer_id": str(body["id"]),
                "alias_kind": kind,
                "alias": str(body[key]),
                "is_removed": False,
            }


def _of_call(body: Mapping[str, Any]) -> Iterator[EventDict]:
    started = of_seconds(body.get("started_at") or body.get("created_at"), "started_at")
    ended = body.get("ended_at")
    duration = None if ended is None else (of_seconds(ended, "ended_at") - started) // 1000
    yield {
        "type": "action",
        "action_id": f"call:{body['id']}",
        "thread_id": str(body.get("conversation_id") or f"call:{body['id']}"),
        "occurred_at": started,
        "actor": "ai_agent" if body.get("fin_transcription_url") else "human_agent",
        "name": "voice_call",
        "kind": "lookup",
        "status": "succeeded",
        "duration_ms": duration,
    }


def _of_fin_event(body: Mapping[str, Any]) -> Iterator[EventDict]:
    payload = kinds.payload_of(dict(body))
    thread = str(payload["conversation_id"])
    # Fields named *_ms hold ISO text with milliseconds, not a number.
    at = of_iso(payload.get("created_at_ms"), "created_at_ms")
    if kinds.topic_of(dict(body)) == "csat_requested":
        yield {
            "type": "survey",
            "survey_id": f"{thread}:ai_agent_rating",
            "thread_id": thread,
            "customer_id": None if payload.get("user_id") is None else str(payload["user_id"]),
            "occurred_at": at,
            "instrument": "csat",
            "version": "intercom-ai-agent-rating",
            "asked_at": at,
            "answered_at": None,
            "score": None,
            "scale_min": 1.0,
            "scale_max": 5.0,
            "about": "ai_agent",
        }
        return
    told = str(payload.get("reason") or "")
    reason = next((ours for words, ours in _REASONS if told.lower().startswith(words)), None)
    yield {
        "type": "handoff",
        # The conversation, once exported, says what came of it and replaces this.
        "handoff_id": f"{thread}:1",
        "thread_id": thread,
        "occurred_at": at,
        "revision": 0,
        "from_actor": "ai_agent",
        "to_actor": "human_agent",
        "reason": reason,
        "is_planned": False,
        "accepted_at": None,
        "is_failed": True,
        "extra": {"reason_told": told} if told else None,
    }


_OTHERS = {
    "deleted": _of_deleted,
    "contact": _of_contact,
    "call": _of_call,
    "fin_event": _of_fin_event,
}

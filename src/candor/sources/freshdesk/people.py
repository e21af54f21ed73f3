"""Freshdesk ratings, contacts and companies as events.

Only this module reads scores. A rating code (103 … 101, 100, -101 … -103) is no even scale: only its
direction is used, as -1, 0 or 1, until the user declares what each code is worth. The code is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from candor.sources.base import EventDict, RecordSkipped
from candor.sources.freshdesk import kinds
from candor.sources.freshdesk.context import Around, id_of, updated_of
from candor.sources.instants import of_iso
from candor.sources.shapes import keys, list_of, note_unknown, object_of, rest, text_of

_DEFAULT = "default_question"
_RATING_KNOWN = keys(
    "id survey_id ticket_id user_id agent_id feedback rating ratings created_at updated_at"
)
_COMPANY_KNOWN = keys("id created_at updated_at account_tier renewal_date domains name note")


_CONTACT_KNOWN = keys(
    "id created_at updated_at email other_emails phone mobile unique_external_id deleted active"
    " address avatar company_id csat_rating custom_fields description facebook_id first_name"
    " job_title language last_name name org_contact_id other_companies preferred_source tags"
    " time_zone twitter_id twitter_profile_status twitter_followers_count view_all_tickets visitor_id"
)


def of_rating(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """One survey per question answered.

    Raises:
        RecordSkipped: a rating without any answer.
    """
    answers = list(_answers(body))
    if not answers:
        raise RecordSkipped("rating that means no event")
    created, updated = of_iso(body.get("created_at"), "created_at"), updated_of(body)
    table = {str(k): float(v) for k, v in object_of(around.settings.get("rating_scores")).items()}
    for question, code in answers:
        score = _score(code, table)
        if score is None:
            around.notes.add("rating_unknown", str(code))
        is_default = question == _DEFAULT
        reading = "table" if table else "direction"
        yield {
            "type": "survey",
            "survey_id": f"rating:{id_of(body)}:{question}",
            "thread_id": id_of(body, "ticket_id"),
            "customer_id": text_of(body.get("user_id")),
            "occurred_at": created,
            "revision": updated,
            "instrument": "csat" if is_default else "other",
            "version": f"freshdesk-{body.get('survey_id')}:{reading}",
            "asked_at": None,
            "answered_at": updated,
            "score": score,
            "scale_min": min(table.values()) if table else -1.0,
            "scale_max": max(table.values()) if table else 1.0,
            "comment": text_of(body.get("feedback")) if is_default else None,
            # It goes to whoever was assigned, not to who answered.
            "about": None,
            "extra": {
                **rest(body, _RATING_KNOWN),
                "rating_code": code,
                "agent_at_rating": text_of(body.get("agent_id")),
            },
        }


def _answers(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Question and code, from any of the three shapes that descriptions of the interface show."""
    given = body.get("ratings", body.get("rating"))
    if isinstance(given, dict):
        found = [(str(question), code) for question, code in given.items()]
    elif isinstance(given, list):
        found = [
            (str(entry.get("question", _DEFAULT)), entry.get("value"))
            for entry in given
            if isinstance(entry, dict)
        ]
    else:
        found = [(_DEFAULT, given)]
    yield from ((question, code) for question, code in found if code is not None)


def _score(code: Any, table: Mapping[str, float]) -> float | None:
    if table:
        return table.get(str(code))
    try:
        number = int(code)
    except (TypeError, ValueError):
        return None
    if abs(number) == kinds.NEUTRAL:
        return 0.0
    return float((number > 0) - (number < 0))


def of_contact(body: Mapping[str, Any], around: Around) -> Iterator[EventDict]:
    """Addresses and the outside id of a contact.

    Raises:
        RecordSkipped: the contact is known by nothing but its number.
    """
    created, updated = of_iso(body.get("created_at"), "created_at"), updated_of(body)
    found = [
        *(("email", body[key]) for key in ("email",) if body.get(key)),
        *(("email", address) for address in list_of(body.get("other_emails"))),
        *(("phone", body[key]) for key in ("phone", "mobile") if body.get(key)),
        *(("external", body[key]) for key in ("unique_external_id",) if body.get(key)),
    ]
    # Names and addresses of contacts are not kept, so a field under a new name is told, not stored.
    note_unknown(around.notes, "contact", body, _CONTACT_KNOWN)
    if not found:
        raise RecordSkipped("contact that means no event")
    for number, (kind, alias) in enumerate(found):
        yield {
            "type": "identity",
            "identity_id": f"contact:{id_of(body)}:{number}",
            "occurred_at": created,
            "revision": updated,
            "customer_id": id_of(body),
            "alias_kind": kind,
            "alias": str(alias),
            "is_removed": body.get("deleted") is True,
        }


def of_company(body: Mapping[str, Any], _: Around) -> Iterator[EventDict]:
    """An account as it stood at its last update; a health score in words stays beside it."""
    renewal = body.get("renewal_date")
    yield {
        "type": "account",
        "account_id": id_of(body),
        "occurred_at": updated_of(body),
        "segment": text_of(body.get("account_tier")),
        "renewal_at": None if renewal is None else of_iso(renewal, "renewal_date"),
        "status": "active",
        "extra": rest(body, _COMPANY_KNOWN) or None,
    }

"""Users as identities, organizations as accounts.

Only this module reads Zendesk's people. Staff are no customers and give no identity. Addresses go
into ``alias``, which is hashed before storage, and never into an id.
"""

from __future__ import annotations

from collections.abc import Iterator

from candor.sources.base import EventDict
from candor.sources.instants import SECOND, of_iso
from candor.sources.shapes import keys
from candor.sources.zendesk.context import Around
from candor.sources.zendesk.dialogue import rest
from candor.sources.zendesk.kinds import Item

_ALIASES = (("email", "email"), ("phone", "phone"), ("external_id", "external"))
_KINDS = {"email": "email", "phone_number": "phone", "phone": "phone"}
_ORGANIZATION_KNOWN = frozenset(["id", "created_at", "updated_at", "url"])
KNOWN_OF_USERS = keys(
    "id url name email created_at updated_at time_zone iana_time_zone phone shared_phone_number photo"
    " locale_id locale organization_id role verified external_id tags alias active shared shared_agent"
    " last_login_at two_factor_auth_enabled signature details notes role_type custom_role_id moderator"
    " ticket_restriction only_private_comments restricted_agent suspended default_group_id report_csv"
    " user_fields chat_only remote_photo_url permanently_deleted"
)
"""Fields of users, of which only what they are known by is kept."""


def is_customer(item: Item) -> bool:
    """Whether a user is an end user with at least one alias."""
    body = item.body
    known = [body.get(name) for name, _ in _ALIASES]
    return body.get("role") == "end-user" and (any(known) or bool(body.get("identities")))


def of_user(item: Item, _: Around) -> Iterator[EventDict]:
    """One identity per alias of an end user; a changed address replaces the one before."""
    body = item.body
    found = [(name, kind, body.get(name)) for name, kind in _ALIASES]
    for identity in body.get("identities") or []:
        kind = _KINDS.get(str(identity.get("type"))) if isinstance(identity, dict) else None
        if kind is not None:
            found.append((f"identity:{identity.get('id')}", kind, identity.get("value")))
    created = of_iso(body.get("created_at"), "created_at")
    updated = of_iso(body.get("updated_at") or body.get("created_at"), "updated_at")
    for name, kind, value in found:
        if value:
            yield {
                "type": "identity",
                "identity_id": f"user:{body['id']}:{name}",
                "occurred_at": created,
                "revision": updated // SECOND,
                "customer_id": str(body["id"]),
                "alias_kind": kind,
                "alias": str(value),
                "is_removed": False,
            }


def of_organization(item: Item, around: Around) -> Iterator[EventDict]:
    """The account of an organization, as a snapshot at its last change."""
    body = item.body
    wanted = around.settings.get("segment_field")
    fields = body.get("organization_fields")
    segment = fields.get(wanted) if wanted and isinstance(fields, dict) else None
    yield {
        "type": "account",
        "account_id": str(body["id"]),
        "occurred_at": of_iso(body.get("updated_at") or body.get("created_at"), "updated_at"),
        "segment": None if segment is None else str(segment),
        "status": "active",
        "extra": rest(body, _ORGANIZATION_KNOWN) or None,
    }

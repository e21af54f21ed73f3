"""Permissions, roles, and the actor that holds them.

Reading text is in no role. It is granted to a person by name, with a reason and an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Kind = Literal["person", "token", "share", "anonymous", "operator"]


class Permission(StrEnum):
    """One thing that may be allowed."""

    PUBLIC = "public"
    ACCOUNT = "account"
    FIGURES = "figures:read"
    MONEY = "money:read"
    AGENTS = "agents:read"
    TEXT = "text:read"
    SMALL_CELLS = "cells:small"
    LABEL = "label:write"
    OVERRIDE = "override:write"
    ANNOTATE = "annotate:write"
    INGEST = "ingest:write"
    CONFIG = "config:write"
    EXPORT = "export"
    SHARE = "share"
    PEOPLE = "people:admin"
    AUDIT = "audit:read"


_P = Permission
_VIEWER = frozenset({_P.FIGURES})
_ANALYST = _VIEWER | {_P.AGENTS, _P.MONEY, _P.EXPORT, _P.ANNOTATE, _P.SMALL_CELLS}
ROLES: Mapping[str, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "analyst": _ANALYST,
    "reviewer": _VIEWER | {_P.AGENTS, _P.LABEL, _P.OVERRIDE},
    "admin": _ANALYST | {_P.INGEST, _P.CONFIG, _P.PEOPLE, _P.SHARE, _P.AUDIT, _P.OVERRIDE},
    "auditor": _VIEWER | {_P.AUDIT, _P.SMALL_CELLS},
}
"""What each role may do; an auditor writes nothing."""
ALWAYS = frozenset({Permission.PUBLIC, Permission.ACCOUNT})
"""What everybody who is logged in may do: see public pages and mind their own account."""
TOKEN_SCOPES = frozenset(Permission) - ALWAYS - {Permission.PEOPLE, Permission.TEXT}
"""What a token may be given; people are administered, and text is read, in person only."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who asks.

    Attributes:
        id: of the person, token or share link; "" when anonymous.
        name: as shown.
        kind: person, token, share, anonymous, or operator (the command line on the host).
        role: of the person; "" for others.
        permissions: what is allowed now.
        scope: segment to value that every figure is confined to; empty means everything.
    """

    id: str
    name: str
    kind: Kind
    role: str = ""
    permissions: frozenset[Permission] = frozenset()
    scope: Mapping[str, str] = field(default_factory=dict)

    def may(self, permission: Permission) -> bool:
        """Whether this is allowed."""
        return permission is Permission.PUBLIC or permission in self.permissions

    @property
    def audience(self) -> str:
        """What decides which answer somebody gets; equal audiences may share a cached one."""
        allowed = ",".join(sorted(self.permissions))
        confined = ",".join(f"{name}={value}" for name, value in sorted(self.scope.items()))
        return f"{allowed}|{confined}"


ANONYMOUS = Actor("", "nobody", "anonymous")
OPERATOR = Actor("operator", "operator of the host", "operator", permissions=frozenset(Permission))

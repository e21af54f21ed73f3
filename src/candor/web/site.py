"""What one running server holds: the desk, the store of accounts, and how it may be reached."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from candor.access.identities import Identities
from candor.access.people import People
from candor.access.saved import SavedViews
from candor.access.sessions import Sessions
from candor.access.shares import Shares
from candor.access.store import Store
from candor.rates import Rates
from candor.web.desk import Desk

if TYPE_CHECKING:
    from candor.web.sso import Sso

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass
class Site:
    """One server.

    Attributes:
        root: folder of the workspace.
        desk: answers.
        store: accounts, sessions and the audit log.
        hosts: names under which it may be asked for, without port.
        is_secure: whether browsers reach it by https; without, only on the host itself.
        may_share: whether share links can be made.
        embedders: origins whose pages may hold a shared page inside them.
        rates: limits by who asks.
        sso: an identity provider, beside local accounts; None for none.
    """

    root: Path
    desk: Desk
    store: Store
    hosts: tuple[str, ...] = LOOPBACK
    is_secure: bool = False
    may_share: bool = False
    embedders: tuple[str, ...] = ()
    rates: Rates = field(default_factory=Rates)
    sso: Sso | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open what stands on the store."""
        self.people = People(self.store)
        self.identities = Identities(self.store)
        self.sessions = Sessions(self.store)
        self.shares = Shares(self.store)
        self.saved = SavedViews(self.store)
        self.bills: OrderedDict[str, object] = OrderedDict()

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; the prefix binds it to this host and to https."""
        return "__Host-candor" if self.is_secure else "candor-local"

    def close(self) -> None:
        """Stop the workers and close the store."""
        self.desk.close()
        self.store.close()

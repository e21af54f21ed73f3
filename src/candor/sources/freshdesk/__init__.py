"""Freshdesk exports (tickets, conversation entries, ratings, contacts, companies) as events.

Read ``source`` first; ``context`` reads an export ahead, ``kinds`` tells records apart.
"""

from candor.sources.freshdesk.source import Freshdesk

__all__ = ["Freshdesk"]

"""Zendesk exports (tickets, history, dialogue, surveys, quality, AI agents) as events.

Read ``source`` first; ``kinds`` tells records apart, ``context`` reads an export ahead.
"""

from candor.sources.zendesk.source import Zendesk

__all__ = ["Zendesk"]

"""Chatwoot exports (conversations, messages, reporting events, surveys, webhooks) as events.

Read ``source`` first; ``context`` reads an export ahead, ``kinds`` tells records apart.
"""

from candor.sources.chatwoot.source import Chatwoot

__all__ = ["Chatwoot"]

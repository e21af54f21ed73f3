"""Intercom exports (conversations with parts, ratings, scorecards, Fin events) as events.

Read ``source`` first; ``parts`` walks a conversation.
"""

from candor.sources.intercom.source import Intercom

__all__ = ["Intercom"]

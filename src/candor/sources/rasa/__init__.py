"""Rasa trackers, event streams, analytics tables and Studio outcomes as events.

Read ``source`` first; ``kinds`` tells records apart, ``timeline`` cuts a sender's events into sessions.
"""

from candor.sources.rasa.source import Rasa

__all__ = ["Rasa"]

"""Langfuse exports (observations, traces and scores) as events.

Read ``source`` first; ``kinds`` tells records apart, ``mapping`` reads them.
"""

from candor.sources.langfuse.source import Langfuse

__all__ = ["Langfuse"]

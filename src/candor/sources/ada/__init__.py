"""Ada data exports (conversations and messages) as events.

Read ``source`` first; ``context`` reads an export ahead, ``kinds`` tells records apart.
"""

from candor.sources.ada.source import Ada

__all__ = ["Ada"]

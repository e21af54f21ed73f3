"""Plain e-mail in mbox files as events.

Read ``source`` first; ``mails`` splits files, ``context`` finds threads, ``bodies`` reads texts.
"""

from candor.sources.mbox.source import Mbox

__all__ = ["Mbox"]

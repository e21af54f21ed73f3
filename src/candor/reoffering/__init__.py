"""Offers quarantined records to their connector again, from what was kept of them.

``memory`` remembers how a source was read, ``reading`` reads its records again.
"""

from candor.reoffering.memory import Kept, OriginalFile, keep, original, recall
from candor.reoffering.reading import Reader, unchanged

__all__ = ["Kept", "OriginalFile", "Reader", "keep", "original", "recall", "unchanged"]

"""Transcripts of calls as events: WebVTT, diarised JSON of five recognisers, and plain text.

Read ``source`` first; ``webvtt``, ``plain`` and ``diarised`` read one form each into ``turns``.
"""

from candor.sources.transcripts.source import Transcripts

__all__ = ["Transcripts"]

"""Bounded, streaming readers: bytes to records, for every connector.

Readers know formats and limits, nothing of events or storage. Every reader yields ``RawRecord`` in
file order; a piece that cannot be read carries its reason, a file that cannot be read raises
``FileRefused``. Counters in ``counters`` share no code with the parsers.
"""

"""Connecting data by hand: files uploaded, recognised, rehearsed, stored and measured.

``uploads`` keeps what somebody uploaded and how far it came, in ``restricted/uploads``; ``job`` does
the work in a process of its own, so that whoever shows progress never writes to the lake. Knows
nothing of HTTP.
"""

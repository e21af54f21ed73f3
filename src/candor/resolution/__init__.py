"""Many definitions of "resolved" on the same conversations: rules as data, ladder, bill.

Rules read derived columns only, never a vendor's claim; their verdicts are computed when asked and
are never stored as events.
"""

"""Who may see and do what: people, roles, sessions, tokens, share links, and the audit log.

One SQLite file under ``restricted/`` holds all of it. Every act is written to the log in the
transaction that performs it: no row, no act. Knows nothing of figures, pages or HTTP.
"""

"""Engines run SQL and return Arrow tables; they know nothing of events, facts or metrics."""

"""Money arithmetic: what support costs, what it saves, and what is at stake.

Reads the workspace's price list and turns counts, minutes and amounts into exact money. Knows no
metric, no SQL and no engine. A cost that is not known is a missing component, never 0.
"""

from candor.economics.rates import Rates, load_rates

__all__ = ["Rates", "load_rates"]

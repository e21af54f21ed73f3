"""PostHog exports (AI events, product events, flag calls, persons) as events.

Read ``source`` first; ``kinds`` tells records apart, ``spans_of`` reads AI events, ``outcomes`` all
others.
"""

from candor.sources.posthog.source import PostHog

__all__ = ["PostHog"]

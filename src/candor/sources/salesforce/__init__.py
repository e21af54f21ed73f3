"""Salesforce exports (Messaging sessions and Agentforce session tracing) as events.

Read ``source`` first; ``context`` reads an export ahead, ``kinds`` tells records apart.
"""

from candor.sources.salesforce.source import Salesforce

__all__ = ["Salesforce"]

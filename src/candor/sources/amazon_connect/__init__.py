"""Amazon Connect contact records, Contact Lens files, evaluations and AI-agent spans as events.

Read ``source`` first; ``kinds`` tells records apart, ``context`` looks up a file's contact record.
"""

from candor.sources.amazon_connect.source import AmazonConnect

__all__ = ["AmazonConnect"]

"""What others send by themselves: spans over OTLP/HTTP, and signed webhooks.

A request is answered once it is on the disk, so that a sender that heard nothing sends it again and
nothing is lost; what is sent twice is recognised. Bodies are checked before they are kept, bounded
before and after unpacking, and go through ingest every few minutes.
"""

from candor.receiving.hooks import Hook, hook_of
from candor.receiving.inbox import Inbox
from candor.receiving.run import Door, address, doors, receive, seconds
from candor.receiving.server import PORT, TOKEN, Address, server

__all__ = [
    "PORT",
    "TOKEN",
    "Address",
    "Door",
    "Hook",
    "Inbox",
    "address",
    "doors",
    "hook_of",
    "receive",
    "seconds",
    "server",
]

"""candor: what AI customer-support agents really resolve, measured from the raw conversations.

Events become facts; facts add up to measures; measures become estimates; estimates become
verdicts, and a verdict may be "cannot say". Read ``pipeline`` first: it names the steps in order.
"""

__version__ = "0.1.0"

"""Pulls from vendors' interfaces: a description in, pages on disk, events in the lake.

Read ``run`` first; ``description`` is what a user writes, ``client`` the only way to the network,
``paging`` decides what to ask next, ``pages`` keeps answers and places. One YAML per vendor lies in
``vendors/``.
"""

from candor.pulling.run import PullResult, StreamResult, pull

__all__ = ["PullResult", "StreamResult", "pull"]

"""Which steps have a pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import pyarrow as pa

from candor.facts.passes.contacts import activity, contact, recount
from candor.facts.passes.replies import heard
from candor.facts.passes.shelf import Shelf

Pass = Callable[[Shelf], pa.Table]
PASSES: Mapping[str, Pass] = MappingProxyType(
    {"_activity": activity, "_contact": contact, "_recount": recount, "_heard": heard}
)

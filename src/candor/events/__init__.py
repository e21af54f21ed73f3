"""Event types, their storage schema, identity and validation: the one definition is ``registry/``.

Only this package says what an event is. It knows nothing of sources, storage or metrics.
"""

from candor.events.batcher import Batcher, Converted, RowProblem
from candor.events.reasons import WAITING, ReasonCode
from candor.events.reference import reference_markdown
from candor.events.registry import registry
from candor.events.schema import arrow_schema, json_schema, stored_schema
from candor.events.types import ENVELOPE, EventType, Field

__all__ = [
    "ENVELOPE",
    "WAITING",
    "Batcher",
    "Converted",
    "EventType",
    "Field",
    "ReasonCode",
    "RowProblem",
    "arrow_schema",
    "json_schema",
    "reference_markdown",
    "registry",
    "stored_schema",
]

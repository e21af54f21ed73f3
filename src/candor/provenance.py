"""Where a figure comes from: the one record that every published number carries.

The snapshot id of a publication covers the lake's table versions, the reference files, the metric
definitions, the settings and the code version, so that the same id means the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata

import candor


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a published snapshot was made from.

    Attributes:
        lake: id of the lake snapshot (table versions and file hashes).
        references: content hash of each reference file in the workspace.
        definitions: hash over all metric definitions.
        settings: hash of candor.toml.
        code: version of candor.
        zones: version of the time-zone database.
        as_of_us: instant up to which the data were read (epoch µs).
    """

    lake: str
    references: Mapping[str, str]
    definitions: str
    settings: str
    code: str
    zones: str
    as_of_us: int

    @property
    def snapshot(self) -> str:
        """Short id over all of the above; equal ids mean equal figures."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def make(
    *, lake: str, references: Mapping[str, str], definitions: str, settings: str, as_of_us: int
) -> Provenance:
    """A record for this code version and time-zone database."""
    return Provenance(
        lake=lake,
        references=dict(sorted(references.items())),
        definitions=definitions,
        settings=settings,
        code=candor.__version__,
        zones=metadata.version("tzdata"),
        as_of_us=as_of_us,
    )

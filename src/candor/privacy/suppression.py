"""Who was erased, so that nobody comes back with the same file: keyed hashes and nothing else.

One file, ``restricted/suppressed.json``, mode 0600, replaced as a whole and synced. It names
customers and aliases by their pseudonyms and threads by a keyed hash, and is kept for nothing else.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

_NAME = "suppressed.json"


@dataclass
class Suppressed:
    """The list.

    Attributes:
        customers: pseudonyms of customers.
        aliases: pseudonyms of e-mail addresses and telephone numbers.
        threads: keyed hashes of thread ids.
        done: ids of erasure events that were carried out.
    """

    customers: set[str] = field(default_factory=set)
    aliases: set[str] = field(default_factory=set)
    threads: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)


def load(restricted: Path) -> Suppressed:
    """The list of a workspace; empty when nobody was erased."""
    try:
        told = json.loads((restricted / _NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Suppressed()
    return Suppressed(**{name: set(held) for name, held in told.items()})


def save(restricted: Path, listed: Suppressed) -> None:
    """Replace the list; it is on the disk when this returns."""
    told = {name: sorted(held) for name, held in vars(listed).items()}
    write_private(restricted / _NAME, json.dumps(told))


def write_private(path: Path, text: str) -> None:
    """Replace a small file as a whole, mode 0600, synced with its folder."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

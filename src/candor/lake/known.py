"""Keys of records whose events are all stored, one file per batch; a cache that may be lost.

A list counts only once its batch is in the ledger. Lists of a source beyond ``MOST`` keys are
dropped, the oldest first. Whoever takes events out of the lake and wants their records accepted
again removes the folder. Writers hold the lake's write lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from candor.lake.durable import make_folder

KEY_BYTES = 16
MOST = 4_000_000
_FOLDER = "_known"
_SUFFIX = ".keys"


class KnownLists:
    """The lists of one source.

    Args:
        lake: folder of the lake.
        source: name of the configured source.
        is_stored: whether a batch of that name is in the ledger.
    """

    def __init__(self, lake: Path, source: str, is_stored: Callable[[str], bool]) -> None:
        self._folder = lake / _FOLDER / hashlib.sha256(source.encode()).hexdigest()[:16]
        self._is_stored = is_stored

    def files(self, signature: str) -> tuple[Path, ...]:
        """The lists made under a reader signature, newest first."""
        return tuple(
            path
            for path in self._newest_first()
            if _parts(path)[1] == signature and self._is_stored(_parts(path)[2])
        )

    def forget_unstored(self) -> None:
        """Remove lists of batches that never came to be."""
        for path in self._newest_first():
            if not self._is_stored(_parts(path)[2]):
                path.unlink()

    def write(self, seq: int, batch_id: str, keys: Mapping[str, bytes]) -> None:
        """Write a batch's keys by reader signature, and drop the oldest lists beyond the bound."""
        for signature, held in sorted(keys.items()):
            if held:
                make_folder(self._folder.parent, 0o700)
                make_folder(self._folder, 0o700)
                (self._folder / f"{seq:08d}~{signature}~{batch_id}{_SUFFIX}").write_bytes(held)
        room = MOST * KEY_BYTES
        for path in self._newest_first():
            room -= path.stat().st_size
            if room < 0:
                path.unlink()

    def _newest_first(self) -> list[Path]:
        return sorted(self._folder.glob(f"*~*~*{_SUFFIX}"), reverse=True)


def _parts(path: Path) -> tuple[str, str, str]:
    seq, signature, batch_id = path.name.removesuffix(_SUFFIX).split("~", 2)
    return seq, signature, batch_id

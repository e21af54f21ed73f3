"""The workspace key of pseudonyms and placeholders: made once, read many times.

Only this module touches the key file. It lies in the restricted folder (mode 0700), outside the
lake, its backups and every log; the file is 0600 and holds ``<key id> <64 hex digits>``.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from candor.errors import CandorError, Problem

KEY_FILE = "pseudonym.key"
FIRST_KEY_ID = "k1"
_LINE = re.compile(r"(k[0-9]{1,6}) ([0-9a-f]{64})\n?")


def load_or_create(restricted_dir: Path) -> tuple[str, bytes]:
    """The workspace's key, made on first use.

    Args:
        restricted_dir: the workspace's restricted folder; made with mode 0700 when absent.

    Returns:
        key id (``k1``) and 32 key bytes.

    Raises:
        CandorError: ``privacy.key_exposed`` when others may read the file, ``privacy.key_damaged``
            when it does not hold a key. A damaged key is never replaced: every stored pseudonym
            depends on it.
    """
    restricted_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    restricted_dir.chmod(0o700)
    path = restricted_dir / KEY_FILE
    if not path.exists():
        _create(path)
    return _load(path)


def _create(path: Path) -> None:
    """Write a new key whole or not at all; of two processes the first one's key stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{FIRST_KEY_ID} {secrets.token_hex(32)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path) -> tuple[str, bytes]:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise CandorError(
            "privacy.key_exposed",
            Problem(
                f"the pseudonym key can be read by others (mode {mode:o})",
                str(path),
                "mode 600",
                f"run `chmod 600 {path}` and consider the key known to whoever could read it",
            ),
        )
    line = _LINE.fullmatch(path.read_text(encoding="ascii", errors="replace"))
    if line is None:
        raise CandorError(
            "privacy.key_damaged",
            Problem(
                "the pseudonym key file does not hold a key",
                str(path),
                "one line: key id, a space, 64 hex digits",
                "restore this file from where you keep its copy; without it new records cannot be "
                "matched with stored ones",
            ),
        )
    return line[1], bytes.fromhex(line[2])

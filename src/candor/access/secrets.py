"""Random tokens and passwords: made, hashed, compared.

Tokens have 256 random bits and are stored as SHA-256; passwords as argon2id.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from candor.errors import CandorError, Problem

SHORTEST, LONGEST = 8, 128
_KNOWN = frozenset({
    "password", "passw0rd", "12345678", "123456789", "1234567890", "qwertyui", "qwertyuiop",
    "iloveyou", "sunshine", "princess", "football", "baseball", "superman", "trustno1",
    "password1", "password123", "welcome1", "letmein1", "admin123", "administrator", "changeme",
    "changeit", "11111111", "00000000", "abcd1234", "1q2w3e4r", "1qaz2wsx", "qwerty123",
    "asdfghjk", "asdfghjkl", "zaq12wsx", "q1w2e3r4", "dashboard", "scorecard", "support1",
})  # fmt: skip
"""Passwords tried first by everybody; words of this program are looked for besides."""


def token() -> str:
    """256 random bits, as text that may stand in a URL."""
    return secrets.token_urlsafe(32)


def identifier(prefix: str) -> str:
    """A random id that is no secret."""
    return f"{prefix}_{secrets.token_hex(8)}"


def hashed(raw: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


def check_password(password: str, name: str) -> None:
    """Refuse a password that is guessed at once. Any composition is allowed.

    Raises:
        CandorError: ``password.weak``.
    """
    problems = []
    if not SHORTEST <= len(password) <= LONGEST:
        problems.append(
            Problem(
                f"the password has {len(password)} characters", "password",
                f"{SHORTEST} to {LONGEST}; 15 or more are advised",
            )
        )  # fmt: skip
    lowered = password.lower()
    if lowered in _KNOWN or len(set(lowered)) < 3:
        problems.append(Problem("the password is among the first that are tried", "password"))
    if "candor" in lowered or (len(name) > 2 and name.lower() in lowered):
        problems.append(
            Problem("the password holds the name of the account or program", "password")
        )
    if problems:
        raise CandorError("password.weak", problems)


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


def protect(password: str) -> str:
    """The argon2id hash of a password."""
    return _hasher().hash(password)


@cache
def nobody() -> str:
    """The hash that a login of an unknown name is compared with, so that it takes as long."""
    return _hasher().hash(token())


def matches(stored: str, password: str) -> bool:
    """Whether the password is the one that was stored."""
    try:
        return _hasher().verify(stored, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False

"""Logging in at an OpenID Connect provider: authorization code with PKCE, state and nonce.

The provider is asked through the client that checks addresses, follows no redirect and bounds answers.
What proves the login is the ID token: signed by a key of the provider, for this client, lately, for
this very attempt. Reference: OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9207.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets as random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from candor.access.identities import NotProved
from candor.access.permissions import ROLES
from candor.errors import CandorError, Problem, nearest
from candor.pulling.client import Client, Unavailable
from candor.pulling.description import Limits
from candor.settings import SsoSection

SECRET = "CANDOR_SSO_SECRET"  # noqa: S105 - the name of a variable
LONGEST_ATTEMPT_SECONDS = 600
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
               "EdDSA")  # fmt: skip
_LEEWAY_SECONDS = 60
_KEPT_SECONDS = 3_600
_AGAIN_SECONDS = 30
_LIMITS = Limits(
    per_minute=6_000, retries=0, timeout_seconds=10, longest_wait_seconds=1, page_bytes=1 << 19
)
_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to log in, kept by the browser that makes it.

    Attributes:
        state: comes back with the answer, so that it is the answer to this attempt.
        nonce: comes back inside the ID token.
        verifier: proves to the provider that who redeems the code began the attempt.
        following: where to go afterwards.
        began: unix seconds.
    """

    state: str
    nonce: str
    verifier: str
    following: str
    began: float

    def kept(self) -> str:
        """As the browser keeps it."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def of(cls, kept: str) -> Attempt:
        """From what the browser kept.

        Raises:
            NotProved: it is none.
        """
        try:
            told = json.loads(base64.urlsafe_b64decode(kept.encode()))
            made = cls(
                str(told["state"]), str(told["nonce"]), str(told["verifier"]),
                str(told["following"]), float(told["began"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError):
            raise NotProved("attempt", "this browser did not begin to log in; try again") from None
        if min(len(made.state), len(made.nonce), len(made.verifier)) < 32:
            raise NotProved("attempt", "this browser did not begin to log in; try again")
        return made


@dataclass(frozen=True, slots=True)
class Proved:
    """Whom the provider vouches for; ``role`` is "" for groups that have none."""

    issuer: str
    subject: str
    name: str
    role: str


class Sso:
    """One provider.

    Args:
        section: ``[sso]`` of candor.toml.
        environment: holds the client's secret; a public client has none.
        clock: unix seconds.

    Raises:
        CandorError: ``sso.invalid`` for an unknown role, or an address that is not allowed.
    """

    def __init__(
        self,
        section: SsoSection,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        problems = [
            Problem(f"unknown role '{role}'", f"[sso] roles, '{group}'", ", ".join(ROLES),
                    nearest(role, list(ROLES)))
            for group, role in section.roles.items() if role not in ROLES
        ]  # fmt: skip
        if "openid" not in section.scopes:
            problems.append(Problem("'openid' is missing", "[sso] scopes", "openid among them"))
        if problems:
            raise CandorError("sso.invalid", problems, exit_code=2)
        self.section = section
        self.title = section.title
        self._secret = environment.get(SECRET, "").strip()
        self._clock = clock
        self._lock = threading.Lock()
        self._told: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._client(section.issuer)

    def begin(self, redirect: str, following: str) -> tuple[str, Attempt]:
        """Where to send the browser, and what it must keep.

        Args:
            redirect: address of this server to which the answer comes.
            following: path to go to afterwards.

        Raises:
            NotProved: the provider cannot be reached, or is another one than configured.
        """
        attempt = Attempt(
            random.token_urlsafe(32), random.token_urlsafe(32), random.token_urlsafe(48), following,
            self._clock(),
        )  # fmt: skip
        where = prepare_grant_uri(
            self._provider()["authorization_endpoint"], self.section.client_id, "code",
            redirect_uri=redirect, scope=" ".join(self.section.scopes), state=attempt.state,
            nonce=attempt.nonce, code_challenge_method="S256",
            code_challenge=create_s256_code_challenge(attempt.verifier),
        )  # fmt: skip
        return str(where), attempt

    def finish(self, answer: Mapping[str, str], kept: str, redirect: str) -> tuple[Proved, str]:
        """Whom the provider's answer proves, and where to go.

        Args:
            answer: query of the redirect back.
            kept: what this browser kept of its attempt.
            redirect: as it was told at the beginning.

        Raises:
            NotProved: anything does not fit.
        """
        attempt = Attempt.of(kept)
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise NotProved("state", "the answer is not the one to this attempt; try again")
        if not 0 <= self._clock() - attempt.began <= LONGEST_ATTEMPT_SECONDS:
            raise NotProved("late", "it took too long; try again")
        if "iss" in answer and answer["iss"] != self.section.issuer:
            raise NotProved("issuer", "the answer came from another provider")
        if answer.get("error") or not answer.get("code"):
            raise NotProved("refused", "the provider did not let you in")
        tokens = self._redeem(answer["code"], attempt.verifier, redirect)
        claims = self._claims(str(tokens.get("id_token", "")), attempt.nonce, tokens)
        name = claims.get("preferred_username") or claims.get("name") or claims.get("email") or ""
        return (
            Proved(self.section.issuer, claims["sub"], str(name), self._role(claims)),
            attempt.following,
        )

    def _redeem(self, code: str, verifier: str, redirect: str) -> dict[str, Any]:
        """The tokens for a code; it is tried once, because a code holds once."""
        endpoint = str(self._provider()["token_endpoint"])
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect,
            "code_verifier": verifier, "client_id": self.section.client_id,
        }  # fmt: skip
        headers = {}
        if self._secret:
            pair = f"{quote(self.section.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return self._ask(endpoint, "token", form=form, headers=headers)

    def _claims(self, raw: str, nonce: str, tokens: Mapping[str, Any]) -> Mapping[str, Any]:
        token = self._decoded(raw)
        claims: Any = CodeIDToken(
            token.claims, token.header,
            {"iss": {"essential": True, "value": self.section.issuer},
             "aud": {"essential": True, "value": self.section.client_id},
             "nonce": {"essential": True}},
            {"nonce": nonce, "client_id": self.section.client_id,
             "access_token": tokens.get("access_token")},
        )  # fmt: skip
        try:
            claims.validate(now=int(self._clock()), leeway=_LEEWAY_SECONDS)
        except JoseError as error:
            raise NotProved("token", f"the provider's token does not fit ({error.error})") from None
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise NotProved("token", "the provider's token names nobody")
        return dict(claims)

    def _decoded(self, raw: str) -> jwt.Token:
        """The token under a key of the provider; a key not known yet is fetched, not too often."""
        offered = self._provider().get("id_token_signing_alg_values_supported") or ["RS256"]
        allowed = [one for one in _ALGORITHMS if one in offered]
        for keys in (self._known_keys(), self._new_keys()):
            try:
                if keys is not None:
                    return jwt.decode(raw, keys, algorithms=allowed)
            except (JoseError, ValueError):
                continue
        raise NotProved("signature", "the provider's token is not signed by a key of it")

    def _known_keys(self) -> KeySet | None:
        held = self._keys
        return held[1] if held and self._clock() - held[0] < _KEPT_SECONDS else None

    def _new_keys(self) -> KeySet | None:
        with self._lock:
            if self._keys is None or self._clock() - self._keys[0] >= _AGAIN_SECONDS:
                told = self._ask(str(self._provider()["jwks_uri"]), "keys")
                try:
                    found = KeySet.import_key_set(told)  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError):
                    raise NotProved("keys", "the provider's keys cannot be read") from None
                self._keys = (self._clock(), found)
            return self._keys[1]

    def _provider(self) -> dict[str, Any]:
        held = self._told
        if held is not None and self._clock() - held[0] < _KEPT_SECONDS:
            return held[1]
        told = self._ask(self.section.issuer.rstrip("/") + _WELL_KNOWN, "configuration")
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if told.get("issuer") != self.section.issuer or not all(
            isinstance(told.get(name), str) for name in needed
        ):
            raise NotProved("configuration", "the provider says it is another one")
        if urlsplit(told["authorization_endpoint"]).scheme not in self._schemes():
            raise NotProved("configuration", "the provider's page is not reached by https")
        self._told = (self._clock(), told)
        return told

    def _ask(
        self,
        url: str,
        what: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        parts = urlsplit(url)
        try:
            client = self._client(f"{parts.scheme}://{parts.netloc}", headers or {})
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            method = "GET" if form is None else "POST"
            told = client.ask(target or "/", form=form, method=method, is_whole_path=True).value
        except (Unavailable, CandorError):
            raise NotProved(
                what, f"the provider did not give its {what}; try again later"
            ) from None
        if not isinstance(told, dict):
            raise NotProved(what, f"the provider's {what} cannot be read")
        return told

    def _client(self, address: str, headers: Mapping[str, str] | None = None) -> Client:
        return Client(address, headers or {}, _LIMITS, allow_private=self.section.allow_private)

    def _schemes(self) -> tuple[str, ...]:
        return ("https", "http") if self.section.allow_private else ("https",)

    def _role(self, claims: Mapping[str, Any]) -> str:
        """The role of the first configured group that the person is in; "" for none."""
        held = claims.get(self.section.groups_claim) or []
        groups = {held} if isinstance(held, str) else set(map(str, held))
        return next((role for group, role in self.section.roles.items() if group in groups), "")

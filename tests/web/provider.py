"""An OpenID Connect provider that behaves well, or badly in one chosen way."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "candor", "the client's secret"


class Provider:
    """What it is told to do stands in its attributes; tests change them.

    Attributes:
        claims: laid over the claims of every ID token; None leaves a claim out.
        keys: published; the last one signs unless ``signer`` says otherwise.
        algorithm: of the signature.
        groups: of whoever logs in.
        asked: paths in order.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.keys = [_key("k1")]
        self.signer: Any = None
        self.algorithm = "RS256"
        self.groups: Any = ["cx-analysts"]
        self.subject, self.name = "subject-1", "ada"
        self.configuration: dict[str, Any] = {}
        self.asked: list[str] = []
        self.is_down = False
        self.issuer = ""
        self._codes: dict[str, dict[str, str]] = {}

    def authorise(self, address: str) -> dict[str, str]:
        """What a person's browser gets who logs in there: the query of the redirect back."""
        found = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert found["response_type"] == "code"
        assert found["code_challenge_method"] == "S256"
        assert len(found["nonce"]) >= 32
        code = secrets.token_urlsafe(16)
        self._codes[code] = found
        return {"code": code, "state": found["state"]}

    def told(self, path: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorise",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"], **self.configuration,
            }  # fmt: skip
        if path == "/keys":
            return KeySet(self.keys).as_dict(private=False)
        return None

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The tokens for a code, which holds once; None when anything is wrong."""
        began = self._codes.pop(form.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            began is None
            or pair != f"{CLIENT}:the%20client%27s%20secret"
            or form["redirect_uri"] != began["redirect_uri"]
            or base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != began["code_challenge"]
        ):
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": began["nonce"], "preferred_username": self.name, "groups": self.groups,
            **self.claims,
        }  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        return {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(kept)}

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm == "none":
            parts = [{"alg": "none"}, claims]
            return ".".join(
                base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
                for one in parts
            ) + "."  # fmt: skip
        key = self.signer or self.keys[-1]
        head = {"alg": self.algorithm, "kid": self.keys[-1].kid}
        return jwt.encode(head, claims, key, algorithms=[self.algorithm])


def _key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"}, private=True)


def new_key(name: str) -> RSAKey:
    """Another key of a provider."""
    return _key(name)


@contextmanager
def listening(provider: Provider) -> Iterator[Provider]:
    """The provider at an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            self._answer(provider.told(self.path))

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, told: dict[str, Any] | None) -> None:
            body = json.dumps(told if told is not None else {"error": "invalid_grant"}).encode()
            status = 503 if provider.is_down else 400 if told is None else 200
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        provider.issuer = f"http://127.0.0.1:{made.server_address[1]}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield provider
        finally:
            made.shutdown()
            thread.join()

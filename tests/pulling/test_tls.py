"""Pulls over TLS: to the address that was checked, in the name of the host, or not at all."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from candor.pulling.client import Client, Unavailable
from candor.pulling.description import Limits


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"host": "%s"}' % self.headers["Host"].partition(":")[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose certificate, which is trusted here, names desk.example."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key,
            "-out", certificate, "-subj", "/CN=desk.example", "-addext",
            "subjectAltName=DNS:desk.example",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = partial(ssl.create_default_context, cafile=str(certificate))
    monkeypatch.setattr("candor.pulling.client.ssl.create_default_context", trusting)
    with http.server.HTTPServer(("127.0.0.1", 0), _Answering) as served:
        served.socket = context.wrap_socket(served.socket, server_side=True)
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served.server_address[1]
        served.shutdown()
        thread.join()


def asking(host: str, port: int) -> Client:
    return Client(
        f"https://{host}:{port}", {}, Limits(retries=0), allow_private=True,
        resolver=lambda _host, _port: ("127.0.0.1",),
    )  # fmt: skip


def test_the_name_is_asked_for_at_the_address_that_was_checked(port: int) -> None:
    assert asking("desk.example", port).ask("/x").value == {"host": "desk.example"}


def test_a_certificate_of_another_name_is_refused(port: int) -> None:
    with pytest.raises(Unavailable) as caught:
        asking("other.example", port).ask("/x")
    assert caught.value.reason == "/x: no answer (SSLCertVerificationError)"

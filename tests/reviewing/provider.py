"""A local server that answers as an OpenAI-compatible endpoint does, in order and out of order."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Verdicts = list[dict[str, Any]]
Brain = Callable[[str, list[dict[str, str]]], Verdicts]
"""System message and conversation to verdicts."""


def criteria(system: str) -> list[str]:
    """Names that the system message asks about."""
    return re.findall(r"^- (\w+):", system, re.MULTILINE)


def honest(system: str, lines: list[dict[str, str]]) -> Verdicts:
    """Solved when the customer's last words thank; everything else true; quotes are right."""
    customer = next(line for line in reversed(lines) if line["actor"] == "customer")
    reply = next((line for line in lines if line["actor"] != "customer"), customer)
    found = []
    for name in criteria(system):
        line = customer if name == "resolved" else reply
        solved = "thank" in customer["text"].lower() or name != "resolved"
        found.append(
            {"criterion": name, "answer": "true" if solved else "false",
             "evidence": [{"message_id": line["message_id"], "quote": line["text"][:60].strip()}]}
        )  # fmt: skip
    return found


class Provider:
    """The server; ``mode`` chooses what goes wrong. Counts what it was asked."""

    def __init__(self, brain: Brain = honest) -> None:
        self.brain, self.mode, self.model, self.wrongs = brain, "", "fake-1", 10**9
        self.modes: Counter[str] = Counter()
        self.prompts: list[tuple[str, str]] = []
        self.usage: dict[str, int] | None = {"prompt_tokens": 900, "completion_tokens": 100}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing is told."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        system, user = (message["content"] for message in asked["messages"])
        self.prompts.append((system, user))
        lines = json.loads(user.split("\n", 1)[1].rsplit("\n", 1)[0])
        mode = self.mode if self.wrongs > 0 else ""
        self.wrongs -= bool(mode)
        self.modes[mode] += 1
        verdicts = self.brain(system, lines)
        if mode in ("429", "500", "503"):
            headers = {"Retry-After": "7"} if mode == "429" else {}
            self._send(request, b'{"error": "secret detail"}', int(mode), headers)
        elif mode == "reset":
            request.connection.close()
        elif mode == "stall":
            time.sleep(1.0)
        elif mode == "html":
            self._send(request, b"<html>maintenance</html>")
        elif mode == "large":
            self._send(request, b"x" * 5_000_000)
        else:
            text, reason = json.dumps({"verdicts": verdicts}), "stop"
            if mode == "cut":
                text, reason = text[: len(text) // 2], "length"
            elif mode == "cut_unsaid":
                text = text[: len(text) // 2]
            else:
                text = _spoilt(mode, verdicts, text, system, lines)
            body: dict[str, Any] = {
                "model": self.model,
                "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}],
            }  # fmt: skip
            if self.usage is not None:
                body["usage"] = self.usage
            self._send(request, json.dumps(body).encode())

    def _send(
        self, request: BaseHTTPRequestHandler, body: bytes, status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        try:
            request.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            return


def _spoilt(
    mode: str, verdicts: Verdicts, text: str, system: str, lines: list[dict[str, str]]
) -> str:
    """The answer with one thing wrong."""
    first = verdicts[0]
    if mode == "invented":
        first["evidence"] = [{"message_id": lines[0]["message_id"], "quote": "I never wrote this at all"}]  # fmt: skip
    elif mode == "shifted":
        first["evidence"] = [{"message_id": lines[-1]["message_id"], "quote": lines[0]["text"][:40]}]  # fmt: skip
    elif mode == "wrong_actor":
        customer = next(line for line in lines if line["actor"] == "customer")
        verdicts[1]["evidence"] = [{"message_id": customer["message_id"], "quote": customer["text"][:40]}]  # fmt: skip
    elif mode == "extra_key":
        first["confidence"] = 0.9
    elif mode == "number":
        first["answer"] = 6
    elif mode == "missing":
        verdicts.pop()
    elif mode == "duplicate":
        verdicts.append(first)
    elif mode == "no_evidence":
        first["evidence"] = []
    elif mode == "leak":
        first["evidence"][0]["quote"] = re.findall(r"canary-\w+", system)[0]
    elif mode == "nan":
        return text.replace('"verdicts"', '"score": NaN, "verdicts"')
    elif mode == "prose":
        return f"Sure! Here is my verdict:\n{text}"
    return json.dumps({"verdicts": verdicts})

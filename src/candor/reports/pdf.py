"""A page as PDF: by a Chromium that is installed, else by WeasyPrint, else a clear refusal.

The page holds everything: no host name resolves while it is printed, and its own policy lets no
script of the data run.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from candor.errors import CandorError, Problem

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 180


def browser() -> str | None:
    """Path of the browser that prints: ``CANDOR_CHROMIUM``, else the first one found."""
    named = os.environ.get("CANDOR_CHROMIUM")
    if named is not None:
        return shutil.which(named)
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def render(page: str) -> bytes:
    """The page on A4.

    Raises:
        CandorError: ``export.no_pdf`` when nothing here can print, ``export.pdf`` when it failed.
    """
    found = browser()
    if found is not None:
        return _by_browser(found, page)
    if importlib.util.find_spec("weasyprint") is not None:
        return _by_library(importlib.import_module("weasyprint"), page)
    raise CandorError(
        "export.no_pdf",
        Problem(
            "there is nothing here that makes a PDF", "--out", "Chromium, or the extra [pdf]",
            "install Chromium (or name one in CANDOR_CHROMIUM), or `pip install candor-cx[pdf]`; "
            "or write .html and print it from a browser",
        ),
    )  # fmt: skip


def _by_browser(program: str, page: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="candor-pdf-") as folder:
        source, target = Path(folder, "page.html"), Path(folder, "page.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-extensions", "--disable-background-networking", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--no-pdf-header-footer", f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # Its sandbox refuses to start for root, as containers often run.
            command.insert(1, "--no-sandbox")
        try:
            ran = subprocess.run(  # noqa: S603 - a program that was found, our own arguments
                command, capture_output=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise _failed(program, f"it did not finish within {_SECONDS} s") from None
        if not target.exists():
            lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
            raise _failed(program, lines[-1] if lines else f"it left with {ran.returncode}")
        return target.read_bytes()


def _by_library(library: Any, page: str) -> bytes:
    def refuse(url: str, *_: Any, **__: Any) -> Any:
        raise ValueError(f"nothing may be fetched: {url}")

    return bytes(library.HTML(string=page, url_fetcher=refuse).write_pdf())


def _failed(program: str, why: str) -> CandorError:
    return CandorError(
        "export.pdf",
        Problem(f"{program} made no PDF: {why}", "--out", "", "write .html and print it instead"),
    )

"""Which connectors exist, by the name a user types. Each module is imported only when asked for.

A new connector is one line here. Its module defines or imports
one ``Source`` class of that name.
"""

from __future__ import annotations

from importlib import import_module

from candor.errors import CandorError, Problem, nearest
from candor.sources.base import Source

_MODULES = {
    "ada": "candor.sources.ada",
    "amazon_connect": "candor.sources.amazon_connect",
    "canonical": "candor.sources.canonical",
    "chatwoot": "candor.sources.chatwoot",
    "freshdesk": "candor.sources.freshdesk",
    "generic": "candor.sources.generic",
    "intercom": "candor.sources.intercom",
    "mbox": "candor.sources.mbox",
    "rasa": "candor.sources.rasa",
    "langfuse": "candor.sources.langfuse",
    "otel": "candor.sources.otel",
    "posthog": "candor.sources.posthog",
    "salesforce": "candor.sources.salesforce",
    "tau_bench": "candor.sources.tau_bench",
    "tau2_bench": "candor.sources.tau2_bench",
    "transcripts": "candor.sources.transcripts",
    "zendesk": "candor.sources.zendesk",
}


def names() -> tuple[str, ...]:
    """Names of all connectors, sorted."""
    return tuple(sorted(_MODULES))


def get(name: str) -> Source:
    """The connector called ``name``.

    Raises:
        CandorError: ``sources.unknown`` with the nearest spelling.
    """
    module = _MODULES.get(name)
    if module is None:
        raise CandorError(
            "sources.unknown",
            Problem(
                f"unknown source '{name}'", "", "the name of a connector", nearest(name, names())
            ),
            exit_code=2,
        )
    return _made(module, name)


def _made(module: str, name: str) -> Source:
    """An instance of the module's connector of that name."""
    for found in vars(import_module(module)).values():
        if (
            isinstance(found, type)
            and issubclass(found, Source)
            and vars(found).get("name") == name
        ):
            return found()
    raise ImportError(f"{module} defines no source called {name}")

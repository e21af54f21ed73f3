"""Conversations with planted truth, for the demo, for tests and for benchmarks.

``simulate`` writes ``events.jsonl`` (canonical events) and ``truth.json``. Two worlds: ``DEMO``
with a release that regressed, a region that is served worse and failures that stay silent, and
``QUIET`` with none of these; drift and mix shift are further switches of ``World``.

What is planted: chat, messaging, mail and voice; repeat customers with a heavy tail, a third of
them under a second customer id in mail, joined by identity events; unsolved contacts that end
politely and come to light through a system of record, another channel or the same thread, or never;
handoffs asked for, started for low confidence, planned, and failed because nobody came or nobody
was on duty; endings by customer, AI agent, person and system; threads reopened and left open; thanks
after the close; surveys answered more often by those who were helped; a vendor that claims more than
is true; costs, drafts, guardrail checks, tests, spam and proactive messages.

``truth.json`` holds, for each figure of ``definitions``, its definition, the mean generating chance
(``expected``, where the figure has one) and the figure realised on the drawn contacts, overall
and by release, channel, customer segment and region: ``eligible``, ``observed``, ``unknown``, ``total``
and ``point`` for shares, ``observed``, ``total``, ``point`` (mean), ``p50`` and ``p90`` for amounts.
By release only contacts with the AI agent on duty are counted. ``planted`` holds plain counts. The
figures hold for ``as_of`` and a gap of 24 h between two contacts of a thread.
"""

from candor.simulator.simulate import EVENTS_FILE, TRUTH_FILE, Simulated, simulate
from candor.simulator.world import DEMO, QUIET, WORLDS, World

__all__ = [
    "DEMO",
    "EVENTS_FILE",
    "QUIET",
    "TRUTH_FILE",
    "WORLDS",
    "Simulated",
    "World",
    "simulate",
]

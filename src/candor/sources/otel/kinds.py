"""The words of the conventions: which attribute says what, and what a span's kind means.

Only this module knows names of attributes. Reference: the OpenTelemetry GenAI semantic conventions
(``gen-ai-spans``, ``gen-ai-agent-spans``, ``gen-ai-events``, ``execute-tool`` of
semantic-conventions-genai, in development) and the OpenInference specification
(``semantic_conventions``). Older names stand beside the newer ones, newest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from candor.sources.spans import Role

OPERATIONS: Mapping[str, Role] = {
    "chat": "model",
    "text_completion": "model",
    "generate_content": "model",
    "invoke_agent": "agent",
    "invoke_workflow": "agent",
    "create_agent": "step",
    "execute_tool": "tool",
    "retrieval": "retriever",
    "embeddings": "step",
    "guardrail": "guardrail",
    "apply_guardrail": "guardrail",
    "evaluate": "step",
}
SPAN_KINDS: Mapping[str, Role] = {
    "LLM": "model",
    "AGENT": "agent",
    "CHAIN": "other",
    "TOOL": "tool",
    "RETRIEVER": "retriever",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "step",
    "EMBEDDING": "step",
    "RERANKER": "step",
    "PROMPT": "step",
    "DECISION": "step",
}
ANNOTATORS = {"LLM": "llm", "CODE": "code", "HUMAN": "human"}
SESSIONS = ("langfuse.session.id", "session.id", "gen_ai.conversation.id")
CUSTOMERS = ("user.id", "enduser.id", "langfuse.user.id")
AGENTS = ("gen_ai.agent.name", "gen_ai.agent.id", "agent.name", "agent.id")
RELEASES = ("gen_ai.agent.version", "langfuse.release")
MODELS = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "embedding.model_name")
TOKENS_IN = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
TOKENS_OUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
)
COSTS = ("llm.cost.total", "gen_ai.usage.cost", "gen_ai.cost.total")
"""Costs in USD; the GenAI conventions state none, tools that do use these names."""
ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")
TOOLS = ("gen_ai.tool.name", "tool.name")
ARGUMENTS = ("gen_ai.tool.call.arguments", "tool.parameters", "input.value")
GUARDRAILS = ("gen_ai.guardrail.name", "gen_ai.guardrail.id", "guardrail.name")
VERDICTS = (
    "gen_ai.guardrail.decision",
    "gen_ai.guardrail.result",
    "gen_ai.guardrail.action",
    "output.value",
)
EVALUATION = "gen_ai.evaluation.result"
DETAILS = "gen_ai.client.inference.operation.details"
INPUT_LISTS = ("gen_ai.input.messages", "llm.input_messages", "gen_ai.prompt")
OUTPUT_LISTS = ("gen_ai.output.messages", "llm.output_messages", "gen_ai.completion")
DOCUMENT_LISTS = ("gen_ai.retrieval.documents", "retrieval.documents")
IN_EVENTS = {
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.system.message": "system",
    "gen_ai.tool.message": "tool",
}
"""Span events of version 1.36 and before, one a message; ``gen_ai.choice`` is the answer."""
OUT_EVENT = "gen_ai.choice"
SLOTS: Mapping[str, tuple[str, ...]] = {
    "session": SESSIONS,
    "customer": CUSTOMERS,
    "agent": AGENTS,
    "release": RELEASES,
    "model": MODELS,
    "tokens_in": TOKENS_IN,
    "tokens_out": TOKENS_OUT,
    "cost": COSTS,
    "environment": ENVIRONMENTS,
    "tool": TOOLS,
    "arguments": ARGUMENTS,
    "guardrail": GUARDRAILS,
    "verdict": VERDICTS,
}
"""What a span is asked for, with the attributes that may say it, the first present one counting."""
_PLACES: Mapping[str, tuple[tuple[str, int], ...]] = {
    name: tuple((slot, names.index(name)) for slot, names in SLOTS.items() if name in names)
    for name in {name for names in SLOTS.values() for name in names}
}
_READ = (
    *SESSIONS, *CUSTOMERS, *AGENTS, *MODELS, *TOKENS_IN, *TOKENS_OUT, *COSTS, *TOOLS, *ARGUMENTS,
    *GUARDRAILS, *RELEASES, "output.value", "gen_ai.operation.name", "openinference.span.kind",
    "gen_ai.tool.call.result", "gen_ai.response.id",
)  # fmt: skip
_READ_PREFIXES = (
    *INPUT_LISTS,
    *OUTPUT_LISTS,
    *DOCUMENT_LISTS,
    "annotations",
    "session.annotations",
)
KNOWN = frozenset(_READ)


def slots_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """What attributes say, by the slots above; one look at each instead of one for each name."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for name, value in values.items():
        places = _PLACES.get(name)
        if places is None or (not value and value in (None, "", [], {})):
            continue
        for slot, rank in places:
            if rank <= ranks.get(slot, rank):
                ranks[slot], found[slot] = rank, value
    return found


@lru_cache(maxsize=1 << 12)
def is_known(name: str) -> bool:
    """Whether an attribute's meaning is read into a field, so that it need not be kept again."""
    return name in KNOWN or name.startswith(_READ_PREFIXES)

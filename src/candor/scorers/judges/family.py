"""Who made a model, and whether a judge would grade its own family.

Models of one maker share faults and taste, so a judge passes its relatives too kindly. Such a judge is
refused; when it is allowed all the same, its name says so wherever a figure names it.
"""

from __future__ import annotations

from candor.errors import CandorError, Problem
from candor.settings import JudgeSection

FAMILIES = {
    "openai": ("gpt", "o1", "o3", "o4", "chatgpt"), "anthropic": ("claude",),
    "google": ("gemini", "gemma", "palm"), "meta": ("llama",), "mistral": ("mistral", "mixtral"),
    "alibaba": ("qwen",), "deepseek": ("deepseek",), "xai": ("grok",), "cohere": ("command",),
}  # fmt: skip


def family_of(model: str) -> str:
    """Who made a model, by its name; "" when the name does not tell."""
    words = model.lower().rsplit("/", 1)[-1]
    return next((family for family, names in FAMILIES.items() if words.startswith(names)), "")


def named(name: str, settings: JudgeSection) -> tuple[str, list[str]]:
    """The name that a judge's assessments carry, and what to know of it.

    Raises:
        CandorError: ``judge.same_family``, unless it is allowed.
    """
    graded = {one.lower() for one in settings.graded_families}
    flags = [] if graded else ["graded_family_not_stated"]
    if (settings.family or family_of(settings.model)).lower() not in graded:
        return f"judge_{name}", flags
    if not settings.allow_same_family:
        raise CandorError(
            "judge.same_family",
            Problem(
                f"{settings.model} is of the family of the agent it would grade",
                f"judges.{name}",
                "a judge of another family",
                "`allow_same_family = true` judges all the same and says so on every figure",
            ),
        )
    return f"judge_{name}_same_family", [*flags, "same_family"]

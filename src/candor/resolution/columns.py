"""The derived columns a rule may name, and where they stand in the published facts.

One row is one thread, described by its first conversation (``c``, fact ``conversation``) and by the
whole thread (``r``, fact ``rule_case``). Instants are epoch microseconds UTC. Only this module knows
both the names of the rule specification and those of the facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["instant", "count", "flag", "class", "word"]

FROM = (
    "rule_case as r inner join conversation as c"
    " on r.conversation_key = c.conversation_key"
)  # fmt: skip
"""The relation every rule and rung is evaluated over."""


@dataclass(frozen=True, slots=True)
class Column:
    """One derived column.

    Attributes:
        name: as rules write it.
        kind: instant (null: it never happened), count, flag or class (null: not known), word (null:
            nothing was said).
        sql: over ``FROM``.
        doc: exact meaning, for the published specification.
    """

    name: str
    kind: Kind
    sql: str
    doc: str


def _all() -> tuple[Column, ...]:
    c, r = "c.", "r."
    return (
        Column("t_conversation_end", "instant", c + "ended_at", "end of the first conversation: its first close, or 24 h after its last public message; null while open"),
        Column("t_last_activity", "instant", c + "last_activity_at", "last public message of customer, AI or human in the first conversation"),
        Column("t_last_ai_message", "instant", c + "last_ai_at", "last public AI message of the first conversation"),
        Column("t_last_ai_answer", "instant", c + "last_ai_answer_at", "last AI message of kind answer or custom_answer"),
        Column("t_first_message", "instant", c + "started_at", "first public message of the first conversation"),
        Column("t_closed", "instant", r + "closed_at", "first change of the thread to solved or closed"),
        Column("n_customer_messages", "count", c + "customer_messages", "public customer messages of the first conversation"),
        Column("n_ai_messages", "count", c + "ai_messages", "public AI messages of the first conversation"),
        Column("n_human_messages", "count", c + "human_messages", "public human messages of the first conversation"),
        Column("n_ai_answers", "count", c + "ai_answers", "AI messages of kind answer or custom_answer; null when an AI message has no kind"),
        Column("n_ai_fallbacks", "count", c + "ai_fallbacks", "AI messages of kind fallback; null when an AI message has no kind"),
        Column("ai_greeting_only", "flag", c + "ai_greeting_only", "the AI wrote and every message is a greeting; null when one has no kind"),
        Column("engaged", "flag", c + "engaged", "at least one public customer message"),
        Column("has_intent", "flag", c + "has_intent", "an intent was recorded or predicted"),
        Column("is_test", "flag", c + "is_test", "test or preview conversation"),
        Column("is_spam", "flag", c + "is_spam", "spam"),
        Column("customer_known", "flag", c + "customer_known", "the source names the customer"),
        Column("reply_class", "class", c + "reply_class", "strongest class of the customer's messages after the last AI answer (asks_human, negative, follow_up, affirm, gratitude, none); null when the classifier abstains"),
        Column("explicit_feedback", "word", c + "explicit_feedback", "latest thumbs or survey about the AI: pos or neg; null when none was given"),
        Column("end_topic_reached", "flag", c + "end_topic_reached", "the AI sent a closing or survey message"),
        Column("t_human_requested", "instant", c + "human_requested_at", "first message that asks for a person, or handoff on the customer's request"),
        Column("t_escalation_attempt", "instant", r + "escalation_attempt_at", "first handoff from the AI to a person, executed or not"),
        Column("t_escalated", "instant", r + "escalated_at", "first executed handoff from the AI to a person"),
        Column("planned_handoff_done", "flag", c + "planned_handoff_done", "an executed planned handoff after a successful AI action"),
        Column("t_human_reply", "instant", r + "human_reply_at", "first public human message of the thread"),
        Column("ai_asset_executed", "flag", "(c.ai_actions > 0)", "the AI executed at least one action successfully"),
        Column("t_same_thread_return", "instant", c + "thread_return_at", "first customer message of the thread after the end that is more than a thank-you"),
        Column("t_person_return", "instant", c + "return_at", "first customer message of the same person about the same issue, on any channel, after the last activity"),
        Column("return_class", "word", c + "return_class", "class of that message"),
        Column("t_person_contact_unknown_issue", "instant", c + "unknown_issue_contact_at", "first later contact of the person whose issue cannot be compared"),
        Column("t_other_thread_human_reply", "instant", c + "other_thread_human_reply_at", "first human message in another contact of the person that began after the last activity"),
        Column("customer_spoke_last", "flag", c + "customer_spoke_last", "the last public message is the customer's"),
        Column("abandoned", "flag", c + "abandoned", "left with no answer given and a question, fallback, greeting or own message last"),
        Column("rage_quit", "flag", c + "rage_quit", "left negative, asking for a person, or after a fallback, and no person wrote"),
        Column("forced_termination", "flag", c + "forced_termination", "system or AI ended it while the customer had spoken last"),
        Column("last_state", "word", c + "last_state", "last state of the thread"),
        Column("system_verdict", "word", c + "system_verdict", "systems of record: confirms or contradicts; null when none spoke"),
    )  # fmt: skip


COLUMNS: dict[str, Column] = {column.name: column for column in _all()}
SESSION_ENDS: dict[int, str] = {2: "r.session_end_2h_at"}
"""Hours of silence that end a session → SQL of ``t_session_end(h)``."""
LABELS: dict[str, str] = {
    "request_satisfied": "the customer's request was satisfied (true, false)",
    "relevant": "the answers were relevant (true, false)",
    "accurate": "the answers were accurate (true, false)",
    "safe": "the answers were safe (true, false)",
    "abandonment": "the customer gave up (TRUE, FALSE)",
    "goal": "how far the goal was reached (1 to 5)",
}
"""Criteria of assessments that a ``judge_then`` may read."""

"""A conversation fact of any size, made from row numbers alone: same size, same rows.

The columns hang together as they do in life (an escalated conversation is hybrid, a contained one
has no human), so that combinations of conditions repeat as they do in real data.
"""

from __future__ import annotations

from candor.engines.duck import DuckEngine
from candor.facts import schema

FIRST_DAY = 20_454
DAYS = 365


def make(engine: DuckEngine, rows: int) -> None:
    """Create ``conversation`` with ``rows`` rows and every column of the schema."""
    known = {
        "conversation_id": "'t' || i || '#1'", "conversation_key": "i", "thread_key": "i",
        "thread_id": "'t' || i", "source": "'demo'", "person_key": "person",
        "customer_known": "true", "bucket": "cast(key60('p' || person) % 200 as smallint)",
        "channel": "channel", "language": "['en', 'de', 'fr', 'es'][1 + draw7 % 4]",
        "region": "'eu'", "customer_segment": "['smb', 'mid_market', 'enterprise'][1 + draw7 % 3]",
        "intent_id": "'intent_' || intent", "ai_agent_id": "'assistant'",
        "release": "'r' || cast(floor(day_no * 6.0 * 0.0027) as integer)", "path": "path",
        "intent_kind": "case when intent % 2 = 0 then 'action' else 'informational' end",
        "is_test": "draw1 % 200 = 0", "is_spam": "draw1 % 300 = 1", "is_inbound": "draw1 % 20 > 0",
        "is_automatable": "intent < 15", "engaged": "draw1 % 50 > 0",
        "eligible": "intent < 15 and draw1 % 50 > 0 and draw1 % 20 > 0",
        "ai_involved": "path <> 'human_only'", "human_involved": "path <> 'ai_only'",
        "is_synthetic_time": "false", "day": f"{FIRST_DAY} + day_no",
        "customer_messages": "1 + draw2 % 6", "ai_answers": "draw3 % 5", "turns": "1 + draw2 % 5",
        "ai_clarifications": "draw3 % 2", "rephrases": "case when draw2 % 5 = 0 then 1 else 0 end",
        "handoffs": "case when path = 'hybrid' then 1 + draw3 % 2 else 0 end",
        "escalated": "path = 'hybrid'", "escalation_turn": "case when path = 'hybrid' then draw3 % 7 end",
        "escalation_us": "case when path = 'hybrid' then 1000000 * (20 + draw3 % 900) end",
        "asked_human": "draw4 % 12 = 0", "human_came": "case when draw4 % 12 = 0 then path <> 'ai_only' end",
        "needs_human": "case when draw5 % 30 = 0 then draw5 % 60 = 0 end",
        "is_chain": "path = 'hybrid' and draw3 % 9 = 0", "is_ping_pong": "path = 'hybrid' and draw3 % 27 = 0",
        "blocked_reason": "case when draw4 % 40 = 3 then 'out_of_hours' end",
        "is_open": "day_no = 364", "closed": "day_no < 364", "answered": "draw3 % 5 > 0",
        "abandoned": "case when day_no < 364 then draw3 % 11 = 0 end",
        "drop_off_turn": "case when draw3 % 11 = 0 then draw3 % 6 end",
        "reply_class": "['none', 'gratitude', 'affirm', 'follow_up', 'negative'][1 + draw4 % 5]",
        "confirmed": "draw6 % 4 = 0", "contradicted": "draw6 % 17 = 1",
        "has_claim": "path <> 'human_only'", "claimed_resolved": "case when path <> 'human_only' then draw6 % 10 < 6 end",
        "claim_held": "case when path <> 'human_only' and draw6 % 10 < 6 and day_no < 361 then draw8 % 8 > 0 end",
        "reopened_24h": "case when day_no < 363 then draw8 % 30 = 0 end",
        "reopened_48h": "case when day_no < 362 then draw8 % 25 = 0 end",
        "reopened_72h": "case when day_no < 361 then draw8 % 20 = 0 end",
        "reopened_7d": "case when day_no < 357 then draw8 % 15 = 0 end",
        "last_activity_at": "0", "reopened_at": "case when draw8 % 15 = 0 then (draw8 % 7) * 86400000000 + 5 end",
        "return_delay_us": "case when draw8 % 9 = 0 then (draw8 % 7) * 86400000000 + 5 end",
        "return_at_risk_us": "case when draw8 % 9 = 0 then (draw8 % 7) * 86400000000 + 5 else (365 - day_no) * 86400000000 end",
        "window_open_24h": "day_no >= 363", "window_open_72h": "day_no >= 361", "window_open_7d": "day_no >= 357",
        "contained": "case when day_no = 364 then null else path = 'ai_only' and draw4 % 13 > 0 end",
        "looked_successful": "path = 'ai_only' and draw4 % 13 > 0 or path = 'hybrid' and draw6 % 10 < 6",
        "silent_failure": "case when day_no < 357 then draw8 % 9 = 0 end",
        "true_resolution": "case when path = 'human_only' then null when path = 'hybrid' then false when day_no < 361 then draw8 % 3 > 0 end",
        "ai_fcr_24h": "case when path <> 'human_only' and day_no < 363 then path = 'ai_only' and draw8 % 3 > 0 end",
        "ai_fcr_72h": "case when path <> 'human_only' and day_no < 361 then path = 'ai_only' and draw8 % 3 > 0 end",
        "human_fcr_72h": "case when path <> 'ai_only' and day_no < 361 then draw8 % 4 > 0 end",
        "is_monitored": "path <> 'human_only'", "has_violation": "case when path <> 'human_only' then draw5 % 500 = 0 end",
        "has_near_miss": "case when path <> 'human_only' then draw5 % 200 = 0 end",
        "has_override": "case when path <> 'human_only' then draw5 % 300 = 0 end",
        "ai_first_response_us": "case when path <> 'human_only' then 1000 * (300 + draw2 % 9000) end",
        "human_first_response_us": "case when path <> 'ai_only' then 1000000 * (30 + draw2 % 3000) end",
        "resolution_us": "case when day_no < 364 then 1000000 * (60 + draw2 % 90000) end",
        "handle_us": "case when path <> 'ai_only' then 1000000 * (draw2 % 3000) end",
        "self_service_us": "case when path = 'ai_only' and draw6 % 4 = 0 then 1000000 * (20 + draw2 % 600) end",
        "first_response_met": "draw2 % 10 > 0", "resolution_met": "draw2 % 9 > 0",
        "effort_points": "(draw2 % 10) * 10", "days_since_live": "day_no",
        "survey_asked": "draw5 % 3 = 0", "cost_amount": "cast(0.05 * (1 + draw2 % 40) as decimal(18, 6))",
        "cost_currency": "'USD'", "is_multi_intent": "draw5 % 10 = 0", "intents_raised": "1 + draw5 % 2", "intents_solved": "draw5 % 3",
    }  # fmt: skip
    items = ", ".join(
        f"cast({known.get(name, 'null')} as {column.type}) as {name}"
        for name, column in schema.columns("conversation").items()
    )
    draws = ", ".join(f"key60('{number}-' || i) as draw{number}" for number in range(1, 9))
    engine.run(
        f"""create or replace table conversation as
        with drawn as (select i, {draws} from range({rows}) as numbers(i)),
        placed as (
            select *, key60('c' || cast(floor(sqrt(draw1 % 100000000)) as bigint)) % ({rows} // 3 + 1) as person,
                draw2 % {DAYS} as day_no, draw3 % 20 as intent,
                ['chat', 'messaging', 'email', 'voice', 'web_form', 'in_app'][1 + draw7 % 6] as channel,
                ['ai_only', 'ai_only', 'ai_only', 'hybrid', 'hybrid', 'human_only'][1 + draw6 % 6] as path
            from drawn)
        select {items} from placed order by i"""
    )

-- grain: one public message of an AI agent inside a conversation
-- key: message_key
-- clock: occurred_at, up to as_of
-- reads: ev_message, _scored_kind, _split, _base, setting
-- What the fact `message` holds beside the columns of its conversation.
with numbered as (
    select b.thread_key, b.conversation_no, b.conversation_key
    from _base as b
    where b.conversation_no > 1
)

select
    m.event_key as message_key,
    m.message_id,
    coalesce(b.conversation_key, m.thread_key) as conversation_key,
    m.occurred_at,
    m.kind,
    case
        when coalesce(m.kind, k.label) in ('answer', 'custom_answer') then true
        when
            coalesce(m.kind, k.label)
            in ('clarification', 'greeting', 'fallback', 'handoff_notice', 'note', 'closing', 'survey')
            then false
    end as is_answer,
    m.feedback,
    m.latency_ms,
    cast(floor(m.ai_confidence * 1000000 + 0.5) as bigint) as ai_confidence_ppm,
    m.intent_predicted,
    cast(floor(m.intent_confidence * 1000000 + 0.5) as bigint) as intent_confidence_ppm
from ev_message as m
cross join setting as s
left join _scored_kind as k on m.event_key = k.message_key
left join _split as p
    on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
left join numbered as b on p.thread_key = b.thread_key and p.conversation_no = b.conversation_no
where m.is_public and m.actor = 'ai_agent' and m.occurred_at <= s.as_of_us

-- grain: one public message of an AI agent inside a conversation
-- key: message_key
-- clock: occurred_at, up to as_of
-- reads: message_line, conversation
-- as: view
-- What a message shares with its conversation is not stored again for each message.
select
    m.message_key,
    m.message_id,
    c.conversation_key,
    c.thread_key,
    c.person_key,
    c.bucket,
    c.day,
    m.occurred_at,
    'ai_agent' as actor,
    true as is_public,
    m.kind,
    m.is_answer,
    m.feedback,
    m.latency_ms,
    m.ai_confidence_ppm,
    m.intent_predicted,
    m.intent_confidence_ppm,
    coalesce(m.is_answer and m.occurred_at = c.last_ai_answer_at, false) as is_last_ai_answer,
    case when m.is_answer and m.occurred_at = c.last_ai_answer_at then c.true_resolution end as outcome,
    c.source,
    c.channel,
    c.direction,
    c.language,
    c.region,
    c.customer_segment,
    c.brand,
    c.entry_point,
    c.intent_id,
    c.ai_agent_id,
    c.release,
    c.priority,
    c.path,
    c.is_test,
    c.is_spam
from message_line as m
inner join conversation as c on m.conversation_key = c.conversation_key

-- grain: one public message of an AI agent inside a conversation
-- key: message_key
-- clock: occurred_at, up to as_of
-- reads: message_line, message_mark, conversation
-- as: view
-- What a message shares with its conversation is not stored again for each message.
select
    m.message_key,
    m.message_id,
    c.conversation_key,
    c.thread_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    m.occurred_at,
    'ai_agent' as actor,
    true as is_public,
    m.kind,
    m.is_answer,
    m.feedback,
    m.latency_ms,
    m.latency_ms * 1000 as latency_us,
    m.ai_confidence_ppm,
    m.intent_predicted,
    m.intent_confidence_ppm,
    coalesce(m.is_answer and m.occurred_at = c.last_ai_answer_at, false) as is_last_ai_answer,
    case when m.is_answer and m.occurred_at = c.last_ai_answer_at then c.true_resolution end as outcome,
    k.sources,
    k.sources > 0 as has_sources,
    k.hallucination,
    k.hallucination_by,
    k.hallucination_weight_ppm,
    k.hallucination_judged,
    k.grounded,
    k.grounded_by,
    k.grounded_weight_ppm,
    k.grounded_judged,
    k.right_source,
    k.right_source_by,
    k.link_used,
    k.usable,
    k.usable_by,
    coalesce(c.last_customer_at > m.occurred_at, false) as replied_next,
    case
        when k.rephrased_next then true
        when c.last_customer_at > m.occurred_at and c.rephrases is null then null
        else false
    end as rephrased_next,
    coalesce(k.escalated_next, false) as escalated_next,
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
left join message_mark as k on m.message_key = k.message_key

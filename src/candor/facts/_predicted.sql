-- grain: one contact in which an intent was predicted
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_message, setting, _split
with predicted as (
    select
        m.thread_key,
        coalesce(p.conversation_no, 1) as conversation_no,
        arg_min(m.intent_predicted, (m.occurred_at, case m.actor when 'customer' then 0 else 1 end, m.event_key)) as intent_id,
        min(m.intent_predicted) as least_intent,
        max(m.intent_predicted) as greatest_intent
    from ev_message as m
    cross join setting as s
    left join _split as p
        on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
    where m.intent_predicted is not null and m.is_public and m.occurred_at <= s.as_of_us
    group by m.thread_key, coalesce(p.conversation_no, 1)
)

select
    d.thread_key,
    d.conversation_no,
    d.intent_id,
    d.least_intent <> d.greatest_intent as is_multi_intent
from predicted as d

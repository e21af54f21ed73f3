-- grain: one contact in which an intent was recognised
-- key: conversation_key
-- clock: occurred_at, up to as_of
-- reads: ev_message, setting, _span
-- arg_min passes over nulls, so an unknown confidence of the first attempt travels as a number below zero.
select
    coalesce(x.conversation_key, m.thread_key) as conversation_key,
    arg_min(m.event_key, (m.occurred_at, case m.actor when 'customer' then 0 else 1 end, m.event_key)) as message_key,
    arg_min(m.intent_predicted, (m.occurred_at, case m.actor when 'customer' then 0 else 1 end, m.event_key)) as intent_predicted,
    arg_min(coalesce(m.intent_confidence, -1), (m.occurred_at, case m.actor when 'customer' then 0 else 1 end, m.event_key)) as intent_confidence
from ev_message as m
cross join setting as s
left join _span as x
    on m.thread_key = x.thread_key and m.occurred_at >= x.from_at and m.occurred_at < x.until_at
where m.intent_predicted is not null and m.is_public and m.occurred_at <= s.as_of_us
group by coalesce(x.conversation_key, m.thread_key)

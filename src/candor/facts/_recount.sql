-- grain: one contact whose first and last times do not tell the order of its messages
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _message, _contact, _split, _escalation
-- as: columns
-- Only these contacts are read a second time: greeted before the customer spoke, answered between two
-- customer messages, or escalated.
with target as (
    select
        c.thread_key,
        c.conversation_no,
        c.first_customer_at,
        least(c.first_ai_answer_at, c.first_human_at) as first_answer_at,
        e.escalated_at
    from _contact as c
    left join _escalation as e on c.thread_key = e.thread_key and c.conversation_no = e.conversation_no
    where
        c.first_ai_at < c.first_customer_at
        or c.first_human_at < c.first_customer_at
        or least(c.first_ai_answer_at, c.first_human_at) < c.last_customer_at
        or e.escalated_at is not null
)

select
    t.thread_key,
    t.conversation_no,
    count(case when m.actor = 0 and m.occurred_at <= t.first_answer_at then 1 end) as messages_before_answer,
    min(case when m.actor = 1 and m.occurred_at >= t.first_customer_at then m.occurred_at end) as ai_reply_at,
    min(
        case when m.actor = 2 and m.occurred_at >= t.first_customer_at then m.occurred_at end
    ) as human_reply_at,
    min(
        case when m.actor = 2 and m.occurred_at >= t.escalated_at then m.occurred_at end
    ) as human_takeover_at,
    count(case when m.actor = 1 and m.occurred_at < t.escalated_at then 1 end) as escalation_turn
from target as t
inner join _message as m on t.thread_key = m.thread_key
left join _split as p
    on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
where coalesce(p.conversation_no, 1) = t.conversation_no
group by t.thread_key, t.conversation_no

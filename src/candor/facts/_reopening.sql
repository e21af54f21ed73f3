-- grain: one contact whose thread was set from solved or closed back to open or pending after its last message
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_state_change, setting, _base, _split
-- A change made by the customer comes with a message, and the message tells whether it is more than thanks;
-- so is a change that follows a message sent after the close.
select
    c.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    min(c.occurred_at) as state_reopened_at
from ev_state_change as c
cross join setting as s
left join _split as p
    on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
inner join _base as b
    on c.thread_key = b.thread_key and coalesce(p.conversation_no, 1) = b.conversation_no
where
    c.from_state in ('solved', 'closed')
    and c.to_state in ('open', 'pending')
    and c.actor in ('human_agent', 'ai_agent', 'system')
    and c.occurred_at <= s.as_of_us
    and c.occurred_at > b.closed_at
    and c.occurred_at > b.last_activity_at
    and b.last_activity_at <= b.closed_at
group by c.thread_key, coalesce(p.conversation_no, 1)

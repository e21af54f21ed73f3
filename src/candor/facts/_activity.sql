-- grain: one thread with public messages
-- key: thread_key
-- clock: occurred_at
-- reads: _message
-- as: columns
select
    m.thread_key,
    min(m.occurred_at) as first_at,
    max(m.occurred_at) as last_at,
    max(case when m.actor = 0 then m.occurred_at end) as last_customer_at,
    count(m.message_key) as messages
from _message as m
group by m.thread_key

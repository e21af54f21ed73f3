-- grain: one contact in which the AI acted successfully
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_action, setting, _split
select
    a.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    count(a.event_key) as ai_actions,
    min(a.occurred_at) as first_success_at
from ev_action as a
cross join setting as s
left join _split as p
    on a.thread_key = p.thread_key and a.occurred_at >= p.from_at and a.occurred_at < p.until_at
where a.actor = 'ai_agent' and a.status = 'succeeded' and a.occurred_at <= s.as_of_us
group by a.thread_key, coalesce(p.conversation_no, 1)

-- grain: one contact that was closed, or whose thread has a state
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _close, _split
select
    c.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    min(c.occurred_at) as closed_at,
    arg_min(c.actor, (c.occurred_at, c.event_key)) filter (where c.actor is not null) as closed_by,
    arg_min(c.reason, (c.occurred_at, c.event_key)) filter (where c.reason is not null) as close_reason
from _close as c
left join _split as p
    on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
group by c.thread_key, coalesce(p.conversation_no, 1)

-- grain: one contact that was closed, or whose thread has a state
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _close, _split, _contact
-- A close before the contact's first message ended something that the data do not show.
-- arg_min passes over nulls, so an unknown actor or reason of the first close travels as an empty text.
select
    c.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    min(c.occurred_at) as closed_at,
    nullif(arg_min(coalesce(c.actor, ''), (c.occurred_at, c.event_key)), '') as closed_by,
    nullif(arg_min(coalesce(c.reason, ''), (c.occurred_at, c.event_key)), '') as close_reason,
    count(
        case when c.actor in ('system', 'ai_agent') and c.reason in ('automation', 'ai_closed') then 1 end
    ) as forced_closes
from _close as c
left join _split as p
    on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
left join _contact as k
    on c.thread_key = k.thread_key and coalesce(p.conversation_no, 1) = k.conversation_no
where c.occurred_at >= coalesce(k.first_at, c.occurred_at)
group by c.thread_key, coalesce(p.conversation_no, 1)

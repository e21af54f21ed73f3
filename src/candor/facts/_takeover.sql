-- grain: one handoff that a human message followed inside the contact
-- key: event_key
-- clock: occurred_at
-- reads: _transfer, _message, _split
select
    t.event_key,
    min(m.occurred_at) as first_at
from _transfer as t
inner join _message as m on t.thread_key = m.thread_key and m.occurred_at >= t.occurred_at
left join _split as p
    on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
where m.actor = 2 and coalesce(p.conversation_no, 1) = t.conversation_no
group by t.event_key

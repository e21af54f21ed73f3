-- grain: one conversation whose outcome a person set
-- key: thread_key, conversation_no
-- clock: none: a correction is about the conversation, whenever it was made
-- reads: ev_override, _base
-- The latest correction of any source stands; one that was withdrawn stands for nothing.
with said as (
    select
        o.thread_key,
        o.thread_id,
        o.target_id,
        o.new_value,
        o.author,
        o.occurred_at,
        row_number() over (partition by o.target_id order by o.occurred_at desc, o.override_id, o.event_id) as place
    from ev_override as o
    where o.target_type = 'conversation' and o.field = 'outcome' and o.thread_key is not null
)

select
    b.thread_key,
    b.conversation_no,
    s.new_value as override_outcome,
    s.author as overridden_by,
    s.occurred_at as overridden_at
from said as s
inner join _base as b
    on s.thread_key = b.thread_key and s.target_id = s.thread_id || '#' || cast(b.conversation_no as varchar)
where s.place = 1 and s.new_value in ('resolved', 'not_resolved', 'unknown')

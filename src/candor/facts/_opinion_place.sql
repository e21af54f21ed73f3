-- grain: one verdict of _opinion on a message, a handoff or a contact of a known thread
-- key: event_key
-- clock: occurred_at of the message judged, else of the verdict
-- reads: _opinion, _span, ev_message, setting
-- A message named without its thread is the one with the smallest key, should two sources use the same id.
with spoken as (
    select
        o.event_key,
        min(m.event_key) as message_key,
        arg_min(m.thread_key, m.event_key) as thread_key,
        arg_min(m.occurred_at, m.event_key) as occurred_at
    from _opinion as o
    inner join ev_message as m on o.message_id = m.message_id
    cross join setting as s
    where (o.thread_key is null or o.thread_key = m.thread_key) and m.occurred_at <= s.as_of_us
    group by o.event_key
),

aimed as (
    select
        o.event_key,
        p.message_key,
        coalesce(p.thread_key, o.thread_key) as thread_key,
        coalesce(p.occurred_at, o.occurred_at) as occurred_at
    from _opinion as o
    left join spoken as p on o.event_key = p.event_key
)

select
    a.event_key,
    a.message_key,
    coalesce(x.conversation_key, a.thread_key) as conversation_key
from aimed as a
left join _span as x
    on a.thread_key = x.thread_key and a.occurred_at >= x.from_at and a.occurred_at < x.until_at
where a.thread_key is not null

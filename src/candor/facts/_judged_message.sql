-- grain: one public customer message of a thread in _judged_thread
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_message, _judged_thread, setting
-- A step of its own, so that the engine knows before the join that there are few, or none.
select
    m.event_key,
    m.message_id,
    m.thread_key,
    m.occurred_at
from _judged_thread as t
inner join ev_message as m on t.thread_key = m.thread_key
cross join setting as s
where m.actor = 'customer' and m.is_public and m.occurred_at <= s.as_of_us

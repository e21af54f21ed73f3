-- grain: one thread with a state history
-- key: thread_key
-- clock: occurred_at, up to as_of
-- reads: ev_state_change, setting
select
    c.thread_key,
    arg_max(c.to_state, (c.occurred_at, c.event_key)) as last_state
from ev_state_change as c
cross join setting as s
where c.occurred_at <= s.as_of_us
group by c.thread_key

-- grain: one change of a thread to solved or closed
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_state_change, setting
select
    c.event_key,
    c.thread_key,
    c.occurred_at,
    c.actor,
    c.reason
from ev_state_change as c
cross join setting as s
where c.to_state in ('solved', 'closed') and c.occurred_at <= s.as_of_us

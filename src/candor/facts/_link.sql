-- grain: one ordered pair of explicitly linked threads
-- key: thread_key, other_key
-- clock: occurred_at, up to as_of
-- reads: ev_link, setting
with pair as (
    select key60(k.from_thread_id) as from_key, key60(k.to_thread_id) as to_key
    from ev_link as k
    cross join setting as s
    where k.occurred_at <= s.as_of_us and k.from_thread_id <> k.to_thread_id
)

select a.from_key as thread_key, a.to_key as other_key
from pair as a
union
select b.to_key as thread_key, b.from_key as other_key
from pair as b

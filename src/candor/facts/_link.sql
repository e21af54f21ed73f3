-- grain: one ordered pair of explicitly linked threads
-- key: thread_key, other_key
-- clock: occurred_at, up to as_of
-- reads: ev_link, _thread, _person, setting
-- A link speaks of one customer. Where both threads name theirs and they are two persons, it joins nothing.
with pair as (
    select key60(k.from_thread_id) as from_key, key60(k.to_thread_id) as to_key
    from ev_link as k
    cross join setting as s
    where k.occurred_at <= s.as_of_us and k.from_thread_id <> k.to_thread_id
),

shared as (
    select r.from_key, r.to_key
    from pair as r
    inner join _thread as f on r.from_key = f.thread_key
    inner join _thread as t on r.to_key = t.thread_key
    left join _person as n on f.customer_id = n.customer_id
    left join _person as o on t.customer_id = o.customer_id
    where coalesce(n.person_key = o.person_key, true)
)

select a.from_key as thread_key, a.to_key as other_key
from shared as a
union
select b.to_key as thread_key, b.from_key as other_key
from shared as b

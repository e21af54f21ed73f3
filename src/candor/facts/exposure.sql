-- grain: one unit of one experiment
-- key: event_key
-- clock: assigned_at, up to as_of
-- reads: ev_exposure, setting, conversation, _person, _calendar
-- A unit stays in the arm of its first assignment.
with assigned as (
    select
        e.event_key,
        e.experiment_id,
        e.unit_id,
        e.unit,
        e.arm,
        e.assigned_at,
        e.source,
        case when e.unit = 'thread' then key60(e.unit_id) end as thread_key
    from ev_exposure as e
    cross join setting as s
    where e.assigned_at <= s.as_of_us
)

select
    e.experiment_id,
    e.unit_id,
    e.event_key,
    e.unit,
    e.arm,
    e.assigned_at,
    k.day,
    coalesce(n.person_key, c.person_key, e.event_key) as person_key,
    n.person_key is not null or coalesce(c.customer_known, false) as customer_known,
    coalesce(n.bucket, c.bucket, bucket200(e.unit_id)) as bucket,
    e.thread_key,
    e.source,
    coalesce(c.is_test, false) as is_test,
    coalesce(c.is_spam, false) as is_spam
from assigned as e
left join _person as n on e.unit = 'customer' and e.unit_id = n.customer_id
left join conversation as c on e.thread_key = c.thread_key and c.conversation_no = 1
left join _calendar as k
    on e.assigned_at // 86400000000 = k.utc_day and e.assigned_at >= k.starts_at and e.assigned_at < k.ends_at

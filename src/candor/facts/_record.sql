-- grain: one conversation of which a system of record knows something
-- key: conversation_key
-- clock: occurred_at, up to as_of
-- reads: ev_confirmation, setting, _split, _base, _person
-- A record with a thread speaks of the contact running or last before it. One without speaks of the person's
-- latest conversation with the same intent that had begun. Complaints, disputes, reversals and closures
-- also count for the person's conversations that ended up to 7 d before, unless they name another intent.
with spoken as (
    select
        c.event_key,
        c.thread_key,
        c.occurred_at,
        c.kind,
        c.supports,
        c.intent_id,
        c.customer_id
    from ev_confirmation as c
    cross join setting as s
    where c.occurred_at <= s.as_of_us
),

by_thread as (
    select b.conversation_key, c.event_key, c.occurred_at, c.kind, c.supports
    from spoken as c
    left join _split as p
        on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
    inner join _base as b
        on c.thread_key = b.thread_key and coalesce(p.conversation_no, 1) = b.conversation_no
),

by_intent as (
    select
        arg_max(b.conversation_key, (b.started_at, b.conversation_key)) as conversation_key,
        c.event_key,
        min(c.occurred_at) as occurred_at,
        min(c.kind) as kind,
        min(c.supports) as supports
    from spoken as c
    inner join _person as n on c.customer_id = n.customer_id
    inner join _base as b
        on n.person_key = b.person_key and c.intent_id = b.intent_id and b.started_at <= c.occurred_at
    where c.thread_key is null
    group by c.event_key
),

by_person as (
    select b.conversation_key, c.event_key, c.occurred_at, c.kind, 'neutral' as supports
    from spoken as c
    cross join setting as s
    inner join _person as n on c.customer_id = n.customer_id
    inner join _base as b
        on
            n.person_key = b.person_key
            and b.last_activity_at <= c.occurred_at
            and c.occurred_at < b.last_activity_at + s.d7_us
    where
        c.thread_key is null
        and c.kind in ('complaint', 'dispute', 'case_reversed', 'account_closed', 'churn')
        and (c.intent_id is null or b.intent_id is null or c.intent_id = b.intent_id)
),

told as (
    select t.conversation_key, t.occurred_at, t.kind, t.supports
    from by_thread as t
    union all
    select i.conversation_key, i.occurred_at, i.kind, i.supports
    from by_intent as i
    union all
    select q.conversation_key, q.occurred_at, q.kind, q.supports
    from by_person as q
)

select
    d.conversation_key,
    min(case when d.supports = 'confirms' then d.occurred_at end) as confirms_at,
    min(case when d.supports = 'contradicts' then d.occurred_at end) as contradicts_at,
    min(case when d.kind = 'complaint' then d.occurred_at end) as complaint_at,
    min(case when d.kind = 'dispute' then d.occurred_at end) as dispute_at,
    min(case when d.kind = 'case_reversed' then d.occurred_at end) as reversal_at,
    min(case when d.kind in ('account_closed', 'churn') then d.occurred_at end) as account_closure_at
from told as d
group by d.conversation_key

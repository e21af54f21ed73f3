-- grain: what was spent on one day for one kind of thing, unit, currency, path, channel and intent
-- key: spend_id
-- clock: occurred_at, up to as_of
-- reads: ev_cost, setting, setting_money, conversation, _calendar
-- A cost belongs to the contact that was running, or the last one before it; path, channel and intent are null where
-- it names no thread that is known. Usage that is only counted has no amount and waits for a price.
with later as (
    select c.thread_key, c.conversation_no, c.started_at
    from conversation as c
    where c.conversation_no > 1
),

moved as (
    select o.event_key, max(l.conversation_no) as conversation_no
    from ev_cost as o
    inner join later as l on o.thread_key = l.thread_key and o.occurred_at >= l.started_at
    group by o.event_key
),

spent as (
    select
        k.day,
        o.kind,
        o.unit,
        o.currency,
        o.thread_key is not null as has_thread,
        c.path,
        c.channel,
        c.intent_id,
        count(o.event_key) as lines,
        sum(cast(floor(o.quantity * 1000000 + 0.5) as bigint)) as quantity_millionths,
        sum(case when o.amount = 0 then cast(floor(o.quantity * 1000000 + 0.5) as bigint) else 0 end)
            as unpriced_millionths,
        sum(o.amount) as amount
    from ev_cost as o
    cross join setting as s
    left join moved as v on o.event_key = v.event_key
    left join conversation as c
        on o.thread_key = c.thread_key and coalesce(v.conversation_no, 1) = c.conversation_no
    left join _calendar as k
        on o.occurred_at // 86400000000 = k.utc_day and o.occurred_at >= k.starts_at and o.occurred_at < k.ends_at
    where o.occurred_at <= s.as_of_us
    group by
        k.day, o.kind, o.unit, o.currency, o.thread_key is not null, c.path, c.channel, c.intent_id
),

named as (
    select
        cast(t.day as varchar) || chr(31) || t.kind || chr(31) || t.unit || chr(31) || t.currency || chr(31)
        || case when t.has_thread then '1' else '0' end || chr(31) || coalesce(t.path, chr(30)) || chr(31)
        || coalesce(t.channel, chr(30)) || chr(31) || coalesce(t.intent_id, chr(30)) as text,
        t.day,
        t.kind,
        t.unit,
        t.currency,
        t.has_thread,
        t.path,
        t.channel,
        t.intent_id,
        t.lines,
        t.quantity_millionths,
        t.unpriced_millionths,
        t.amount
    from spent as t
)

select
    md5(n.text) as spend_id,
    key60(n.text) as person_key,
    bucket200(n.text) as bucket,
    n.day,
    n.kind,
    n.unit,
    n.currency,
    n.currency = m.currency as in_currency,
    n.has_thread,
    n.path,
    n.channel,
    n.intent_id,
    n.lines,
    cast(n.quantity_millionths as bigint) as quantity_millionths,
    cast(n.unpriced_millionths as bigint) as unpriced_millionths,
    cast(n.amount as decimal(18, 6)) as amount,
    false as is_test,
    false as is_spam
from named as n
cross join setting_money as m

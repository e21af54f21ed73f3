-- grain: one record of money won or lost
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_confirmation, setting, setting_money, _person, conversation, _calendar
-- A record with a thread belongs to the contact running or last before it; one without belongs to the person's latest
-- contact that began in the 30 d before (closed-open): time links them, nothing says that the contact caused it.
-- An order that was shipped and paid is told twice; the payment counts.
with told as (
    select
        r.event_key,
        r.confirmation_id,
        r.thread_key,
        r.customer_id,
        r.account_id,
        r.occurred_at,
        r.source,
        r.system,
        r.kind,
        r.kind in ('order_shipped', 'payment_received', 'repurchase', 'renewal', 'expansion') as is_gain,
        abs(r.amount) as amount,
        r.currency,
        s.day_us * 30 as d30_us
    from ev_confirmation as r
    cross join setting as s
    where
        r.occurred_at <= s.as_of_us
        and r.amount is not null
        and r.kind in (
            'order_shipped', 'payment_received', 'repurchase', 'renewal', 'expansion', 'refund_issued',
            'contraction', 'churn', 'account_closed'
        )
),

moved as (
    select t.event_key, max(c.conversation_no) as conversation_no
    from told as t
    inner join conversation as c
        on t.thread_key = c.thread_key and (c.conversation_no = 1 or t.occurred_at >= c.started_at)
    group by t.event_key
),

by_thread as (
    select t.event_key, c.conversation_key, c.person_key
    from told as t
    inner join moved as m on t.event_key = m.event_key
    inner join conversation as c on t.thread_key = c.thread_key and m.conversation_no = c.conversation_no
),

named as (
    select
        t.event_key,
        b.conversation_key as thread_conversation_key,
        coalesce(
            n.person_key, b.person_key, case when t.account_id is not null then key60(t.account_id) end
        ) as person_key,
        n.bucket
    from told as t
    left join by_thread as b on t.event_key = b.event_key
    left join _person as n on t.customer_id = n.customer_id
),

touched as (
    select
        t.event_key,
        arg_max(c.conversation_key, (c.started_at, c.conversation_key)) as conversation_key
    from told as t
    inner join named as n on t.event_key = n.event_key
    inner join conversation as c
        on
            n.person_key = c.person_key
            and c.started_at <= t.occurred_at
            and t.occurred_at < c.started_at + t.d30_us
    where t.thread_key is null and c.engaged and not c.is_synthetic_time
    group by t.event_key
),

paid as (
    select distinct t.event_key
    from told as t
    inner join named as n on t.event_key = n.event_key
    inner join told as p
        on
            t.amount = p.amount
            and t.currency is not distinct from p.currency
            and p.kind = 'payment_received'
            and abs(p.occurred_at - t.occurred_at) < t.d30_us
    inner join named as q on p.event_key = q.event_key and n.person_key = q.person_key
    where t.kind = 'order_shipped'
)

select
    t.confirmation_id,
    t.event_key,
    c.conversation_key,
    case
        when n.thread_conversation_key is not null then 'thread'
        when u.conversation_key is not null then 'last_touch'
    end as link,
    coalesce(n.person_key, t.event_key) as person_key,
    n.person_key is not null as customer_known,
    coalesce(n.bucket, c.bucket, bucket200(coalesce(t.account_id, 'revenue:' || t.confirmation_id))) as bucket,
    t.account_id,
    k.day,
    t.occurred_at,
    t.source as record_source,
    t.system,
    t.kind,
    t.is_gain,
    d.event_key is not null as is_same_sale,
    t.amount,
    case when d.event_key is not null then 0 when t.is_gain then t.amount else -t.amount end as net_amount,
    t.currency,
    coalesce(t.currency = m.currency, true) as in_currency,
    case
        when not c.is_synthetic_time and t.occurred_at >= c.started_at then t.occurred_at - c.started_at
    end as touch_us,
    c.source,
    c.channel,
    c.direction,
    c.language,
    c.region,
    c.customer_segment,
    c.brand,
    c.entry_point,
    c.intent_id,
    c.ai_agent_id,
    c.release,
    c.priority,
    c.path,
    coalesce(c.is_test, false) as is_test,
    coalesce(c.is_spam, false) as is_spam
from told as t
cross join setting_money as m
inner join named as n on t.event_key = n.event_key
left join touched as u on t.event_key = u.event_key
left join paid as d on t.event_key = d.event_key
left join conversation as c on coalesce(n.thread_conversation_key, u.conversation_key) = c.conversation_key
left join _calendar as k
    on t.occurred_at // 86400000000 = k.utc_day and t.occurred_at >= k.starts_at and t.occurred_at < k.ends_at

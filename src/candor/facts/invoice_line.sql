-- grain: one line of a vendor's invoice
-- key: event_key
-- clock: period_start; lines made up to as_of
-- reads: ev_invoice_line, setting, setting_money, conversation, _calendar
-- The charges of a thread in one period are held against its latest contacts that began before the period's end,
-- those with AI first, the last charge against the latest contact. A charge without a contact of its own is a
-- duplicate (outside the period when no contact had begun at all), and so is one for a contact billed before. A contact lies in a period when it began
-- before its end and its last message is later than 72 h before its start (a vendor counts when its window closes).
-- The first reason that holds stands. Credits of a vendor and thread give back its disputed charges in their order.
with line as (
    select
        i.event_key,
        i.invoice_id,
        i.line,
        i.vendor,
        i.outcome_billed,
        i.period_start,
        i.period_end,
        i.occurred_at,
        i.source,
        i.thread_key,
        i.amount,
        i.currency,
        i.currency = m.currency as in_currency,
        i.amount < 0 as is_credit,
        lower(i.outcome_billed) like '%resol%'
        or lower(i.outcome_billed) like '%deflect%'
        or lower(i.outcome_billed) like '%outcome%' as is_resolution,
        s.h72_us
    from ev_invoice_line as i
    cross join setting as s
    cross join setting_money as m
    where i.occurred_at <= s.as_of_us
),

charge as (
    select
        l.event_key,
        l.vendor,
        l.thread_key,
        l.period_start,
        l.period_end,
        l.occurred_at,
        row_number() over (
            partition by l.vendor, l.thread_key, l.period_start, l.period_end
            order by l.occurred_at desc, l.event_key desc
        ) as from_end
    from line as l
    where not l.is_credit and l.thread_key is not null
),

billed_thread as (
    select distinct t.vendor, t.thread_key, t.period_start, t.period_end
    from charge as t
),

contact as (
    select
        t.vendor,
        t.thread_key,
        t.period_start,
        t.period_end,
        c.conversation_key,
        row_number() over (
            partition by t.vendor, t.thread_key, t.period_start, t.period_end
            order by case when c.ai_involved then 0 else 1 end, c.started_at desc, c.conversation_key desc
        ) as from_end
    from billed_thread as t
    inner join conversation as c on t.thread_key = c.thread_key and c.started_at < t.period_end
),

known_thread as (
    select distinct c.thread_key
    from billed_thread as t
    inner join conversation as c on t.thread_key = c.thread_key
),

paired as (
    select
        t.event_key,
        t.from_end,
        c.conversation_key,
        k.thread_key is not null as is_known,
        coalesce(
            row_number() over (
                partition by t.vendor, c.conversation_key
                order by t.period_start, t.occurred_at, t.event_key
            ) > 1,
            false
        ) as is_second
    from charge as t
    left join contact as c
        on
            t.vendor = c.vendor
            and t.thread_key = c.thread_key
            and t.period_start = c.period_start
            and t.period_end = c.period_end
            and t.from_end = c.from_end
    left join known_thread as k on t.thread_key = k.thread_key
),

reasoned as (
    select
        l.event_key,
        p.conversation_key,
        case
            when l.is_credit or l.thread_key is null or not p.is_known then null
            when p.conversation_key is null and p.from_end = 1 then 'outside_period'
            when p.conversation_key is null or p.is_second then 'duplicate'
            when coalesce(c.last_activity_at, c.started_at) + l.h72_us <= l.period_start then 'outside_period'
            when c.is_test then 'test'
            when not c.ai_involved then 'no_ai'
            when not l.is_resolution then null
            when c.contradicted then 'contradicted'
            when c.escalated then 'escalated'
            when c.returned_72h or c.reopened_72h then 'returned'
        end as disputed,
        case
            when l.is_credit then null
            when l.thread_key is null then 'thread_missing'
            when not p.is_known then 'thread_unknown'
            when not l.is_resolution or c.confirmed then null
            when c.returned_72h is not null then null
            when c.is_open or c.window_open_72h then 'window_open'
            when not c.customer_known then 'identity_unknown'
            else 'undetermined'
        end as unverifiable,
        case
            when not l.is_resolution then 'not_a_resolution'
            when c.confirmed then 'confirmed'
            else 'assumed'
        end as accepted
    from line as l
    left join paired as p on l.event_key = p.event_key
    left join conversation as c on p.conversation_key = c.conversation_key
),

found as (
    select
        l.event_key,
        r.conversation_key,
        case
            when l.is_credit then 'credit'
            when r.disputed is not null then 'disputed'
            when r.unverifiable is not null then 'unverifiable'
            else 'accepted'
        end as status,
        case when not l.is_credit then coalesce(r.disputed, r.unverifiable, r.accepted) end as reason,
        case
            when l.is_credit then null
            when r.disputed is not null then l.amount
            when r.unverifiable is null then 0
        end as disputed_amount
    from line as l
    inner join reasoned as r on l.event_key = r.event_key
),

credit as (
    select l.vendor, l.thread_key, l.currency, cast(-sum(l.amount) as decimal(18, 6)) as given
    from line as l
    where l.is_credit and l.thread_key is not null
    group by l.vendor, l.thread_key, l.currency
),

netted as (
    select
        l.event_key,
        cast(
            greatest(
                least(
                    f.disputed_amount,
                    coalesce(g.given, 0) - coalesce(
                        sum(f.disputed_amount) over (
                            partition by l.vendor, l.thread_key, l.currency
                            order by l.period_start, l.occurred_at, l.event_key
                            rows between unbounded preceding and 1 preceding
                        ),
                        0
                    )
                ),
                0
            ) as decimal(18, 6)
        ) as credited_amount
    from line as l
    inner join found as f on l.event_key = f.event_key
    left join credit as g on l.vendor = g.vendor and l.thread_key = g.thread_key and l.currency = g.currency
    where f.status = 'disputed'
)

select
    l.invoice_id,
    l.line,
    l.event_key,
    l.vendor,
    l.outcome_billed,
    l.period_start,
    l.period_end,
    k.day,
    l.occurred_at,
    l.source as billing_source,
    l.thread_key,
    f.conversation_key,
    coalesce(c.person_key, l.event_key) as person_key,
    coalesce(c.bucket, bucket200('invoice:' || l.invoice_id || ':' || l.line)) as bucket,
    l.amount,
    l.currency,
    l.in_currency,
    l.is_credit,
    l.is_resolution,
    f.status,
    f.reason,
    case f.status when 'disputed' then true when 'accepted' then false end as is_disputed,
    f.disputed_amount,
    case when f.disputed_amount is not null then coalesce(n.credited_amount, 0) end as credited_amount,
    case when f.disputed_amount is not null then f.disputed_amount - coalesce(n.credited_amount, 0) end as recoverable_amount,
    case when f.status = 'unverifiable' then l.amount else 0 end as unverifiable_amount,
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
from line as l
inner join found as f on l.event_key = f.event_key
left join netted as n on l.event_key = n.event_key
left join conversation as c on f.conversation_key = c.conversation_key
left join _calendar as k
    on l.period_start // 86400000000 = k.utc_day and l.period_start >= k.starts_at and l.period_start < k.ends_at

-- grain: one statement of a vendor about one contact
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_claim, setting, setting_money, conversation, _calendar
-- A claim belongs to the contact that was running, or the last one before it. What was claimed is held against what
-- is known of that contact; it decides nothing about it.
with later as (
    select c.thread_key, c.conversation_no, c.started_at
    from conversation as c
    where c.conversation_no > 1
),

moved as (
    select q.event_key, max(l.conversation_no) as conversation_no
    from ev_claim as q
    inner join later as l on q.thread_key = l.thread_key and q.occurred_at >= l.started_at
    group by q.event_key
),

said as (
    select
        q.event_key,
        q.claim_id,
        q.thread_key,
        coalesce(v.conversation_no, 1) as conversation_no,
        q.occurred_at,
        q.claimant,
        q.raw_value,
        q.claimed,
        q.api_version,
        q.is_billable,
        q.amount,
        q.currency,
        q.invoice_id
    from ev_claim as q
    cross join setting as s
    left join moved as v on q.event_key = v.event_key
    where q.occurred_at <= s.as_of_us
),

last_said as (
    select arg_max(q.event_key, (q.occurred_at, q.event_key)) as event_key
    from said as q
    group by q.thread_key, q.conversation_no, q.claimant
)

select
    q.claim_id,
    q.event_key,
    c.conversation_key,
    coalesce(c.person_key, q.event_key) as person_key,
    coalesce(c.bucket, bucket200('claim:' || q.claim_id)) as bucket,
    k.day,
    q.occurred_at,
    q.claimant,
    q.raw_value,
    q.claimed,
    q.api_version,
    l.event_key is not null as is_latest,
    q.claimed in ('resolved_confirmed', 'resolved_assumed') as claimed_resolved,
    q.is_billable,
    case
        when coalesce(q.claimed, 'none') not in ('resolved_confirmed', 'resolved_assumed') then null
        when c.contradicted or c.returned_72h then false
        when c.confirmed or not c.returned_72h then true
    end as claim_held,
    q.amount,
    q.currency,
    case when q.amount is not null then coalesce(q.currency = m.currency, true) end as in_currency,
    q.invoice_id,
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
from said as q
cross join setting_money as m
left join last_said as l on q.event_key = l.event_key
left join conversation as c on q.thread_key = c.thread_key and q.conversation_no = c.conversation_no
left join _calendar as k
    on q.occurred_at // 86400000000 = k.utc_day and q.occurred_at >= k.starts_at and q.occurred_at < k.ends_at

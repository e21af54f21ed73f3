-- grain: one engaged conversation, where any record of revenue exists
-- key: conversation_key
-- clock: its start; windows count from there
-- reads: revenue, conversation, setting, setting_coverage
-- A window is known once it lies inside what every source of such records covers.
with recording as (
    select r.record_source
    from revenue as r
    group by r.record_source
),

reach as (
    select min(least(s.as_of_us, coalesce(v.covered_until, s.as_of_us))) as covered_until
    from recording as r
    cross join setting as s
    left join setting_coverage as v on r.record_source = v.source
    having count(r.record_source) > 0
),

followed as (
    select
        r.conversation_key,
        count(case when r.touch_us < s.d7_us then 1 end) as records_7d,
        sum(case when r.touch_us < s.d3_us then r.net_amount else 0 end) as revenue_3d,
        sum(case when r.touch_us < s.d7_us then r.net_amount else 0 end) as revenue_7d,
        sum(case when r.touch_us < s.day_us * 30 then r.net_amount else 0 end) as revenue_30d,
        max(case when r.in_currency then 0 else 1 end) = 1 as is_mixed
    from revenue as r
    cross join setting as s
    where r.conversation_key is not null and not r.is_same_sale
    group by r.conversation_key
),

placed as (
    select
        c.conversation_key,
        c.customer_known and not c.is_synthetic_time as can_follow,
        c.started_at + s.d3_us > e.covered_until as window_open_3d,
        c.started_at + s.d7_us > e.covered_until as window_open_7d,
        c.started_at + s.day_us * 30 > e.covered_until as window_open_30d
    from conversation as c
    cross join setting as s
    cross join reach as e
    where c.engaged
)

select
    c.conversation_key,
    c.conversation_id,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    case when c.path = 'ai_only' then c.true_resolution else c.human_fcr_72h end as solved,
    case when p.can_follow and not p.window_open_7d then coalesce(f.records_7d, 0) end as records_7d,
    case when p.can_follow and not p.window_open_3d then coalesce(f.revenue_3d, 0) end as revenue_3d,
    case when p.can_follow and not p.window_open_7d then coalesce(f.revenue_7d, 0) end as revenue_7d,
    case when p.can_follow and not p.window_open_30d then coalesce(f.revenue_30d, 0) end as revenue_30d,
    coalesce(f.is_mixed, false) as is_mixed,
    c.is_synthetic_time,
    p.window_open_3d,
    p.window_open_7d,
    p.window_open_30d,
    c.is_inbound,
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
from conversation as c
inner join placed as p on c.conversation_key = p.conversation_key
left join followed as f on c.conversation_key = f.conversation_key

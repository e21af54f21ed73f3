-- grain: one gap opened, resolved or dismissed, or one reporting day on which gaps were watched
-- key: step_id
-- clock: the instant of the step
-- reads: _gap, _calendar, calendar_day
-- The watched days make a zero a real zero: a day counts from the first gap of a source on, as far as that source was
-- read. Days before, or without any source of gaps, have no row.
with covered as (
    select
        g.source,
        min(g.opened_at) as from_at,
        max(g.known_until) as until_at
    from _gap as g
    group by g.source
),

step as (
    select
        'opened:' || cast(g.event_key as varchar) as step_id,
        'opened' as kind,
        g.topic,
        g.opened_by,
        g.opened_at as occurred_at
    from _gap as g
    union all
    select
        'resolved:' || cast(g.event_key as varchar) as step_id,
        'resolved' as kind,
        g.topic,
        g.opened_by,
        g.resolved_at as occurred_at
    from _gap as g
    where g.resolved_at is not null
    union all
    select
        'dismissed:' || cast(g.event_key as varchar) as step_id,
        'dismissed' as kind,
        g.topic,
        g.opened_by,
        g.dismissed_at as occurred_at
    from _gap as g
    where g.dismissed_at is not null
)

select
    p.step_id,
    p.kind,
    p.topic,
    p.opened_by,
    key60(p.step_id) as person_key,
    bucket200(p.step_id) as bucket,
    k.day,
    p.occurred_at,
    false as is_test,
    false as is_spam
from step as p
inner join _calendar as k
    on p.occurred_at // 86400000000 = k.utc_day and p.occurred_at >= k.starts_at and p.occurred_at < k.ends_at
union all
select distinct
    'watched:' || cast(d.day as varchar) as step_id,
    'watched' as kind,
    cast(null as varchar) as topic,
    cast(null as varchar) as opened_by,
    key60('watched:' || cast(d.day as varchar)) as person_key,
    bucket200('watched:' || cast(d.day as varchar)) as bucket,
    d.day,
    d.starts_at as occurred_at,
    false as is_test,
    false as is_spam
from calendar_day as d
inner join covered as v on d.ends_at > v.from_at and d.starts_at < v.until_at

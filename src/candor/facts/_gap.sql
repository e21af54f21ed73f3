-- grain: one gap in the knowledge
-- key: event_key
-- clock: opened_at, up to as_of
-- reads: ev_gap, setting, setting_coverage
-- A gap that ends after as_of is open as of then. One marked resolved without a time, or dismissed, ended when its
-- last revision says so. known_until: how far its source was read; an open gap was still open then.
with seen as (
    select
        g.event_key,
        g.gap_id,
        g.source,
        g.topic,
        g.opened_at,
        g.opened_by,
        g.thread_ids,
        g.status,
        case
            when g.status = 'resolved' then coalesce(g.resolved_at, g.occurred_at)
            when g.status = 'dismissed' then g.occurred_at
        end as ended_at,
        least(s.as_of_us, coalesce(v.covered_until, s.horizon_us)) as known_until,
        s.as_of_us
    from ev_gap as g
    cross join setting as s
    left join setting_coverage as v on g.source = v.source
    where g.opened_at <= s.as_of_us
)

select
    g.event_key,
    g.gap_id,
    g.source,
    g.topic,
    g.opened_at,
    g.opened_by,
    g.thread_ids,
    case when g.ended_at > g.as_of_us then 'open' else g.status end as status,
    case when g.status = 'resolved' and g.ended_at <= g.as_of_us then g.ended_at end as resolved_at,
    case when g.status = 'dismissed' and g.ended_at <= g.as_of_us then g.ended_at end as dismissed_at,
    greatest(g.opened_at, g.known_until) as known_until
from seen as g

-- grain: one gap in the knowledge
-- key: gap_key
-- clock: opened_at, up to as_of
-- reads: _gap, _calendar
-- A dismissed gap is followed until it was dismissed: it was never mended. One that ended before it was opened has no age.
select
    g.event_key as gap_key,
    g.gap_id,
    g.source,
    g.topic,
    g.opened_by,
    g.status,
    g.event_key as person_key,
    bucket200('gap:' || g.gap_id) as bucket,
    k.day,
    g.opened_at,
    g.resolved_at,
    g.dismissed_at,
    g.resolved_at is not null as is_resolved,
    g.dismissed_at is not null as is_dismissed,
    cast(len(g.thread_ids) as bigint) as threads,
    case when g.resolved_at >= g.opened_at then g.resolved_at - g.opened_at end as age_us,
    case
        when coalesce(g.resolved_at, g.dismissed_at, g.known_until) >= g.opened_at
            then coalesce(g.resolved_at, g.dismissed_at, g.known_until) - g.opened_at
    end as at_risk_us,
    false as is_test,
    false as is_spam
from _gap as g
inner join _calendar as k
    on g.opened_at // 86400000000 = k.utc_day and g.opened_at >= k.starts_at and g.opened_at < k.ends_at

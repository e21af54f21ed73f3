-- grain: one thing that many conversations read and that is known from all of them together
-- key: kind, name
-- clock: none
-- reads: _agent_live, _intent_live, _monitored, _scorer, _harm_source, _carrying, _suggesting
-- What a refresh must know of the build before: conversations that it does not touch have read these values.
select 'agent' as kind, a.agent as name, a.live_at as value
from _agent_live as a
union all
select 'intent' as kind, i.intent_id as name, i.live_at as value
from _intent_live as i
union all
select 'monitored' as kind, m.agent as name, m.since as value
from _monitored as m
union all
select 'scorer' as kind, r.assessor_version as name, cast(1 as bigint) as value
from _scorer as r
where r.assessor_version is not null
union all
select 'carrying' as kind, y.source as name, cast(1 as bigint) as value
from _carrying as y
union all
select 'knows' as kind, 'suggestions' as name, cast(1 as bigint) as value
from _suggesting as g
where g.knows_suggestions
union all
select 'knows' as kind, 'complaints' as name, cast(1 as bigint) as value
from _harm_source as h
where h.knows_complaints
union all
select 'knows' as kind, 'disputes' as name, cast(1 as bigint) as value
from _harm_source as h
where h.knows_disputes
union all
select 'knows' as kind, 'reversals' as name, cast(1 as bigint) as value
from _harm_source as h
where h.knows_reversals
union all
select 'knows' as kind, 'closures' as name, cast(1 as bigint) as value
from _harm_source as h
where h.knows_closures

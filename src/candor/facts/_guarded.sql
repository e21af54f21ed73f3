-- grain: one contact with a guardrail event
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_guardrail, setting, _split
-- worst: 1 low, 2 medium, 3 high, 4 critical.
select
    g.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    count(case when g.result = 'violation' then 1 end) as violations,
    count(case when g.result = 'near_miss' then 1 end) as near_misses,
    count(case when g.response = 'human_override' then 1 end) as overrides,
    max(
        case
            when g.result = 'violation'
                then case g.severity when 'low' then 1 when 'medium' then 2 when 'high' then 3 when 'critical' then 4 end
        end
    ) as worst
from ev_guardrail as g
cross join setting as s
left join _split as p
    on g.thread_key = p.thread_key and g.occurred_at >= p.from_at and g.occurred_at < p.until_at
where g.occurred_at <= s.as_of_us
group by g.thread_key, coalesce(p.conversation_no, 1)

-- grain: one AI agent whose guardrails report
-- key: agent
-- clock: occurred_at, up to as_of
-- reads: ev_guardrail, _thread, setting
select
    coalesce(t.ai_agent_id, '') as agent,
    min(g.occurred_at) as since
from ev_guardrail as g
cross join setting as s
inner join _thread as t on g.thread_key = t.thread_key
where g.result is not null and g.occurred_at <= s.as_of_us
group by coalesce(t.ai_agent_id, '')

-- grain: one AI agent
-- key: agent
-- clock: deployed_at, else the first conversation it took part in
-- reads: ev_release, _ai_seen, setting
with released as (
    select r.ai_agent_id as agent, min(r.deployed_at) as live_at
    from ev_release as r
    cross join setting as s
    where r.deployed_at <= s.as_of_us
    group by r.ai_agent_id
),

seen as (
    select b.ai_agent_id as agent, min(b.live_at) as live_at
    from _ai_seen as b
    where b.ai_agent_id is not null
    group by b.ai_agent_id
)

select
    coalesce(r.agent, n.agent) as agent,
    coalesce(r.live_at, n.live_at) as live_at
from released as r
full outer join seen as n on r.agent = n.agent

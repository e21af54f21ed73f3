-- grain: one AI agent and intent under which an AI agent has spoken
-- key: ai_agent_id, intent_id
-- clock: started_at
-- reads: _base
-- All that the life of AI agents and of intents is read from, in few rows.
select
    b.ai_agent_id,
    b.intent_id,
    min(b.started_at) as live_at
from _base as b
where b.ai_messages > 0
group by b.ai_agent_id, b.intent_id

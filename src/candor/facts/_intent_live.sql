-- grain: one intent on which an AI agent has spoken
-- key: intent_id
-- clock: started_at
-- reads: _base
select
    b.intent_id,
    min(b.started_at) as live_at
from _base as b
where b.ai_messages > 0 and b.intent_id is not null
group by b.intent_id

-- grain: one intent on which an AI agent has spoken
-- key: intent_id
-- clock: started_at
-- reads: _ai_seen
select
    b.intent_id,
    min(b.live_at) as live_at
from _ai_seen as b
where b.intent_id is not null
group by b.intent_id

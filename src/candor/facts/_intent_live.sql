-- grain: one intent on which an AI agent has spoken
-- key: intent_id
-- clock: started_at
-- reads: _base, _contact
select
    b.intent_id,
    min(b.started_at) as live_at
from _base as b
inner join _contact as c on b.thread_key = c.thread_key and b.conversation_no = c.conversation_no
where c.ai_messages > 0 and b.intent_id is not null
group by b.intent_id

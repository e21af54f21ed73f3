-- grain: one contact with public messages
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _message, _split
-- as: columns
-- Last and first times of each kind of message are enough to tell what came after what, without ordering rows.
select
    m.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    min(m.occurred_at) as first_at,
    max(m.occurred_at) as last_at,
    min(case when m.actor = 0 then m.occurred_at end) as first_customer_at,
    max(case when m.actor = 0 then m.occurred_at end) as last_customer_at,
    min(case when m.actor = 1 then m.occurred_at end) as first_ai_at,
    max(case when m.actor = 1 then m.occurred_at end) as last_ai_at,
    min(case when m.actor = 2 then m.occurred_at end) as first_human_at,
    max(case when m.actor = 2 then m.occurred_at end) as last_human_at,
    min(case when m.actor = 1 and m.kind = 1 then m.occurred_at end) as first_ai_answer_at,
    max(case when m.actor = 1 and m.kind = 1 then m.occurred_at end) as last_ai_answer_at,
    max(case when m.actor = 1 and m.kind in (2, 3) then m.occurred_at end) as last_ai_prompt_at,
    max(case when m.actor = 1 and m.kind = 4 then m.occurred_at end) as last_ai_fallback_at,
    max(case when m.actor = 1 and m.kind = 0 then m.occurred_at end) as last_ai_unknown_at,
    max(case when m.actor = 1 and m.feedback = 1 then m.occurred_at end) as last_liked_at,
    max(case when m.actor = 1 and m.feedback = -1 then m.occurred_at end) as last_disliked_at,
    count(case when m.actor = 0 then 1 end) as customer_messages,
    count(case when m.actor = 1 then 1 end) as ai_messages,
    count(case when m.actor = 2 then 1 end) as human_messages,
    count(case when m.actor = 1 and m.kind = 0 then 1 end) as ai_unknown,
    count(case when m.actor = 1 and m.kind = 1 then 1 end) as ai_answers,
    count(case when m.actor = 1 and m.kind = 2 then 1 end) as ai_clarifications,
    count(case when m.actor = 1 and m.kind = 3 then 1 end) as ai_greetings,
    count(case when m.actor = 1 and m.kind = 4 then 1 end) as ai_fallbacks,
    count(case when m.actor = 1 and m.kind in (0, 1, 2, 4) then 1 end) as ai_turns,
    count(case when m.actor = 1 and m.kind = 6 then 1 end) as ai_endings
from _message as m
left join _split as p
    on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
group by m.thread_key, coalesce(p.conversation_no, 1)

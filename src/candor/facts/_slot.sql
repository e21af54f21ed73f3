-- grain: one conversation
-- key: thread_key, conversation_no
-- clock: none
-- reads: _thread, _contact
-- as: columns
-- A thread without any public message is one conversation that nobody joined.
select
    t.thread_key,
    coalesce(c.conversation_no, 1) as conversation_no
from _thread as t
left join _contact as c on t.thread_key = c.thread_key

-- grain: one kind of message that no fact holds
-- key: reason
-- clock: none
-- reads: _message, _thread
-- For data health: messages of threads that have no conversation event wait until one arrives.
select
    'no_conversation' as reason,
    count(m.message_key) as messages,
    count(distinct m.thread_key) as threads
from _message as m
left join _thread as t on m.thread_key = t.thread_key
where t.thread_key is null

-- grain: one kind of message that no fact holds
-- key: reason
-- clock: none
-- reads: _activity, _thread
-- For data health: messages of threads that have no conversation event wait until one arrives.
select
    'no_conversation' as reason,
    cast(coalesce(sum(a.messages), 0) as bigint) as messages,
    count(a.thread_key) as threads
from _activity as a
left join _thread as t on a.thread_key = t.thread_key
where t.thread_key is null

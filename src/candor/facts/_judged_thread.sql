-- grain: one thread whose signals are read from _judged
-- key: thread_key
-- clock: none
-- reads: ev_message, _remark
-- Somebody else judged a message of the thread, or a customer message of it is private.
select m.thread_key
from _remark as a
inner join ev_message as m on a.message_id = m.message_id
where a.thread_key is null or a.thread_key = m.thread_key
union
select m.thread_key
from ev_message as m
where m.actor = 'customer' and not m.is_public

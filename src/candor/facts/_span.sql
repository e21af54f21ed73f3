-- grain: one contact of a thread that holds several
-- key: conversation_key
-- clock: started_at of the contacts
-- reads: conversation
-- Lets an event of a thread find its contact: the one running when it occurred, or the last one before. The first
-- contact of a thread has the thread's key, so threads with one contact need no row here.
with several as (
    select c.thread_key
    from conversation as c
    where c.conversation_no = 2
)

select
    c.thread_key,
    c.conversation_key,
    case when c.conversation_no = 1 then -9223372036854775807 else c.started_at end as from_at,
    lead(c.started_at, 1, 9223372036854775807) over (
        partition by c.thread_key order by c.conversation_no
    ) as until_at
from conversation as c
inner join several as v on c.thread_key = v.thread_key

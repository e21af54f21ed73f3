-- grain: one thread with a public message, as the rules of vendors look at it: by its first conversation
-- key: thread_key
-- clock: started_at of the first conversation
-- reads: conversation, _activity, _message
-- What a rule needs of the whole thread, beside the columns of the first conversation. A session ends with the
-- last public message before the first silence longer than two hours, and two hours more.
with later as (
    select
        c.thread_key,
        min(c.closed_at) as closed_at,
        min(c.escalation_attempt_at) as escalation_attempt_at,
        min(c.escalated_at) as escalated_at,
        min(c.first_human_at) as first_human_at
    from conversation as c
    where c.conversation_no > 1
    group by c.thread_key
),

long as (
    select a.thread_key
    from _activity as a
    where a.last_at - a.first_at > 7200000000
),

line as (
    select
        m.thread_key,
        m.occurred_at,
        lead(m.occurred_at) over (
            partition by m.thread_key order by m.occurred_at, m.message_key
        ) as next_at
    from long as g
    inner join _message as m on g.thread_key = m.thread_key
),

pause as (
    select l.thread_key, min(l.occurred_at) as occurred_at
    from line as l
    where l.next_at - l.occurred_at > 7200000000
    group by l.thread_key
)

select
    c.thread_key,
    c.thread_id,
    c.conversation_key,
    c.bucket,
    c.person_key,
    c.day,
    c.is_test,
    c.is_spam,
    least(c.closed_at, r.closed_at) as closed_at,
    least(c.escalation_attempt_at, r.escalation_attempt_at) as escalation_attempt_at,
    least(c.escalated_at, r.escalated_at) as escalated_at,
    least(c.first_human_at, r.first_human_at) as human_reply_at,
    coalesce(p.occurred_at, a.last_at) + 7200000000 as session_end_2h_at
from conversation as c
inner join _activity as a on c.thread_key = a.thread_key
left join later as r on c.thread_key = r.thread_key
left join pause as p on c.thread_key = p.thread_key
where c.conversation_no = 1

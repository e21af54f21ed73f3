-- grain: one conversation with a customer message, placed in its journey
-- key: conversation_key
-- clock: started_at
-- reads: _base, _contact, _issue_component, setting
-- A journey goes on while the next contact begins less than 7 d after the latest activity so far. Times that
-- are made up stitch nothing: such a conversation is a journey of its own. Most issues have one contact and
-- need no ordering.
with placed as (
    select
        b.conversation_key,
        b.channel,
        b.started_at,
        b.last_activity_at,
        c.ai_messages,
        c.human_messages,
        case
            -- the first contact of a thread has the thread's key: below zero it is nobody's issue
            when b.is_synthetic_time then -b.conversation_key
            when b.customer_known and b.intent_id is not null
                then key60(cast(b.person_key as varchar) || ':' || b.intent_id)
            else b.thread_key
        end as issue_key
    from _base as b
    inner join _contact as c on b.thread_key = c.thread_key and b.conversation_no = c.conversation_no
    where c.customer_messages > 0
),

stitched as (
    select
        p.conversation_key,
        p.channel,
        p.started_at,
        p.last_activity_at,
        p.ai_messages,
        p.human_messages,
        coalesce(k.representative, p.issue_key) as issue_key
    from placed as p
    left join _issue_component as k on p.issue_key = k.node
),

several as (
    select t.issue_key
    from stitched as t
    group by t.issue_key
    having count(*) > 1
),

reached as (
    select
        t.conversation_key,
        t.channel,
        t.started_at,
        t.last_activity_at,
        t.ai_messages,
        t.human_messages,
        t.issue_key,
        max(t.last_activity_at) over (
            partition by t.issue_key
            order by t.started_at, t.conversation_key
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from stitched as t
    inner join several as v on t.issue_key = v.issue_key
),

numbered as (
    select
        r.conversation_key,
        r.channel,
        r.started_at,
        r.last_activity_at,
        r.ai_messages,
        r.human_messages,
        r.issue_key,
        sum(case when r.started_at - r.reached_at < s.d7_us then 0 else 1 end) over (
            partition by r.issue_key
            order by r.started_at, r.conversation_key
            rows between unbounded preceding and current row
        ) as journey_no
    from reached as r
    cross join setting as s
)

select
    n.conversation_key,
    n.channel,
    n.last_activity_at,
    n.ai_messages,
    n.human_messages,
    n.issue_key,
    cast(n.journey_no as bigint) as journey_no,
    row_number() over (
        partition by n.issue_key, n.journey_no order by n.started_at, n.conversation_key
    ) as from_start,
    row_number() over (
        partition by n.issue_key, n.journey_no order by n.started_at desc, n.conversation_key desc
    ) as from_end
from numbered as n
union all
select
    t.conversation_key,
    t.channel,
    t.last_activity_at,
    t.ai_messages,
    t.human_messages,
    t.issue_key,
    cast(1 as bigint) as journey_no,
    1 as from_start,
    1 as from_end
from stitched as t
left join several as v on t.issue_key = v.issue_key
where v.issue_key is null

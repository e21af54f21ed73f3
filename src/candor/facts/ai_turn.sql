-- grain: one AI turn of a conversation, up to the twentieth
-- key: turn_id
-- clock: started_at of the conversation
-- reads: conversation
-- as: view
-- An AI turn is a public AI message that is no greeting, notice, closing or survey. A customer can leave only after the
-- last turn of the conversation; after every other one they are known to have stayed. Whether they left after the last
-- is not known while the conversation is open or its kinds or classes are unknown.
with unit as (
    select 0 as n
    union all
    select 1 as n
    union all
    select 2 as n
    union all
    select 3 as n
),

step as (
    select a.n * 5 + b.n + 1 as position
    from unit as a
    cross join (select u.n from unit as u union all select 4 as n) as b
)

select
    c.conversation_id || '/' || cast(p.position as varchar) as turn_id,
    c.conversation_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    cast(p.position as integer) as position,
    case when p.position < 10 then '0' else '' end || cast(p.position as varchar) as turn,
    p.position = c.ai_turns as is_last,
    case
        when p.position < c.ai_turns then false
        when c.abandoned or c.rage_quit then true
        when not c.abandoned and not c.rage_quit then false
    end as left_after,
    c.contradicted,
    c.is_open,
    c.is_inbound,
    c.engaged,
    c.source,
    c.channel,
    c.direction,
    c.language,
    c.region,
    c.customer_segment,
    c.brand,
    c.entry_point,
    c.intent_id,
    c.ai_agent_id,
    c.release,
    c.priority,
    c.path,
    c.is_test,
    c.is_spam
from conversation as c
inner join step as p on p.position <= c.ai_turns

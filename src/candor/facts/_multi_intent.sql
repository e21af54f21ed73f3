-- grain: one contact in which several intents were predicted
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_message, ev_confirmation, _predicted, _split, _contact, setting
-- An intent is solved when a system of record confirms it, or when nothing contradicts it and an AI answer or
-- a human message came at or after its first mention.
with mention as (
    select
        d.thread_key,
        d.conversation_no,
        m.intent_predicted as intent_id,
        min(m.occurred_at) as first_at
    from _predicted as d
    inner join ev_message as m on d.thread_key = m.thread_key
    cross join setting as s
    left join _split as p
        on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
    where
        d.is_multi_intent
        and m.intent_predicted is not null
        and m.is_public
        and m.occurred_at <= s.as_of_us
        and coalesce(p.conversation_no, 1) = d.conversation_no
    group by d.thread_key, d.conversation_no, m.intent_predicted
),

spoken as (
    select
        c.thread_key,
        c.intent_id,
        max(case when c.supports = 'confirms' then 1 else 0 end) as confirms,
        max(case when c.supports = 'contradicts' then 1 else 0 end) as contradicts
    from ev_confirmation as c
    cross join setting as s
    where c.thread_key is not null and c.intent_id is not null and c.occurred_at <= s.as_of_us
    group by c.thread_key, c.intent_id
)

select
    n.thread_key,
    n.conversation_no,
    count(n.intent_id) as intents_raised,
    count(
        case
            when k.contradicts = 1 then null
            when k.confirms = 1 then 1
            when c.last_ai_answer_at >= n.first_at or c.last_human_at >= n.first_at then 1
        end
    ) as intents_solved
from mention as n
inner join _contact as c on n.thread_key = c.thread_key and n.conversation_no = c.conversation_no
left join spoken as k on n.thread_key = k.thread_key and n.intent_id = k.intent_id
group by n.thread_key, n.conversation_no

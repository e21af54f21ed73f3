-- grain: one contact with at least one public customer message
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _signal, _split, _contact, _message
-- as: columns
-- Times by class say which class came last after any moment. A customer message without a class is unscored.
-- first_code packs the first message that is more than thanks with its class: time x 8 + 7 - code: the smallest is
-- the earliest, and the strongest of one instant.
-- Sentiments are packed likewise: milliseconds x 2097152 + sentiment + 1000000.
with scored as (
    select
        g.thread_key,
        coalesce(p.conversation_no, 1) as conversation_no,
        count(case when g.signal = 1 and g.code is not null then 1 end) as scored_messages,
        max(case when g.signal = 1 and g.code = 1 then g.occurred_at end) as last_gratitude_at,
        max(case when g.signal = 1 and g.code = 2 then g.occurred_at end) as last_affirm_at,
        max(case when g.signal = 1 and g.code = 3 then g.occurred_at end) as last_follow_up_at,
        max(case when g.signal = 1 and g.code = 4 then g.occurred_at end) as last_negative_at,
        max(case when g.signal = 1 and g.code = 5 then g.occurred_at end) as last_asks_human_at,
        min(case when g.signal = 1 and g.code = 5 then g.occurred_at end) as first_asks_human_at,
        min(case when g.signal = 1 and g.code >= 3 then g.occurred_at * 8 + 7 - g.code end) as first_code,
        min(case when g.signal = 2 then g.occurred_at // 1000 * 2097152 + g.code + 1000000 end)
            as first_sentiment,
        max(case when g.signal = 2 then g.occurred_at // 1000 * 2097152 + g.code + 1000000 end)
            as last_sentiment,
        sum(case when g.signal = 2 then g.code end) as sentiment_total,
        count(case when g.signal = 2 and g.code is not null then 1 end) as sentiment_messages,
        count(case when g.signal = 3 and g.code = 1 then 1 end) as rephrases
    from _signal as g
    left join _split as p
        on g.thread_key = p.thread_key and g.occurred_at >= p.from_at and g.occurred_at < p.until_at
    group by g.thread_key, coalesce(p.conversation_no, 1)
),

partly as (
    select c.thread_key, c.conversation_no
    from _contact as c
    inner join scored as d on c.thread_key = d.thread_key and c.conversation_no = d.conversation_no
    where d.scored_messages < c.customer_messages
),

spoken as (
    select y.thread_key, y.conversation_no, m.occurred_at, count(m.message_key) as messages
    from partly as y
    inner join _message as m on y.thread_key = m.thread_key
    left join _split as p
        on m.thread_key = p.thread_key and m.occurred_at >= p.from_at and m.occurred_at < p.until_at
    where m.actor = 0 and coalesce(p.conversation_no, 1) = y.conversation_no
    group by y.thread_key, y.conversation_no, m.occurred_at
),

classed as (
    select g.thread_key, g.occurred_at, count(g.code) as verdicts
    from partly as y
    inner join _signal as g on y.thread_key = g.thread_key
    where g.signal = 1
    group by g.thread_key, g.occurred_at, y.conversation_no
),

unscored as (
    select
        k.thread_key,
        k.conversation_no,
        min(k.occurred_at) as first_unscored_at,
        max(k.occurred_at) as last_unscored_at
    from spoken as k
    left join (
        select v.thread_key, v.occurred_at, max(v.verdicts) as verdicts
        from classed as v
        group by v.thread_key, v.occurred_at
    ) as e on k.thread_key = e.thread_key and k.occurred_at = e.occurred_at
    where k.messages > coalesce(e.verdicts, 0)
    group by k.thread_key, k.conversation_no
)

select
    c.thread_key,
    c.conversation_no,
    c.last_customer_at,
    coalesce(c.last_ai_answer_at, c.last_ai_at, c.last_human_at) as anchor_at,
    d.scored_messages,
    d.last_gratitude_at,
    d.last_affirm_at,
    d.last_follow_up_at,
    d.last_negative_at,
    d.first_asks_human_at,
    d.last_asks_human_at,
    d.first_code,
    d.first_sentiment,
    d.last_sentiment,
    d.sentiment_total,
    d.sentiment_messages,
    d.rephrases,
    case when d.thread_key is null then c.first_customer_at else u.first_unscored_at end as first_unscored_at,
    case when d.thread_key is null then c.last_customer_at else u.last_unscored_at end as last_unscored_at
from _contact as c
left join scored as d on c.thread_key = d.thread_key and c.conversation_no = d.conversation_no
left join unscored as u on c.thread_key = u.thread_key and c.conversation_no = u.conversation_no
where c.customer_messages >= 1

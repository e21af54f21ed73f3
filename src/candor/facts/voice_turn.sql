-- grain: one utterance of a customer in a call with times of speech
-- key: message_key
-- clock: milliseconds from the start of the call
-- reads: _speech, conversation
-- What our side begins to say from the start of the utterance to the start of the customer's next one belongs to it.
-- Begun before the utterance ends it is an interruption, else a reply; latency runs from its end to the first reply.
with paired as (
    select
        u.message_key,
        u.conversation_key,
        u.turn_no,
        u.actor,
        u.is_customer,
        u.start_us,
        max(case when u.is_customer then u.end_us end) over (
            partition by u.conversation_key, u.turn_no
        ) as heard_until_us
    from _speech as u
    where u.turn_no > 0
),

turn as (
    select
        p.conversation_key,
        p.turn_no,
        max(case when p.is_customer then p.message_key end) as message_key,
        max(case when p.is_customer then p.start_us end) as start_us,
        max(p.heard_until_us) as end_us,
        min(case when p.actor = 'ai_agent' and p.start_us >= p.heard_until_us then p.start_us end) as ai_reply_us,
        min(case when p.actor = 'human_agent' and p.start_us >= p.heard_until_us then p.start_us end)
            as human_reply_us,
        count(case when p.actor = 'ai_agent' and p.start_us < p.heard_until_us then 1 end) as ai_interruptions
    from paired as p
    group by p.conversation_key, p.turn_no
)

select
    t.message_key,
    c.conversation_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    cast(t.turn_no as integer) as turn_no,
    t.start_us,
    t.end_us,
    case
        when t.ai_reply_us < coalesce(t.human_reply_us, t.ai_reply_us + 1) then 'ai_agent'
        when t.human_reply_us is not null then 'human_agent'
    end as replied_by,
    case
        when t.ai_reply_us < coalesce(t.human_reply_us, t.ai_reply_us + 1) then t.ai_reply_us - t.end_us
    end as latency_us,
    t.ai_interruptions > 0 as is_interrupted,
    c.is_inbound,
    c.ai_involved,
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
from turn as t
inner join conversation as c on t.conversation_key = c.conversation_key

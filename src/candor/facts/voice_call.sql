-- grain: one contact with times of speech
-- key: conversation_id
-- clock: milliseconds from the start of the call
-- reads: _speech, conversation
-- The span runs from the first sound of speech to the last. Silence: nobody speaks. Overlap: the customer and somebody
-- on our side speak at once. A call is complete when every public utterance has times of speech; of another one the
-- silence is not known.
with part as (
    select
        u.conversation_key,
        u.is_customer,
        u.start_us,
        u.end_us,
        greatest(u.end_us - greatest(u.start_us, coalesce(u.spoken_until_us, u.start_us)), 0) as new_us,
        greatest(u.end_us - greatest(u.start_us, coalesce(u.side_spoken_until_us, u.start_us)), 0) as side_new_us
    from _speech as u
),

call as (
    select
        p.conversation_key,
        count(p.start_us) as utterances,
        cast(max(p.end_us) - min(p.start_us) as bigint) as span_us,
        cast(sum(p.new_us) as bigint) as speech_us,
        cast(sum(p.side_new_us) as bigint) as sides_us
    from part as p
    group by p.conversation_key
)

select
    c.conversation_id,
    c.conversation_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    a.utterances,
    a.utterances = c.customer_messages + c.ai_messages + c.human_messages as is_complete,
    a.span_us,
    a.speech_us,
    a.span_us - a.speech_us as silence_us,
    a.sides_us - a.speech_us as overlap_us,
    c.is_inbound,
    c.engaged,
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
from call as a
inner join conversation as c on a.conversation_key = c.conversation_key

-- grain: one public utterance of a call with times of speech
-- key: message_key
-- clock: milliseconds from the start of the call
-- reads: ev_message, setting, _span
-- An utterance whose end lies before its start has no times. turn_no numbers the customer's utterances; what the other
-- side says belongs to the last one that began no later.
with timed as (
    select
        m.event_key as message_key,
        coalesce(x.conversation_key, m.thread_key) as conversation_key,
        m.actor,
        m.actor = 'customer' as is_customer,
        m.speech_start_ms * 1000 as start_us,
        m.speech_end_ms * 1000 as end_us
    from ev_message as m
    cross join setting as s
    left join _span as x
        on m.thread_key = x.thread_key and m.occurred_at >= x.from_at and m.occurred_at < x.until_at
    where
        m.speech_start_ms is not null
        and m.speech_end_ms >= m.speech_start_ms
        and m.is_public
        and m.actor in ('customer', 'ai_agent', 'human_agent')
        and m.occurred_at <= s.as_of_us
)

select
    t.message_key,
    t.conversation_key,
    t.actor,
    t.is_customer,
    t.start_us,
    t.end_us,
    count(case when t.is_customer then 1 end) over (
        partition by t.conversation_key
        order by t.start_us, not t.is_customer, t.message_key
        rows between unbounded preceding and current row
    ) as turn_no,
    max(t.end_us) over (
        partition by t.conversation_key
        order by t.start_us, t.message_key
        rows between unbounded preceding and 1 preceding
    ) as spoken_until_us,
    max(t.end_us) over (
        partition by t.conversation_key, t.is_customer
        order by t.start_us, t.message_key
        rows between unbounded preceding and 1 preceding
    ) as side_spoken_until_us
from timed as t

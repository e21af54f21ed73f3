-- grain: one signal of one public customer message of a thread in _judged_thread
-- key: message_key, signal
-- clock: occurred_at of the message
-- reads: ev_assessment, _judged_message, _remark, _scorer
-- A human's verdict stands before all others, then the built-in scorer's, then the greatest version, then the
-- smallest event_id. signal and code: see _signal.
with verdict as (
    select
        m.event_key as message_key,
        m.thread_key,
        m.occurred_at,
        r.criterion,
        r.label,
        r.value,
        case when r.assessor_kind = 'human' then 0 else 2 end as author,
        r.assessor_version,
        r.event_id
    from _remark as r
    inner join _judged_message as m on r.message_id = m.message_id
    where r.thread_key is null or r.thread_key = m.thread_key
    union all
    select
        m.event_key as message_key,
        m.thread_key,
        m.occurred_at,
        a.criterion,
        a.label,
        a.value,
        1 as author,
        a.assessor_version,
        a.event_id
    from _judged_message as m
    inner join ev_assessment as a on m.thread_key = a.thread_key and m.message_id = a.message_id
    inner join _scorer as n on a.assessor_version = n.assessor_version
    where a.assessor_id = 'candor_signals' and a.criterion in ('reply_class', 'sentiment', 'rephrase')
),

ranked as (
    select
        v.message_key,
        v.thread_key,
        v.occurred_at,
        v.criterion,
        v.label,
        v.value,
        row_number() over (
            partition by v.message_key, v.criterion
            order by v.author, length(v.assessor_version) desc, v.assessor_version desc, v.event_id
        ) as place
    from verdict as v
)

select
    r.message_key,
    r.thread_key,
    r.occurred_at,
    cast(case r.criterion when 'reply_class' then 1 when 'sentiment' then 2 else 3 end as tinyint) as signal,
    case
        when r.criterion = 'sentiment' then cast(floor(r.value * 1000000 + 0.5) as integer)
        else
            case r.label
                when 'gratitude' then 1
                when 'affirm' then 2
                when 'follow_up' then 3
                when 'negative' then 4
                when 'asks_human' then 5
                when 'true' then 1
                when 'false' then 0
            end
    end as code
from ranked as r
where r.place = 1

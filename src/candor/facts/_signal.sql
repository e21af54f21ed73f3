-- grain: one signal of one public customer message: its reply class, its sentiment or that it is a rephrase
-- key: thread_key, occurred_at, signal (several messages may share an instant)
-- clock: occurred_at of the message
-- reads: ev_assessment, _scorer, _judged, _judged_thread, setting
-- as: columns
-- sorted: thread_key, occurred_at
-- signal: 1 reply class, 2 sentiment, 3 rephrase. code of a class: 1 gratitude, 2 affirm, 3 follow_up,
-- 4 negative, 5 asks_human, null abstained. code of a rephrase: 1 yes, 0 no. Sentiment is in millionths.
-- The built-in scorer stamps a verdict with the thread and the time of its message, so nothing is looked up,
-- except in the few threads where somebody else judged a message.
select
    a.thread_key,
    a.occurred_at,
    case a.criterion when 'reply_class' then 1 when 'sentiment' then 2 else 3 end as signal,
    case
        when a.value is not null then cast(floor(a.value * 1000000 + 0.5) as integer)
        else
            case a.label
                when 'gratitude' then 1
                when 'affirm' then 2
                when 'follow_up' then 3
                when 'negative' then 4
                when 'asks_human' then 5
                when 'true' then 1
                when 'false' then 0
            end
    end as code
from ev_assessment as a
cross join setting as s
inner join _scorer as n on a.assessor_version = n.assessor_version
left join _judged_thread as t on a.thread_key = t.thread_key
where
    a.assessor_id = 'candor_signals'
    and a.criterion in ('reply_class', 'sentiment', 'rephrase')
    and a.occurred_at <= s.as_of_us
    and t.thread_key is null
union all
select d.thread_key, d.occurred_at, d.signal, d.code
from _judged as d

-- grain: one contact with a survey
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _survey_line
select
    v.thread_key,
    v.conversation_no,
    count(case when v.instrument = 'csat' then 1 end) > 0 as survey_asked,
    count(case when v.instrument = 'csat' and v.is_answered then 1 end) > 0 as survey_answered,
    arg_max(v.score_ppm, (v.occurred_at, v.event_key))
        filter (where v.instrument = 'csat' and v.score_ppm is not null) as csat_ppm,
    nullif(
        arg_max(coalesce(v.about, ''), (v.occurred_at, v.event_key))
            filter (where v.instrument = 'csat' and v.score_ppm is not null),
        ''
    ) as csat_about,
    max(case when v.about = 'ai_agent' and v.side = 1 then v.occurred_at end) as liked_at,
    max(case when v.about = 'ai_agent' and v.side = -1 then v.occurred_at end) as disliked_at,
    max(case when v.about = 'ai_agent' and v.side = 0 then v.occurred_at end) as neutral_at
from _survey_line as v
where v.thread_key is not null
group by v.thread_key, v.conversation_no

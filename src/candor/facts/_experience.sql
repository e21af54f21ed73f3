-- grain: one contact as the built-in experience score sees it
-- key: conversation_key
-- clock: occurred_at of its last message
-- reads: ev_assessment, conversation
-- Scores are millionths of 0 to 1, null where it abstained. The contact is found by the key in the assessment's id.
with scored as (
    select
        cast(split_part(a.assessment_id, ':', 2) as bigint) as conversation_key,
        a.criterion,
        cast(floor(a.value * 1000000 + 0.5) as bigint) as score_ppm
    from ev_assessment as a
    where a.assessor_id = 'candor_experience'
)

select
    s.conversation_key,
    max(case when s.criterion = 'experience_score' then s.score_ppm end) as experience_ppm,
    max(case when s.criterion = 'relevance' then s.score_ppm end) as relevance_ppm,
    max(case when s.criterion = 'tone' then s.score_ppm end) as tone_ppm,
    max(case when s.criterion = 'professionalism' then s.score_ppm end) as professionalism_ppm,
    max(case when s.criterion = 'efficiency' then s.score_ppm end) as efficiency_ppm,
    max(case when s.criterion = 'clarity' then s.score_ppm end) as clarity_ppm,
    max(case when s.criterion = 'empathy' then s.score_ppm end) as empathy_ppm,
    max(case when s.criterion = 'csat_inferred' then s.score_ppm end) as csat_inferred_ppm,
    count(case when s.criterion = 'csat_inferred' then 1 end) > 0 as has_csat_inferred
from scored as s
inner join conversation as c on s.conversation_key = c.conversation_key
group by s.conversation_key

-- grain: one contact judged as a whole
-- key: conversation_key
-- clock: none
-- reads: _verdict, conversation
-- Scores are millionths of 0 to 1. A score without a number and with an author is an abstention.
select
    v.conversation_key,
    max(case when v.criterion = 'experience_score' then v.score_ppm end) as experience_ppm,
    max(case when v.criterion = 'experience_score' then v.assessor_kind end) as experience_by,
    max(case when v.criterion = 'relevance' then v.score_ppm end) as relevance_ppm,
    max(case when v.criterion = 'relevance' then v.assessor_kind end) as relevance_by,
    max(case when v.criterion = 'tone' then v.score_ppm end) as tone_ppm,
    max(case when v.criterion = 'tone' then v.assessor_kind end) as tone_by,
    max(case when v.criterion = 'professionalism' then v.score_ppm end) as professionalism_ppm,
    max(case when v.criterion = 'professionalism' then v.assessor_kind end) as professionalism_by,
    max(case when v.criterion = 'efficiency' then v.score_ppm end) as efficiency_ppm,
    max(case when v.criterion = 'efficiency' then v.assessor_kind end) as efficiency_by,
    max(case when v.criterion = 'clarity' then v.score_ppm end) as clarity_ppm,
    max(case when v.criterion = 'clarity' then v.assessor_kind end) as clarity_by,
    max(case when v.criterion = 'empathy' then v.score_ppm end) as empathy_ppm,
    max(case when v.criterion = 'empathy' then v.assessor_kind end) as empathy_by,
    max(case when v.criterion = 'csat_inferred' then v.score_ppm end) as csat_inferred_ppm,
    max(case when v.criterion = 'csat_inferred' then v.assessor_kind end) as csat_inferred_by,
    max(case when v.criterion = 'knowledge_gap' then v.score_ppm end) as knowledge_gap_ppm,
    max(case when v.criterion = 'knowledge_gap' then v.assessor_kind end) as knowledge_gap_by
from _verdict as v
inner join conversation as c on v.conversation_key = c.conversation_key
where
    v.message_key is null
    and v.stands
    and v.criterion in (
        'experience_score', 'relevance', 'tone', 'professionalism', 'efficiency', 'clarity', 'empathy', 'csat_inferred',
        'knowledge_gap'
    )
group by v.conversation_key

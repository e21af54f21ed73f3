-- grain: one contact judged as a whole
-- key: conversation_key
-- clock: none
-- reads: _verdict, _experience, conversation
-- Scores are millionths of 0 to 1. A score without a number and with an author is an abstention. People, models and
-- other code stand before the built-in experience score, which stands before vendors and customers.
with said as (
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
)

select
    coalesce(s.conversation_key, x.conversation_key) as conversation_key,
    case when x.conversation_key is null or s.experience_by in ('human', 'llm', 'code') then s.experience_ppm else x.experience_ppm end as experience_ppm,
    case when x.conversation_key is null or s.experience_by in ('human', 'llm', 'code') then s.experience_by else 'code' end as experience_by,
    case when x.conversation_key is null or s.relevance_by in ('human', 'llm', 'code') then s.relevance_ppm else x.relevance_ppm end as relevance_ppm,
    case when x.conversation_key is null or s.relevance_by in ('human', 'llm', 'code') then s.relevance_by else 'code' end as relevance_by,
    case when x.conversation_key is null or s.tone_by in ('human', 'llm', 'code') then s.tone_ppm else x.tone_ppm end as tone_ppm,
    case when x.conversation_key is null or s.tone_by in ('human', 'llm', 'code') then s.tone_by else 'code' end as tone_by,
    case when x.conversation_key is null or s.professionalism_by in ('human', 'llm', 'code') then s.professionalism_ppm else x.professionalism_ppm end as professionalism_ppm,
    case when x.conversation_key is null or s.professionalism_by in ('human', 'llm', 'code') then s.professionalism_by else 'code' end as professionalism_by,
    case when x.conversation_key is null or s.efficiency_by in ('human', 'llm', 'code') then s.efficiency_ppm else x.efficiency_ppm end as efficiency_ppm,
    case when x.conversation_key is null or s.efficiency_by in ('human', 'llm', 'code') then s.efficiency_by else 'code' end as efficiency_by,
    case when x.conversation_key is null or s.clarity_by in ('human', 'llm', 'code') then s.clarity_ppm else x.clarity_ppm end as clarity_ppm,
    case when x.conversation_key is null or s.clarity_by in ('human', 'llm', 'code') then s.clarity_by else 'code' end as clarity_by,
    case when x.conversation_key is null or s.empathy_by in ('human', 'llm', 'code') then s.empathy_ppm else x.empathy_ppm end as empathy_ppm,
    case when x.conversation_key is null or s.empathy_by in ('human', 'llm', 'code') then s.empathy_by else 'code' end as empathy_by,
    case when x.conversation_key is null or not x.has_csat_inferred or s.csat_inferred_by in ('human', 'llm', 'code') then s.csat_inferred_ppm else x.csat_inferred_ppm end
        as csat_inferred_ppm,
    case when x.conversation_key is null or not x.has_csat_inferred or s.csat_inferred_by in ('human', 'llm', 'code') then s.csat_inferred_by else 'code' end
        as csat_inferred_by,
    s.knowledge_gap_ppm,
    s.knowledge_gap_by
from said as s
full join _experience as x on s.conversation_key = x.conversation_key

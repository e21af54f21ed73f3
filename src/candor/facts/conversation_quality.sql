-- grain: one contact, in a workspace where contacts are judged as a whole
-- key: conversation_id
-- clock: started_at
-- reads: conversation, quality_mark
-- as: view
-- Every contact stands here, judged or not, so that who was not judged can be counted; nobody does while nothing is.
with scoring as (
    select count(*) as marks
    from quality_mark
)

select
    c.conversation_id,
    c.conversation_key,
    c.thread_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    c.started_at,
    c.engaged,
    c.is_inbound,
    c.ai_involved,
    c.human_involved,
    c.is_open,
    m.experience_ppm,
    m.experience_by,
    m.relevance_ppm,
    m.relevance_by,
    m.tone_ppm,
    m.tone_by,
    m.professionalism_ppm,
    m.professionalism_by,
    m.efficiency_ppm,
    m.efficiency_by,
    m.clarity_ppm,
    m.clarity_by,
    (m.relevance_ppm + m.tone_ppm + m.professionalism_ppm + m.efficiency_ppm + m.clarity_ppm) // 5
        as service_quality_ppm,
    coalesce(m.relevance_by, m.tone_by, m.professionalism_by, m.efficiency_by, m.clarity_by) is not null
        as has_service_scores,
    m.relevance_by is not null
    and m.tone_by is not null
    and m.professionalism_by is not null
    and m.efficiency_by is not null
    and m.clarity_by is not null as has_all_service_scores,
    m.empathy_ppm,
    m.empathy_by,
    m.csat_inferred_ppm,
    m.csat_inferred_by,
    c.csat_ppm,
    case m.knowledge_gap_ppm when 1000000 then true when 0 then false end as knowledge_gap,
    m.knowledge_gap_by,
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
from conversation as c
cross join scoring as s
left join quality_mark as m on c.conversation_key = m.conversation_key
where s.marks > 0

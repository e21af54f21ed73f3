-- grain: one verdict: a score or label given by a person, a model, code, a vendor or a customer
-- key: assessment_key
-- clock: occurred_at, up to as_of
-- reads: _opinion, _opinion_place, ev_assessment, conversation, setting, _calendar
-- Signals and scores of the built-in scorers stand here only where somebody else judged the same message or contact by
-- the same criterion, so that the two can be held against each other.
with judged_message as (
    select distinct p.message_key, p.conversation_key, o.criterion
    from _opinion as o
    inner join _opinion_place as p on o.event_key = p.event_key
    where o.criterion in ('reply_class', 'sentiment', 'rephrase', 'message_kind') and p.message_key is not null
),

judged_contact as (
    select distinct p.conversation_key, o.criterion
    from _opinion as o
    inner join _opinion_place as p on o.event_key = p.event_key
    where
        o.criterion in (
            'experience_score', 'resolution_quality', 'customer_sentiment', 'relevance', 'tone', 'professionalism',
            'efficiency', 'clarity', 'empathy', 'csat_inferred'
        )
        and o.message_id is null
        and o.handoff_id is null
        and p.conversation_key is not null
),

told as (
    select
        o.event_key,
        o.event_id,
        case
            when o.message_id is not null then coalesce('message:' || cast(p.message_key as varchar), 'message:' || o.message_id)
            when o.handoff_id is not null then 'handoff:' || o.handoff_id
            when p.conversation_key is not null then 'conversation:' || cast(p.conversation_key as varchar)
        end as item_id,
        p.message_key,
        p.conversation_key,
        o.occurred_at,
        o.assessor_kind,
        o.assessor_id,
        o.assessor_version,
        o.rubric,
        o.criterion,
        o.label,
        o.value_ppm,
        o.weight_ppm,
        o.sampling_ppm,
        o.is_blind,
        o.is_near_miss
    from _opinion as o
    left join _opinion_place as p on o.event_key = p.event_key
    union all
    select
        a.event_key,
        a.event_id,
        'message:' || cast(m.message_key as varchar) as item_id,
        m.message_key,
        m.conversation_key,
        a.occurred_at,
        a.assessor_kind,
        a.assessor_id,
        a.assessor_version,
        a.rubric,
        a.criterion,
        a.label,
        cast(floor(a.value * 1000000 + 0.5) as bigint) as value_ppm,
        cast(null as bigint) as weight_ppm,
        cast(null as bigint) as sampling_ppm,
        a.is_blind,
        a.is_near_miss
    from judged_message as m
    inner join ev_assessment as a
        on m.criterion = a.criterion and cast(m.message_key as varchar) = split_part(a.assessment_id, ':', 2)
    cross join setting as s
    where a.assessor_id = 'candor_signals' and a.occurred_at <= s.as_of_us
    union all
    select
        a.event_key,
        a.event_id,
        'conversation:' || cast(j.conversation_key as varchar) as item_id,
        cast(null as bigint) as message_key,
        j.conversation_key,
        a.occurred_at,
        a.assessor_kind,
        a.assessor_id,
        a.assessor_version,
        a.rubric,
        a.criterion,
        a.label,
        cast(floor(a.value * 1000000 + 0.5) as bigint) as value_ppm,
        cast(null as bigint) as weight_ppm,
        cast(null as bigint) as sampling_ppm,
        a.is_blind,
        a.is_near_miss
    from judged_contact as j
    inner join ev_assessment as a
        on j.criterion = a.criterion and cast(j.conversation_key as varchar) = split_part(a.assessment_id, ':', 2)
    cross join setting as s
    where a.assessor_id = 'candor_experience' and a.occurred_at <= s.as_of_us
)

select
    t.event_key as assessment_key,
    t.item_id,
    split_part(t.item_id, ':', 1) as item_kind,
    t.message_key,
    c.conversation_key,
    coalesce(c.person_key, t.event_key) as person_key,
    c.customer_known,
    coalesce(c.bucket, bucket200('assessment:' || cast(t.event_key as varchar))) as bucket,
    coalesce(c.day, k.day) as day,
    t.occurred_at,
    t.assessor_kind,
    t.assessor_id,
    t.assessor_version,
    t.rubric,
    t.criterion,
    t.label,
    t.value_ppm,
    t.label is null and t.value_ppm is null as is_abstained,
    t.is_blind,
    t.sampling_ppm,
    t.weight_ppm,
    t.is_near_miss,
    row_number() over (
        partition by coalesce(t.item_id, t.event_id), t.criterion, t.assessor_kind, t.assessor_id
        order by t.occurred_at desc, t.event_id
    ) = 1 as is_latest,
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
    coalesce(c.is_test, false) as is_test,
    coalesce(c.is_spam, false) as is_spam
from told as t
left join conversation as c on t.conversation_key = c.conversation_key
left join _calendar as k
    on t.occurred_at // 86400000000 = k.utc_day and t.occurred_at >= k.starts_at and t.occurred_at < k.ends_at
where coalesce(c.day, k.day) is not null

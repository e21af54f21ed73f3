-- grain: one survey
-- key: event_key
-- clock: answered_at, else asked_at, else occurred_at
-- reads: ev_survey, setting, _split
-- A survey belongs to the contact in which it was sent. An answer given after as_of is not known yet.
with told as (
    select
        v.event_key,
        v.survey_id,
        v.source,
        v.thread_key,
        v.customer_id,
        v.instrument,
        v.version,
        v.about,
        v.asked_at,
        v.occurred_at,
        v.scale_min,
        v.scale_max,
        case when v.answered_at <= s.as_of_us then v.answered_at end as answered_at,
        case when v.answered_at <= s.as_of_us or v.answered_at is null then v.score end as score
    from ev_survey as v
    cross join setting as s
    where v.occurred_at <= s.as_of_us
),

survey as (
    select
        v.event_key,
        v.survey_id,
        v.source,
        v.thread_key,
        v.customer_id,
        v.instrument,
        v.version,
        v.about,
        v.asked_at,
        v.answered_at,
        coalesce(v.answered_at, v.asked_at, v.occurred_at) as occurred_at,
        coalesce(v.asked_at, v.occurred_at) as sent_at,
        v.score,
        v.scale_min,
        v.scale_max
    from told as v
)

select
    v.event_key,
    v.survey_id,
    v.source,
    v.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    v.customer_id,
    v.instrument,
    v.version,
    v.about,
    v.asked_at,
    v.answered_at,
    v.occurred_at,
    v.score is not null as is_answered,
    case
        when v.score is null or v.scale_max <= v.scale_min then null
        when v.score < v.scale_min or v.score > v.scale_max then null
        else
            cast(floor((v.score - v.scale_min) * 1000000 + 0.5) as bigint) * 1000000
            // cast(floor((v.scale_max - v.scale_min) * 1000000 + 0.5) as bigint)
    end as score_ppm,
    case
        when v.score is null then null
        when v.score + v.score > v.scale_min + v.scale_max then 1
        when v.score + v.score < v.scale_min + v.scale_max then -1
        else 0
    end as side,
    case
        when v.instrument <> 'nps' or v.score is null or v.scale_min <> 0 or v.scale_max <> 10 then null
        when v.score >= 9 then 'promoter'
        when v.score >= 7 then 'passive'
        else 'detractor'
    end as nps_class
from survey as v
left join _split as p
    on v.thread_key = p.thread_key and v.sent_at >= p.from_at and v.sent_at < p.until_at

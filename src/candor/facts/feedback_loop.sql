-- grain: one negative feedback on the AI, in a workspace that records changes of its knowledge
-- key: feedback_key
-- clock: the instant of the feedback, up to as_of
-- reads: message_line, survey, ev_survey, conversation, _gap, ev_knowledge_change, ev_coverage, setting, _calendar
-- A thumbs-down on an AI message, or an answered satisfaction survey below the middle of its scale after a contact with
-- AI. It was answered by the first change of the knowledge, at or after it, that names it or closes a gap its thread
-- belongs to. Without one it is followed as far as the sources of changes were read.
with change as (
    select
        e.knowledge_id,
        e.feedback_id,
        e.closes_gap_id,
        e.source,
        e.occurred_at
    from ev_knowledge_change as e
    cross join setting as s
    where e.occurred_at <= s.as_of_us
),

tracking as (
    select least(s.as_of_us, max(coalesce(v.covered_until, h.occurred_at))) as known_until
    from change as h
    cross join setting as s
    left join ev_coverage as v on h.source = v.source
    group by s.as_of_us
),

feedback as (
    select
        m.message_key as feedback_key,
        m.message_id as feedback_id,
        'message' as kind,
        m.conversation_key,
        m.occurred_at
    from message_line as m
    where m.feedback = 'negative'
    union all
    select
        v.event_key as feedback_key,
        v.survey_id as feedback_id,
        'survey' as kind,
        v.conversation_key,
        coalesce(e.answered_at, e.asked_at, e.occurred_at) as occurred_at
    from survey as v
    inner join ev_survey as e on v.event_key = e.event_key
    where v.instrument = 'csat' and v.answered and v.score_ppm < 500000 and v.path in ('ai_only', 'hybrid')
),

gap_thread as (
    select g.gap_id, unnest(g.thread_ids) as thread_id
    from _gap as g
),

answer as (
    select f.feedback_key, h.occurred_at
    from feedback as f
    inner join change as h on f.feedback_id = h.feedback_id
    where h.occurred_at >= f.occurred_at
    union all
    select f.feedback_key, h.occurred_at
    from feedback as f
    inner join conversation as c on f.conversation_key = c.conversation_key
    inner join gap_thread as g on c.thread_id = g.thread_id
    inner join change as h on g.gap_id = h.closes_gap_id
    where h.occurred_at >= f.occurred_at
),

answered as (
    select a.feedback_key, min(a.occurred_at) as changed_at
    from answer as a
    group by a.feedback_key
)

select
    f.feedback_key,
    f.feedback_id,
    f.kind,
    c.conversation_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    k.day,
    f.occurred_at,
    a.changed_at,
    a.changed_at is not null as is_answered,
    a.changed_at - f.occurred_at as delay_us,
    greatest(coalesce(a.changed_at, t.known_until) - f.occurred_at, 0) as at_risk_us,
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
from feedback as f
cross join tracking as t
inner join conversation as c on f.conversation_key = c.conversation_key
inner join _calendar as k
    on f.occurred_at // 86400000000 = k.utc_day and f.occurred_at >= k.starts_at and f.occurred_at < k.ends_at
left join answered as a on f.feedback_key = a.feedback_key

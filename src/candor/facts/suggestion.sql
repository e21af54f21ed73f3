-- grain: one suggestion shown to a human agent
-- key: suggestion_id
-- clock: occurred_at, up to as_of
-- reads: ev_suggestion, setting, _split, conversation, _calendar, human_agent
-- true_outcome: the conversation was neither contradicted nor followed by a return within 72 h.
with shown as (
    select
        g.event_key,
        g.suggestion_id,
        g.thread_key,
        coalesce(p.conversation_no, 1) as conversation_no,
        g.occurred_at,
        g.human_agent_id,
        g.kind,
        g.decision,
        g.confidence,
        g.retained_share,
        g.decided_at
    from ev_suggestion as g
    cross join setting as s
    left join _split as p
        on g.thread_key = p.thread_key and g.occurred_at >= p.from_at and g.occurred_at < p.until_at
    where g.occurred_at <= s.as_of_us
)

select
    g.suggestion_id,
    g.event_key,
    c.conversation_key,
    coalesce(c.person_key, key60(g.human_agent_id)) as person_key,
    coalesce(c.bucket, bucket200(g.human_agent_id)) as bucket,
    k.day,
    g.occurred_at,
    g.human_agent_id,
    h.team,
    case when k.day >= h.started_day then k.day - h.started_day end as tenure_days,
    g.kind,
    g.decision,
    g.decision in ('accepted', 'edited') as is_accepted,
    g.decision = 'edited' as is_edited,
    cast(floor(g.confidence * 1000000 + 0.5) as bigint) as confidence_ppm,
    cast(floor(g.retained_share * 1000000 + 0.5) as bigint) as retained_ppm,
    case when not coalesce(c.is_synthetic_time, false) and g.decided_at >= g.occurred_at then g.decided_at - g.occurred_at end
        as decision_us,
    case
        when c.conversation_key is null then null
        when c.contradicted or c.returned_72h then false
        when not c.returned_72h then true
    end as true_outcome,
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
from shown as g
left join conversation as c on g.thread_key = c.thread_key and g.conversation_no = c.conversation_no
left join human_agent as h on g.human_agent_id = h.human_agent_id
left join _calendar as k
    on g.occurred_at // 86400000000 = k.utc_day and g.occurred_at >= k.starts_at and g.occurred_at < k.ends_at

-- grain: one conversation
-- key: conversation_key
-- clock: started_at
-- reads: _base, _calendar, _monitored, _agent_live, _intent_live, intent
-- as: columns
-- What the calendar, the policy of intents and the life of AI agents say of it: few columns, so that these small
-- joins carry little.
select
    b.conversation_key,
    k.day,
    i.kind as intent_kind,
    i.risk as intent_risk,
    i.complexity as intent_complexity,
    coalesce(i.is_automatable, true) as is_automatable,
    i.intent_id is not null as has_intent_policy,
    m.since as monitored_since,
    l.live_at as agent_live_at,
    v.live_at as intent_live_at
from _base as b
left join _calendar as k
    on b.started_at // 86400000000 = k.utc_day and b.started_at >= k.starts_at and b.started_at < k.ends_at
left join intent as i on b.intent_id = i.intent_id
left join _monitored as m on coalesce(b.ai_agent_id, '') = m.agent and b.ai_messages > 0
left join _agent_live as l on b.ai_agent_id = l.agent
left join _intent_live as v on b.intent_id = v.intent_id

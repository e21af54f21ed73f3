-- grain: one survey
-- key: survey_id
-- clock: answered_at, else asked_at, else occurred_at
-- reads: _survey_line, conversation, _person, _calendar
select
    v.survey_id,
    v.event_key,
    c.conversation_key,
    coalesce(c.person_key, n.person_key, v.event_key) as person_key,
    coalesce(c.bucket, n.bucket, bucket200('survey:' || v.survey_id)) as bucket,
    k.day,
    v.instrument,
    v.version,
    v.about,
    v.asked_at is not null or v.is_answered as asked,
    v.is_answered as answered,
    v.score_ppm,
    v.nps_class,
    case when not coalesce(c.is_synthetic_time, false) and v.answered_at >= v.asked_at then v.answered_at - v.asked_at end
        as answer_us,
    coalesce(c.source, v.source) as source,
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
from _survey_line as v
left join conversation as c on v.thread_key = c.thread_key and v.conversation_no = c.conversation_no
left join _person as n on v.customer_id = n.customer_id
left join _calendar as k
    on v.occurred_at // 86400000000 = k.utc_day and v.occurred_at >= k.starts_at and v.occurred_at < k.ends_at

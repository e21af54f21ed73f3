-- grain: one conversation
-- key: conversation_key
-- clock: first_at, up to as_of
-- reads: _slot, _thread, _contact, _reply, _ending, _predicted, _person, setting
-- as: columns
-- aligned: b
with contact as (
    select
        b.thread_key,
        b.conversation_no,
        case
            when b.conversation_no = 1 then b.thread_key
            else key60(t.thread_id || '#' || cast(b.conversation_no as varchar))
        end as conversation_key,
        t.customer_id,
        t.ai_agent_id,
        t.channel,
        t.is_synthetic_time,
        t.gap_us,
        t.covered_until,
        coalesce(t.intent_id, d.intent_id) as intent_id,
        coalesce(t.intent_id, d.intent_id) is not null as has_intent,
        coalesce(c.first_at, t.started_at) as started_at,
        c.last_at as last_activity_at,
        c.first_human_at,
        coalesce(c.ai_messages, 0) as ai_messages,
        e.closed_at,
        r.first_contact_at,
        r.contact_code,
        r.last_contact_at
    from _slot as b
    inner join _thread as t on b.thread_key = t.thread_key
    left join _contact as c on b.thread_key = c.thread_key and b.conversation_no = c.conversation_no
    left join _reply as r on b.thread_key = r.thread_key and b.conversation_no = r.conversation_no
    left join _ending as e on b.thread_key = e.thread_key and b.conversation_no = e.conversation_no
    left join _predicted as d on b.thread_key = d.thread_key and b.conversation_no = d.conversation_no
)

select
    b.thread_key,
    b.conversation_no,
    b.conversation_key,
    coalesce(n.person_key, b.conversation_key) as person_key,
    n.person_key is not null as customer_known,
    n.bucket,
    b.channel,
    b.ai_agent_id,
    b.is_synthetic_time,
    b.intent_id,
    b.has_intent,
    b.started_at,
    b.last_activity_at,
    b.first_human_at,
    b.ai_messages,
    b.closed_at,
    case
        when b.closed_at is not null and b.closed_at < b.last_activity_at + b.gap_us then b.closed_at
        when b.last_activity_at + b.gap_us <= least(s.as_of_us, b.covered_until) then b.last_activity_at + b.gap_us
        else b.closed_at
    end as ended_at,
    b.first_contact_at,
    b.contact_code,
    b.last_contact_at
from contact as b
cross join setting as s
left join _person as n on b.customer_id = n.customer_id

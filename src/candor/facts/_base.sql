-- grain: one conversation
-- key: conversation_key
-- clock: first_at, up to as_of
-- reads: _thread, _contact, _reply, _ending, _predicted, _person, setting
-- A thread without any public message is one conversation that nobody joined.
with contact as (
    select
        t.thread_key,
        coalesce(c.conversation_no, 1) as conversation_no,
        case
            when coalesce(c.conversation_no, 1) = 1 then t.thread_key
            else key60(t.thread_id || '#' || cast(c.conversation_no as varchar))
        end as conversation_key,
        t.customer_id,
        t.channel,
        t.is_synthetic_time,
        t.gap_us,
        t.covered_until,
        coalesce(t.intent_id, d.intent_id) as intent_id,
        coalesce(t.intent_id, d.intent_id) is not null as has_intent,
        coalesce(c.first_at, t.started_at) as started_at,
        c.last_at as last_activity_at,
        c.first_human_at,
        e.closed_at,
        r.first_contact_at,
        r.contact_code,
        r.last_contact_at
    from _thread as t
    left join _contact as c on t.thread_key = c.thread_key
    left join _reply as r on c.thread_key = r.thread_key and c.conversation_no = r.conversation_no
    left join _ending as e
        on t.thread_key = e.thread_key and coalesce(c.conversation_no, 1) = e.conversation_no
    left join _predicted as d
        on t.thread_key = d.thread_key and coalesce(c.conversation_no, 1) = d.conversation_no
)

select
    b.thread_key,
    b.conversation_no,
    b.conversation_key,
    coalesce(n.person_key, b.conversation_key) as person_key,
    n.person_key is not null as customer_known,
    n.bucket,
    b.channel,
    b.is_synthetic_time,
    b.intent_id,
    b.has_intent,
    b.started_at,
    b.last_activity_at,
    b.first_human_at,
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

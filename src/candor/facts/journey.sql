-- grain: stitched contacts of one person about one issue with gaps under 7 d
-- key: journey_id
-- clock: first_at; windows count from the first contact's last activity
-- reads: _journey_step, _journey_contact, _outcome
-- Only conversations with a customer message are contacts. Most journeys have one contact, which is its first
-- and its last: only the others are summed and joined to their last contact.
with several as (
    select
        t.journey_no,
        t.issue_key,
        count(t.conversation_key) as contacts,
        count(distinct t.channel) as channels,
        max(t.last_activity_at) as last_at,
        max(case when t.ai_messages > 0 then 1 else 0 end) as has_ai,
        max(case when t.human_messages > 0 then 1 else 0 end) as has_human,
        max(case when t.from_start = 1 then t.conversation_key end) as first_key,
        max(case when t.from_end = 1 then t.conversation_key end) as last_key
    from _journey_step as t
    where t.from_start > 1 or t.from_end > 1
    group by t.issue_key, t.journey_no
),

finished as (
    select
        v.first_key,
        e.channel as last_channel,
        e.path as path_last,
        e.resolved_at_last
    from several as v
    inner join _journey_contact as e on v.last_key = e.conversation_key
),

spanned as (
    select v.first_key, v.contacts, v.channels, v.last_at, v.has_ai, v.has_human
    from several as v
    union all
    select
        t.conversation_key as first_key,
        1 as contacts,
        case when t.channel is null then 0 else 1 end as channels,
        t.last_activity_at as last_at,
        case when t.ai_messages > 0 then 1 else 0 end as has_ai,
        case when t.human_messages > 0 then 1 else 0 end as has_human
    from _journey_step as t
    where t.from_start = 1 and t.from_end = 1
)

select
    f.conversation_id as journey_id,
    f.conversation_key as journey_key,
    f.person_key,
    f.customer_known,
    f.bucket,
    f.day,
    f.started_at as first_at,
    m.last_at,
    m.contacts,
    m.channels,
    f.channel <> case when e.first_key is null then f.channel else e.last_channel end as channel_switched,
    case when e.first_key is null then f.channel else e.last_channel end as last_channel,
    a.returned_3d as repeat_3d,
    f.returned_7d as repeat_7d,
    case when e.first_key is null then f.resolved_at_last else e.resolved_at_last end as resolved_at_last,
    f.path as path_first,
    case when e.first_key is null then f.path else e.path_last end as path_last,
    case
        when m.has_ai = 1 and m.has_human = 1 then 'hybrid'
        when m.has_ai = 1 then 'ai_only'
        when m.has_human = 1 then 'human_only'
        else 'none'
    end as path,
    case when not f.is_synthetic_time then m.last_at - f.started_at end as journey_us,
    f.source,
    f.channel,
    f.direction,
    f.language,
    f.region,
    f.customer_segment,
    f.brand,
    f.entry_point,
    f.intent_id,
    f.ai_agent_id,
    f.release,
    f.priority,
    f.is_test,
    f.is_spam,
    f.is_inbound,
    f.is_synthetic_time
from _journey_contact as f
inner join spanned as m on f.conversation_key = m.first_key
inner join _outcome as a on f.conversation_key = a.conversation_key
left join finished as e on f.conversation_key = e.first_key

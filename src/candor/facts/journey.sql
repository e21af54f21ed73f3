-- grain: stitched contacts of one person about one issue with gaps under 7 d
-- key: journey_id
-- clock: first_at; windows count from the first contact's last activity
-- reads: _journey_step, conversation, _outcome
-- Only conversations with a customer message are contacts.
with summed as (
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
    group by t.issue_key, t.journey_no
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
    f.channel <> e.channel as channel_switched,
    e.channel as last_channel,
    a.returned_3d as repeat_3d,
    a.returned_7d as repeat_7d,
    case
        when e.contradicted or e.returned_72h then false
        when e.system_verdict = 'confirms' then case when not e.is_open then true end
        when e.explicit_feedback = 'neg' or e.abandoned or e.ended_negative or e.rage_quit then false
        when e.is_open or e.forced_termination is null or e.forced_termination then null
        when e.confirmed then true
        when e.reply_class is null then null
        when e.answered and not e.returned_72h then true
    end as resolved_at_last,
    f.path as path_first,
    e.path as path_last,
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
from summed as m
inner join conversation as f on m.first_key = f.conversation_key
inner join conversation as e on m.last_key = e.conversation_key
inner join _outcome as a on m.first_key = a.conversation_key

-- grain: one handoff inside a conversation
-- key: handoff_id
-- clock: occurred_at
-- reads: _transfer, _carrying, _takeover, _label, conversation, _calendar
-- Two sources may use the same handoff_id: event_key tells them apart.
with labelled as (
    select
        a.handoff_id,
        a.thread_key,
        a.criterion,
        a.label,
        row_number() over (
            partition by a.handoff_id, a.thread_key, a.criterion
            order by
                case when a.assessor_kind = 'human' then 0 else 1 end,
                length(a.assessor_version) desc,
                a.assessor_version desc,
                a.event_id
        ) as place
    from _label as a
    where
        a.handoff_id is not null
        and a.label in ('true', 'false')
        and a.criterion in ('needs_human', 'repeat_asked')
),

verdict as (
    select
        v.handoff_id,
        v.thread_key,
        max(case when v.criterion = 'needs_human' then v.label end) as needs_human,
        max(case when v.criterion = 'repeat_asked' then v.label end) as repeat_asked
    from labelled as v
    where v.place = 1
    group by v.handoff_id, v.thread_key
),

ordered as (
    select
        t.event_key,
        t.handoff_id,
        t.thread_key,
        t.conversation_no,
        t.occurred_at,
        t.from_actor,
        t.to_actor,
        t.to_queue,
        t.reason,
        t.is_ai_to_human,
        t.is_failed,
        t.is_planned,
        t.accepted_at,
        t.has_context,
        t.source,
        row_number() over (
            partition by t.thread_key, t.conversation_no order by t.occurred_at, t.event_key
        ) as handoff_no,
        count(case when not t.is_failed then 1 end) over (
            partition by t.thread_key, t.conversation_no
            order by t.occurred_at, t.event_key
            rows between 1 following and unbounded following
        ) as later_transfers
    from _transfer as t
)

select
    h.handoff_id,
    h.event_key,
    c.conversation_key,
    c.thread_key,
    c.person_key,
    c.bucket,
    k.day,
    h.occurred_at,
    h.from_actor,
    h.to_actor,
    h.to_queue,
    h.reason,
    h.is_ai_to_human,
    not h.is_failed as is_executed,
    h.is_failed,
    h.is_planned,
    case
        when h.reason is null then null
        when h.reason not in ('low_confidence', 'sentiment', 'policy') then false
        else coalesce(c.human_requested_at > h.occurred_at, c.human_requested_at is null)
    end as is_proactive,
    coalesce(
        case v.needs_human when 'true' then true when 'false' then false end,
        c.needs_human
    ) as needs_human,
    h.accepted_at,
    case
        when c.is_synthetic_time then null
        when coalesce(h.accepted_at, u.first_at) >= h.occurred_at
            then coalesce(h.accepted_at, u.first_at) - h.occurred_at
    end as wait_us,
    u.first_at is not null as human_took_over,
    case
        when c.is_synthetic_time then null
        when c.closed_at >= coalesce(h.accepted_at, h.occurred_at)
            then c.closed_at - coalesce(h.accepted_at, h.occurred_at)
    end as resolved_after_us,
    case when y.source is not null then h.has_context end as context_passed,
    case v.repeat_asked when 'true' then true when 'false' then false end as repeat_asked,
    h.later_transfers > 0 as is_retransferred,
    cast(h.handoff_no as integer) as handoff_no,
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
from ordered as h
inner join conversation as c on h.thread_key = c.thread_key and h.conversation_no = c.conversation_no
left join _carrying as y on h.source = y.source
left join verdict as v
    on h.handoff_id = v.handoff_id and h.thread_key = v.thread_key
left join _takeover as u on h.event_key = u.event_key
left join _calendar as k
    on h.occurred_at // 86400000000 = k.utc_day and h.occurred_at >= k.starts_at and h.occurred_at < k.ends_at

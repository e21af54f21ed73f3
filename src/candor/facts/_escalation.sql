-- grain: one contact with a handoff
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _transfer, _action
with ordered as (
    select
        t.thread_key,
        t.conversation_no,
        t.from_actor,
        t.to_actor,
        lag(t.from_actor) over (
            partition by t.thread_key, t.conversation_no order by t.occurred_at, t.event_key
        ) as previous_from,
        lag(t.to_actor) over (
            partition by t.thread_key, t.conversation_no order by t.occurred_at, t.event_key
        ) as previous_to
    from _transfer as t
    where not t.is_failed
),

ping_pong as (
    select distinct o.thread_key, o.conversation_no
    from ordered as o
    where o.from_actor = o.previous_to and o.to_actor = o.previous_from
),

handed as (
    select
        t.thread_key,
        t.conversation_no,
        count(t.event_key) as handoffs,
        count(case when not t.is_failed then 1 end) as transfers,
        min(case when t.is_ai_to_human then t.occurred_at end) as escalation_attempt_at,
        min(case when t.is_ai_to_human and not t.is_failed then t.occurred_at end) as escalated_at,
        nullif(
            arg_min(coalesce(t.reason, ''), (t.occurred_at, t.event_key))
                filter (where t.is_ai_to_human and not t.is_failed),
            ''
        ) as escalation_reason,
        min(case when t.is_ai_to_human and not t.is_failed and t.is_planned then t.occurred_at end)
            as planned_at,
        max(case when not t.is_failed and t.is_planned then t.occurred_at end) as last_planned_at,
        min(case when t.reason = 'customer_request' then t.occurred_at end) as requested_at,
        max(case when t.is_ai_to_human and not t.is_failed then t.accepted_at end) as last_accepted_at,
        max(case when t.is_ai_to_human and not t.is_failed and t.accepted_at is null then t.occurred_at end)
            as last_unaccepted_at,
        arg_min(t.reason, (t.occurred_at, t.event_key))
            filter (where t.reason in ('usage_limit', 'out_of_hours')) as blocked_reason
    from _transfer as t
    group by t.thread_key, t.conversation_no
),

prepared as (
    select a.thread_key, min(a.first_success_at) as first_success_at
    from _action as a
    group by a.thread_key
)

select
    h.thread_key,
    h.conversation_no,
    h.handoffs,
    h.transfers,
    h.escalation_attempt_at,
    h.escalated_at,
    h.escalation_reason,
    h.planned_at = h.escalated_at as is_planned_handoff,
    coalesce(h.last_planned_at > a.first_success_at, false) as planned_handoff_done,
    h.requested_at,
    h.blocked_reason,
    h.last_accepted_at,
    h.last_unaccepted_at,
    g.thread_key is not null as is_ping_pong
from handed as h
left join prepared as a on h.thread_key = a.thread_key
left join ping_pong as g on h.thread_key = g.thread_key and h.conversation_no = g.conversation_no

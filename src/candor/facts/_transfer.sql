-- grain: one handoff, executed or failed
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_handoff, setting, _split
select
    h.event_key,
    h.handoff_id,
    h.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    h.occurred_at,
    h.from_actor,
    h.to_actor,
    h.to_queue,
    h.reason,
    h.is_planned,
    h.is_failed,
    case when h.accepted_at <= s.as_of_us then h.accepted_at end as accepted_at,
    h.context is not null and h.context not in ('', '{}', 'null') as has_context,
    h.source,
    h.from_actor = 'ai_agent' and h.to_actor <> 'ai_agent' as is_ai_to_human
from ev_handoff as h
cross join setting as s
left join _split as p
    on h.thread_key = p.thread_key and h.occurred_at >= p.from_at and h.occurred_at < p.until_at
where h.occurred_at <= s.as_of_us

-- grain: one verdict on a thread, message or handoff that is not a message signal of the built-in scorer
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_assessment, setting, _split
select
    a.event_key,
    a.event_id,
    a.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    a.handoff_id,
    a.assessor_kind,
    a.assessor_version,
    a.criterion,
    lower(a.label) as label,
    a.is_near_miss
from ev_assessment as a
cross join setting as s
left join _split as p
    on a.thread_key = p.thread_key and a.occurred_at >= p.from_at and a.occurred_at < p.until_at
where a.assessor_id not in ('candor_signals', 'candor_experience') and a.thread_key is not null and a.occurred_at <= s.as_of_us

-- grain: one verdict on a message by another author than the built-in scorer
-- key: event_id
-- clock: occurred_at, up to as_of
-- reads: ev_assessment, setting
select
    a.event_id,
    a.message_id,
    a.thread_key,
    a.assessor_kind,
    a.assessor_version,
    a.criterion,
    a.label,
    a.value
from ev_assessment as a
cross join setting as s
where
    a.assessor_id <> 'candor_signals'
    and a.criterion in ('reply_class', 'sentiment', 'rephrase')
    and a.message_id is not null
    and a.occurred_at <= s.as_of_us

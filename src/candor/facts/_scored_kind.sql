-- grain: one message whose kind the built-in scorer judged
-- key: message_key
-- clock: none
-- reads: ev_assessment, _scorer
-- A step of its own, so that the engine knows before any join that there are few, or none. The message is found by
-- the event key in the assessment's id.
select
    cast(split_part(a.assessment_id, ':', 2) as bigint) as message_key,
    a.label
from ev_assessment as a
inner join _scorer as n on a.assessor_version = n.assessor_version
where a.assessor_id = 'candor_signals' and a.criterion = 'message_kind' and a.label is not null

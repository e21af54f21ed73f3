-- grain: one verdict by another author than the built-in scorer
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_assessment, setting
-- A step of its own, so that the engine knows before any join that there are few, or none.
-- score_ppm: a label true or false counts as 1 or 0; else a value between 0 and 1; else null (abstained, or on
-- another scale). weight_ppm: how many items a sampled one stands for; null where its chance was not recorded.
select
    a.event_key,
    a.event_id,
    a.source,
    a.thread_key,
    a.message_id,
    a.handoff_id,
    a.occurred_at,
    a.assessor_kind,
    cast(
        case a.assessor_kind when 'human' then 0 when 'llm' then 1 when 'code' then 2 when 'vendor' then 3 else 4 end
        as tinyint
    ) as strength,
    a.assessor_id,
    a.assessor_version,
    a.rubric,
    a.criterion,
    a.label,
    case
        when lower(a.label) = 'true' then 1000000
        when lower(a.label) = 'false' then 0
        when a.value >= 0 and a.value <= 1 then cast(floor(a.value * 1000000 + 0.5) as bigint)
    end as score_ppm,
    case
        when a.value >= -1000000000 and a.value <= 1000000000 then cast(floor(a.value * 1000000 + 0.5) as bigint)
    end as value_ppm,
    case
        when a.sampling_probability >= 0.000001
            then 1000000000000 // cast(floor(a.sampling_probability * 1000000 + 0.5) as bigint)
    end as weight_ppm,
    cast(floor(a.sampling_probability * 1000000 + 0.5) as bigint) as sampling_ppm,
    a.is_blind,
    a.is_near_miss
from ev_assessment as a
cross join setting as s
where a.assessor_id not in ('candor_signals', 'candor_experience') and a.occurred_at <= s.as_of_us

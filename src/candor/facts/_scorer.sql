-- grain: the newest version of the built-in scorer (one row, or none)
-- key: assessor_version
-- clock: none
-- reads: ev_assessment
-- Versions are counted up, so the longer one is newer, and of equal length the greater one.
with version as (
    select distinct a.assessor_version
    from ev_assessment as a
    where a.assessor_id = 'candor_signals'
),

longest as (
    select max(length(v.assessor_version)) as digits
    from version as v
)

select max(v.assessor_version) as assessor_version
from version as v
inner join longest as g on length(v.assessor_version) = g.digits

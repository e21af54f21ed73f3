-- grain: one reporting day that overlaps one UTC day
-- key: utc_day, day
-- clock: none
-- reads: calendar_day
-- A local day of 25 h may touch three UTC days. Lets an instant find its reporting day by an equality and a short range.
with offset_day as (
    select 0 as step
    union all
    select 1 as step
    union all
    select 2 as step
)

select
    c.starts_at // 86400000000 + o.step as utc_day,
    c.day,
    c.starts_at,
    c.ends_at
from calendar_day as c
cross join offset_day as o
where (c.ends_at - 1) // 86400000000 >= c.starts_at // 86400000000 + o.step

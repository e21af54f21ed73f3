-- grain: the whole data set (one row)
-- key: none
-- clock: none
-- reads: ev_confirmation
-- Whether any system reports each kind of harm: without one, its absence says nothing.
select
    count(case when c.kind = 'complaint' then 1 end) > 0 as knows_complaints,
    count(case when c.kind = 'dispute' then 1 end) > 0 as knows_disputes,
    count(case when c.kind = 'case_reversed' then 1 end) > 0 as knows_reversals,
    count(case when c.kind in ('account_closed', 'churn') then 1 end) > 0 as knows_closures
from ev_confirmation as c

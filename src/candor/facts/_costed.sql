-- grain: one contact with a cost
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_cost, setting, _split
select
    c.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    cast(case when min(c.currency) = max(c.currency) then sum(c.amount) end as decimal(18, 6)) as cost_amount,
    case when min(c.currency) = max(c.currency) then min(c.currency) end as cost_currency,
    cast(
        sum(case when c.kind = 'human_minutes' then cast(floor(c.quantity * 1000000 + 0.5) as bigint) end)
        * cast(0.000001 as decimal(18, 6)) as decimal(18, 6)
    ) as human_minutes
from ev_cost as c
cross join setting as s
left join _split as p
    on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
where c.thread_key is not null and c.occurred_at <= s.as_of_us
group by c.thread_key, coalesce(p.conversation_no, 1)

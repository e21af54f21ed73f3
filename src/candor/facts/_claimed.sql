-- grain: one contact with a vendor's claim
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_claim, setting, _split
-- A claim belongs to the contact that was running, or the last one before it; the latest claim stands,
-- also where it does not say whether it is billable (arg_max alone would pass over a null).
select
    c.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    arg_max(c.claimed, (c.occurred_at, c.event_key)) as claimed,
    case
        arg_max(
            case when c.is_billable then 1 when not c.is_billable then 0 else 2 end, (c.occurred_at, c.event_key)
        )
        when 1 then true
        when 0 then false
    end as claim_is_billable
from ev_claim as c
cross join setting as s
left join _split as p
    on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
where c.occurred_at <= s.as_of_us
group by c.thread_key, coalesce(p.conversation_no, 1)

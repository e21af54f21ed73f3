-- grain: one contact with a vendor's claim
-- key: thread_key, conversation_no
-- clock: occurred_at, up to as_of
-- reads: ev_claim, setting, _split
-- A claim belongs to the contact that was running, or the last one before it; the latest claim stands.
select
    c.thread_key,
    coalesce(p.conversation_no, 1) as conversation_no,
    arg_max(c.claimed, (c.occurred_at, c.event_key)) as claimed,
    arg_max(c.is_billable, (c.occurred_at, c.event_key)) as claim_is_billable
from ev_claim as c
cross join setting as s
left join _split as p
    on c.thread_key = p.thread_key and c.occurred_at >= p.from_at and c.occurred_at < p.until_at
where c.occurred_at <= s.as_of_us
group by c.thread_key, coalesce(p.conversation_no, 1)

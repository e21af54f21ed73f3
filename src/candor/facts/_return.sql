-- grain: one conversation that was followed by a contact about the same issue
-- key: conversation_key
-- clock: last_activity_at
-- reads: _base, _split, _link
-- Ends and contacts of one person and issue are put on one line of time; from an end, the next contact on the
-- line is the return. At equal times contacts stand before ends, so a return lies strictly after the end.
-- A contact is packed as time x 2^60 + conversation_key: the smallest is the earliest, without ties.
-- A contact on another channel that was already running counts with its last message that is more than thanks.
with repeated as (
    select b.person_key, b.intent_id
    from _base as b
    where b.customer_known and b.intent_id is not null
    group by b.person_key, b.intent_id
    having count(*) > 1
),

member as (
    select
        b.person_key,
        b.intent_id,
        b.conversation_key,
        b.last_activity_at,
        b.first_contact_at,
        b.last_contact_at
    from _base as b
    inner join repeated as r on b.person_key = r.person_key and b.intent_id = r.intent_id
    where b.customer_known and not b.is_synthetic_time
),

line as (
    select a.person_key, a.intent_id, a.conversation_key, a.last_activity_at as occurred_at, 1 as place
    from member as a
    where a.last_activity_at is not null
    union all
    select f.person_key, f.intent_id, f.conversation_key, f.first_contact_at as occurred_at, 0 as place
    from member as f
    where f.first_contact_at is not null
    union all
    select g.person_key, g.intent_id, g.conversation_key, g.last_contact_at as occurred_at, 0 as place
    from member as g
    where g.last_contact_at > g.first_contact_at
),

followed as (
    select
        l.conversation_key,
        l.place,
        min(
            case
                when l.place = 0
                    then cast(l.occurred_at as hugeint) * 1152921504606846976 + l.conversation_key
            end
        ) over (
            partition by l.person_key, l.intent_id
            order by l.occurred_at, l.place, l.conversation_key
            rows between current row and unbounded following
        ) as packed
    from line as l
),

in_thread as (
    select
        b.conversation_key,
        min(cast(b.first_contact_at as hugeint) * 1152921504606846976 + b.conversation_key) over (
            partition by b.thread_key
            order by b.conversation_no
            rows between 1 following and unbounded following
        ) as packed
    from _base as b
    inner join _split as p on b.thread_key = p.thread_key and b.conversation_no = p.conversation_no
),

linked as (
    select
        b.conversation_key,
        min(cast(o.first_contact_at as hugeint) * 1152921504606846976 + o.conversation_key) as packed
    from _link as k
    inner join _base as b on k.thread_key = b.thread_key
    inner join _base as o on k.other_key = o.thread_key
    where o.first_contact_at > b.last_activity_at and not o.is_synthetic_time
    group by b.conversation_key
),

candidate as (
    select i.conversation_key, i.packed, i.packed as thread_packed
    from in_thread as i
    union all
    select k.conversation_key, k.packed, null as thread_packed
    from linked as k
    union all
    select f.conversation_key, f.packed, null as thread_packed
    from followed as f
    where f.place = 1
),

first_return as (
    select
        c.conversation_key,
        min(c.packed) as packed,
        min(c.thread_packed) as thread_packed
    from candidate as c
    where c.packed is not null
    group by c.conversation_key
)

select
    r.conversation_key,
    b.conversation_key as return_key,
    cast(r.packed // 1152921504606846976 as bigint) as return_at,
    cast(r.thread_packed // 1152921504606846976 as bigint) as thread_return_at,
    b.channel as return_channel,
    case b.contact_code when 3 then 'follow_up' when 4 then 'negative' when 5 then 'asks_human' end as return_class
from first_return as r
inner join _base as b on cast(r.packed % 1152921504606846976 as bigint) = b.conversation_key

-- grain: one conversation that was followed by a contact of the person in another thread, not comparable by issue
-- key: conversation_key
-- clock: last_activity_at
-- reads: _base
-- Line 1: ends without an intent against every contact. Line 2: ends with one against contacts without.
-- Line 3: every end against human replies. From an end, the first following entry of another thread counts:
-- either the next entry, or, when that lies in the same thread, the next change of thread after it.
with person as (
    select
        b.person_key,
        count(case when b.intent_id is null then 1 end) as unknown_issues,
        count(b.first_human_at) as human_replies
    from _base as b
    where b.customer_known
    group by b.person_key
    having min(b.thread_key) <> max(b.thread_key)
),

member as (
    select
        b.person_key,
        b.thread_key,
        b.conversation_key,
        b.intent_id is null as is_unknown,
        b.last_activity_at,
        b.first_contact_at,
        b.first_human_at,
        n.unknown_issues,
        n.human_replies
    from _base as b
    inner join person as n on b.person_key = n.person_key
    where b.customer_known and not b.is_synthetic_time and (n.unknown_issues > 0 or n.human_replies > 0)
),

entry as (
    select
        a.person_key,
        a.thread_key,
        a.conversation_key,
        case when a.is_unknown then 1 else 2 end as line_no,
        1 as place,
        a.last_activity_at as occurred_at
    from member as a
    where a.last_activity_at is not null and a.unknown_issues > 0
    union all
    select
        c.person_key, c.thread_key, c.conversation_key, 1 as line_no, 0 as place, c.first_contact_at as occurred_at
    from member as c
    where c.first_contact_at is not null and c.unknown_issues > 0
    union all
    select
        d.person_key, d.thread_key, d.conversation_key, 2 as line_no, 0 as place, d.first_contact_at as occurred_at
    from member as d
    where d.first_contact_at is not null and d.is_unknown
    union all
    select
        e.person_key, e.thread_key, e.conversation_key, 3 as line_no, 1 as place, e.last_activity_at as occurred_at
    from member as e
    where e.last_activity_at is not null and e.human_replies > 0
    union all
    select
        h.person_key, h.thread_key, h.conversation_key, 3 as line_no, 0 as place, h.first_human_at as occurred_at
    from member as h
    where h.first_human_at is not null
),

change as (
    select
        e.person_key,
        e.line_no,
        e.conversation_key,
        e.thread_key,
        e.occurred_at,
        e.thread_key <> coalesce(
            lag(e.thread_key) over (
                partition by e.person_key, e.line_no order by e.occurred_at, e.conversation_key
            ),
            e.thread_key
        ) as is_change
    from entry as e
    where e.place = 0
),

onward as (
    select
        c.person_key,
        c.line_no,
        c.conversation_key,
        c.thread_key,
        c.occurred_at,
        min(case when c.is_change then c.occurred_at end) over (
            partition by c.person_key, c.line_no
            order by c.occurred_at, c.conversation_key
            rows between 1 following and unbounded following
        ) as next_change_at
    from change as c
),

followed as (
    select
        e.person_key,
        e.line_no,
        e.thread_key,
        e.conversation_key,
        e.place,
        min(
            case
                when e.place = 0
                    then cast(e.occurred_at as hugeint) * 1152921504606846976 + e.conversation_key
            end
        ) over (
            partition by e.person_key, e.line_no
            order by e.occurred_at, e.place, e.conversation_key
            rows between current row and unbounded following
        ) as packed
    from entry as e
),

next_entry as (
    select
        f.conversation_key,
        f.line_no,
        case when o.thread_key = f.thread_key then o.next_change_at else o.occurred_at end as occurred_at
    from followed as f
    inner join onward as o
        on
            f.person_key = o.person_key
            and f.line_no = o.line_no
            and cast(f.packed % 1152921504606846976 as bigint) = o.conversation_key
    where f.place = 1 and f.packed is not null
)

select
    n.conversation_key,
    min(case when n.line_no in (1, 2) then n.occurred_at end) as unknown_issue_contact_at,
    min(case when n.line_no = 3 then n.occurred_at end) as other_thread_human_reply_at
from next_entry as n
where n.occurred_at is not null
group by n.conversation_key

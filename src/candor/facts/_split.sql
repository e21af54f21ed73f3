-- grain: one contact of a thread that holds several
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _message, _activity, _thread, _close, _signal, setting
-- A contact starts at a customer message after a close (a thank-you or confirmation within 24 h of the close
-- still belongs to it) or at any message after the idle gap. Most threads can hold only one contact; only the
-- others are put in order. At equal times a message comes before a close.
with first_close as (
    select c.thread_key, min(c.occurred_at) as occurred_at
    from _close as c
    group by c.thread_key
),

candidate as (
    select t.thread_key, t.gap_us
    from _thread as t
    inner join _activity as a on t.thread_key = a.thread_key
    left join first_close as f on t.thread_key = f.thread_key
    where a.last_at - a.first_at >= t.gap_us or f.occurred_at < a.last_customer_at
),

message as (
    select
        m.thread_key,
        c.gap_us,
        m.occurred_at,
        m.message_key,
        m.actor = 0 as is_customer
    from _message as m
    inner join candidate as c on m.thread_key = c.thread_key
),

thanks as (
    select g.thread_key, g.occurred_at
    from candidate as c
    inner join _signal as g on c.thread_key = g.thread_key
    where g.signal = 1
    group by g.thread_key, g.occurred_at
    having min(g.code) in (1, 2) and max(g.code) in (1, 2) and count(g.code) = count(g.signal)
),

line as (
    select
        m.thread_key,
        m.gap_us,
        m.occurred_at,
        0 as place,
        m.message_key as event_key,
        m.is_customer,
        m.is_customer and k.thread_key is not null as is_thanks
    from message as m
    left join thanks as k on m.thread_key = k.thread_key and m.occurred_at = k.occurred_at
    union all
    select
        c.thread_key,
        d.gap_us,
        c.occurred_at,
        1 as place,
        c.event_key,
        false as is_customer,
        false as is_thanks
    from _close as c
    inner join candidate as d on c.thread_key = d.thread_key
),

placed as (
    select
        l.thread_key,
        l.gap_us,
        l.occurred_at,
        l.place,
        l.event_key,
        l.is_customer,
        l.is_thanks,
        max(case when l.place = 1 then l.occurred_at end) over past as last_close_at,
        max(case when l.place = 0 then l.occurred_at end) over past as previous_at
    from line as l
    window past as (
        partition by l.thread_key
        order by l.occurred_at, l.place, l.event_key
        rows between unbounded preceding and 1 preceding
    )
),

judged as (
    select
        p.thread_key,
        p.occurred_at,
        p.place,
        p.event_key,
        p.previous_at,
        p.last_close_at,
        p.place = 0
        and (
            p.previous_at is null
            or (
                p.is_customer
                and not coalesce(p.is_thanks and p.occurred_at - p.last_close_at < s.day_us, false)
            )
        ) as is_opener,
        p.place = 0
        and coalesce(p.occurred_at - p.previous_at >= p.gap_us, false)
        and not coalesce(
            p.is_thanks
            and p.last_close_at >= p.previous_at
            and p.occurred_at - p.last_close_at < s.day_us,
            false
        ) as is_after_gap
    from placed as p
    cross join setting as s
),

settled as (
    select
        j.thread_key,
        j.occurred_at,
        j.event_key,
        j.previous_at,
        j.last_close_at,
        j.is_opener,
        j.is_after_gap,
        max(case when j.is_opener or j.is_after_gap then j.occurred_at end) over (
            partition by j.thread_key
            order by j.occurred_at, j.place, j.event_key
            rows between unbounded preceding and 1 preceding
        ) as opened_at
    from judged as j
),

start as (
    select
        d.thread_key,
        d.occurred_at as from_at,
        row_number() over (partition by d.thread_key order by d.occurred_at, d.event_key) + 1 as conversation_no
    from settled as d
    where
        d.previous_at is not null
        and (d.is_after_gap or (d.is_opener and d.last_close_at >= coalesce(d.opened_at, d.last_close_at)))
),

contact as (
    select b.thread_key, b.conversation_no, b.from_at
    from start as b
    union all
    select distinct b.thread_key, 1 as conversation_no, -9223372036854775807 as from_at
    from start as b
)

select
    c.thread_key,
    cast(c.conversation_no as integer) as conversation_no,
    c.from_at,
    lead(c.from_at, 1, 9223372036854775807) over (
        partition by c.thread_key order by c.conversation_no
    ) as until_at
from contact as c

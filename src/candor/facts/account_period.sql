-- grain: one account that was a customer when a calendar quarter began
-- key: account_id, day
-- clock: snapshots of the account; the quarter counts as passed inside the coverage of its source
-- reads: ev_account, ev_confirmation, intervention, conversation, setting, setting_coverage, setting_money, calendar_day
-- What an account got is looked at before the quarter, what became of it in the quarter: help given because an
-- account was leaving cannot be mistaken for help that kept it.
with quarter as (
    select d.quarter as day, min(d.starts_at) as starts_at
    from calendar_day as d
    where d.day = d.quarter
    group by d.quarter
),

span as (
    select
        q.day,
        q.starts_at,
        min(q.starts_at) over (order by q.starts_at rows between 1 following and unbounded following) as ends_at
    from quarter as q
),

snapshot as (
    select
        a.account_id,
        a.occurred_at,
        a.event_key,
        a.source,
        a.segment,
        a.csm_id,
        a.health_score,
        a.annual_revenue,
        a.currency,
        a.status,
        a.renewal_at
    from ev_account as a
    cross join setting as s
    where a.occurred_at <= s.as_of_us
),

at_start as (
    select
        p.day,
        p.starts_at,
        p.ends_at,
        a.account_id,
        arg_max(a.event_key, (a.occurred_at, a.event_key)) as event_key
    from span as p
    inner join snapshot as a on a.occurred_at <= p.starts_at
    group by p.day, p.starts_at, p.ends_at, a.account_id
),

at_end as (
    select
        p.day,
        a.account_id,
        arg_max(a.event_key, (a.occurred_at, a.event_key)) as event_key
    from span as p
    inner join snapshot as a on a.occurred_at <= p.ends_at
    group by p.day, a.account_id
),

member as (
    select
        b.day,
        b.starts_at,
        b.ends_at,
        a.account_id,
        a.source,
        a.segment,
        a.csm_id,
        a.health_score,
        a.annual_revenue,
        a.currency,
        a.renewal_at,
        b.ends_at is null
        or b.ends_at > least(s.as_of_us, coalesce(v.covered_until, s.as_of_us)) as is_open,
        s.day_us * 90 as d90_us
    from at_start as b
    inner join snapshot as a on b.event_key = a.event_key
    cross join setting as s
    left join setting_coverage as v on a.source = v.source
    where a.status = 'active'
),

ended as (
    select e.day, e.account_id, a.status, a.annual_revenue, a.currency
    from at_end as e
    inner join snapshot as a on e.event_key = a.event_key
),

closed as (
    select m.day, m.account_id, count(r.event_key) as closures
    from member as m
    inner join ev_confirmation as r
        on
            m.account_id = r.account_id
            and r.kind in ('churn', 'account_closed')
            and r.occurred_at >= m.starts_at
            and r.occurred_at < m.ends_at
    group by m.day, m.account_id
),

helped as (
    select
        m.day,
        m.account_id,
        count(i.event_key) as interventions,
        count(case when i.is_material then 1 end) as interventions_material,
        count(case when i.is_material is null then 1 end) as interventions_unknown
    from member as m
    inner join intervention as i
        on m.account_id = i.account_id and i.occurred_at >= m.starts_at - m.d90_us and i.occurred_at < m.starts_at
    group by m.day, m.account_id
),

wrote as (
    select m.day, m.account_id, count(c.conversation_key) as contacts
    from member as m
    inner join conversation as c
        on m.account_id = c.account_id and c.started_at >= m.starts_at - m.d90_us and c.started_at < m.starts_at
    where c.engaged and not c.is_test and not c.is_spam
    group by m.day, m.account_id
),

judged as (
    select
        m.day,
        m.account_id,
        case when not m.is_open then coalesce(e.status = 'churned', false) or coalesce(x.closures, 0) > 0 end as has_churned,
        case when e.currency is not distinct from m.currency then e.annual_revenue end as revenue_then,
        m.renewal_at >= m.starts_at and m.renewal_at < m.ends_at as renewal_due
    from member as m
    left join ended as e on m.day = e.day and m.account_id = e.account_id
    left join closed as x on m.day = x.day and m.account_id = x.account_id
)

select
    m.account_id,
    key60(m.account_id) as person_key,
    bucket200(m.account_id) as bucket,
    m.day,
    m.source,
    m.segment as account_segment,
    m.csm_id,
    cast(floor(m.health_score * 1000000 + 0.5) as bigint) as health_millionths,
    m.annual_revenue as revenue_start,
    case when j.has_churned then 0 when not j.has_churned then j.revenue_then end as revenue_end,
    case
        when m.annual_revenue is null then null
        when j.has_churned then 0
        when not j.has_churned and j.revenue_then is not null then least(m.annual_revenue, j.revenue_then)
    end as revenue_kept,
    m.currency,
    coalesce(m.currency = w.currency, true) as in_currency,
    j.has_churned,
    j.renewal_due,
    case when j.renewal_due then not j.has_churned end as has_renewed,
    m.is_open,
    coalesce(h.interventions, 0) as interventions,
    coalesce(h.interventions_material, 0) as interventions_material,
    case
        when h.interventions is null then 'none'
        when h.interventions_material > 0 then 'assisted'
        when h.interventions_unknown = 0 then 'unassisted'
    end as assistance,
    coalesce(t.contacts, 0) as contacts,
    false as is_test,
    false as is_spam
from member as m
cross join setting_money as w
inner join judged as j on m.day = j.day and m.account_id = j.account_id
left join helped as h on m.day = h.day and m.account_id = h.account_id
left join wrote as t on m.day = t.day and m.account_id = t.account_id

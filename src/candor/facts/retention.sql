-- grain: one known customer in one calendar month with a contact, where any record of loyalty exists
-- key: person_key, day
-- clock: starts of conversations; what followed counts in the 90 d after the last contact of the month
-- reads: conversation, ev_confirmation, ev_account, survey, calendar_day, setting, setting_coverage, _person
-- Records of loyalty: churn and closure; repurchase, renewal and expansion; answered nps. A record that names only an
-- account speaks for every customer whose contact of the month named it. That nobody left, or bought, is known only
-- where some source reports such things, and once the window lies inside what all such sources cover.
with said as (
    select
        r.source,
        r.occurred_at,
        r.customer_id,
        case when r.customer_id is null then r.account_id end as account_id,
        r.kind in ('churn', 'account_closed') as is_loss
    from ev_confirmation as r
    cross join setting as s
    where
        r.occurred_at <= s.as_of_us
        and r.kind in ('churn', 'account_closed', 'repurchase', 'renewal', 'expansion')
    union all
    select
        a.source,
        min(a.occurred_at) as occurred_at,
        null as customer_id,
        a.account_id,
        true as is_loss
    from ev_account as a
    cross join setting as s
    where a.occurred_at <= s.as_of_us and a.status = 'churned'
    group by a.source, a.account_id
),

answered as (
    select v.person_key, v.day, v.event_key, v.score_ppm
    from survey as v
    where v.instrument = 'nps' and v.answered and not v.is_test and not v.is_spam
),

reporting as (
    select distinct r.source, r.is_loss
    from said as r
),

reach as (
    select
        min(case when r.is_loss then least(s.as_of_us, coalesce(v.covered_until, s.as_of_us)) end) as losses_until,
        min(case when not r.is_loss then least(s.as_of_us, coalesce(v.covered_until, s.as_of_us)) end) as gains_until,
        count(r.source) as sources
    from reporting as r
    cross join setting as s
    left join setting_coverage as v on r.source = v.source
),

polled as (
    select count(n.event_key) as answers
    from answered as n
),

known as (
    select e.losses_until, e.gains_until
    from reach as e
    cross join polled as p
    where e.sources > 0 or p.answers > 0
),

contact as (
    select
        c.person_key,
        d.month as day,
        c.bucket,
        c.conversation_key,
        c.started_at,
        c.last_activity_at,
        c.day as contact_day,
        c.account_id,
        c.customer_segment,
        c.channel,
        c.path,
        c.intent_id,
        c.effort_points,
        case when c.path = 'ai_only' then c.true_resolution else c.human_fcr_72h end as solved,
        c.csat_is_positive,
        c.claim_held
    from conversation as c
    cross join known as k
    inner join calendar_day as d on c.day = d.day
    where c.engaged and c.customer_known and not c.is_test and not c.is_spam and not c.is_synthetic_time
),

seen as (
    select
        c.person_key,
        c.day,
        min(c.bucket) as bucket,
        arg_min(c.conversation_key, (c.started_at, c.conversation_key)) as first_key,
        max(c.last_activity_at) as last_at,
        max(c.contact_day) as last_day,
        count(c.conversation_key) as contacts,
        cast(coalesce(sum(c.effort_points), 0) as bigint) as effort_points,
        count(c.effort_points) as effort_known,
        count(case when c.solved then 1 end) as solved,
        count(c.solved) as solved_known,
        count(case when c.csat_is_positive then 1 end) as positive,
        count(c.csat_is_positive) as rated,
        count(case when c.claim_held then 1 end) as claims_held,
        count(c.claim_held) as claims_known
    from contact as c
    group by c.person_key, c.day
),

belonging as (
    select distinct c.person_key, c.day, c.account_id
    from contact as c
    where c.account_id is not null
),

named as (
    select r.occurred_at, r.is_loss, n.person_key, v.day
    from said as r
    inner join _person as n on r.customer_id = n.customer_id
    inner join seen as v on n.person_key = v.person_key
    union all
    select r.occurred_at, r.is_loss, b.person_key, b.day
    from said as r
    inner join belonging as b on r.account_id = b.account_id
),

outcome as (
    select
        v.person_key,
        v.day,
        count(case when r.is_loss then 1 end) as losses,
        count(case when not r.is_loss then 1 end) as gains
    from seen as v
    cross join setting as s
    inner join named as r
        on
            v.person_key = r.person_key
            and v.day = r.day
            and r.occurred_at >= v.last_at
            and r.occurred_at < v.last_at + s.day_us * 90
    group by v.person_key, v.day
),

rating as (
    select v.person_key, v.day, arg_min(n.score_ppm, (n.day, n.event_key)) as nps_ppm
    from seen as v
    inner join answered as n on v.person_key = n.person_key and n.day >= v.last_day and n.day < v.last_day + 90
    group by v.person_key, v.day
)

select
    v.person_key,
    v.bucket,
    v.day,
    f.customer_segment,
    f.channel,
    f.path,
    f.intent_id,
    v.contacts,
    v.effort_points,
    v.effort_known,
    v.solved,
    v.solved_known,
    v.positive,
    v.rated,
    v.claims_held,
    v.claims_known,
    case when o.losses > 0 then true when v.last_at + s.day_us * 90 <= k.losses_until then false end as has_left,
    case when o.gains > 0 then true when v.last_at + s.day_us * 90 <= k.gains_until then false end as has_bought,
    r.nps_ppm,
    v.last_at + s.day_us * 90 > coalesce(least(k.losses_until, k.gains_until), s.as_of_us) as is_window_open,
    false as is_test,
    false as is_spam
from seen as v
cross join setting as s
cross join known as k
inner join contact as f on v.first_key = f.conversation_key
left join outcome as o on v.person_key = o.person_key and v.day = o.day
left join rating as r on v.person_key = r.person_key and v.day = r.day

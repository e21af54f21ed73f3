-- grain: one act of customer success for one account
-- key: event_key
-- clock: occurred_at, up to as_of
-- reads: ev_intervention, ev_suggestion, ev_account, setting, setting_coverage, setting_money, human_agent, _calendar
-- A signal or recommendation was acted on when the suggestion that the trigger names was accepted or edited within
-- 7 d of being shown; without such a suggestion, when the act came to an end within 7 d. Windows are closed-open.
with act as (
    select
        i.event_key,
        i.intervention_id,
        i.account_id,
        i.occurred_at,
        i.source,
        i.kind,
        i.trigger,
        i.csm_id,
        i.ai_role,
        cast(floor(i.retained_share * 1000000 + 0.5) as bigint) as retained_ppm,
        case when i.outcome in ('succeeded', 'failed') and i.outcome_at > s.as_of_us then 'open' else i.outcome end as outcome,
        case when i.outcome_at <= s.as_of_us then i.outcome_at end as outcome_at,
        i.value_at_risk,
        i.value_retained,
        i.occurred_at + s.d7_us > least(s.as_of_us, coalesce(v.covered_until, s.as_of_us)) as is_window_open,
        s.d7_us
    from ev_intervention as i
    cross join setting as s
    left join setting_coverage as v on i.source = v.source
    where i.occurred_at <= s.as_of_us
),

followed as (
    select
        a.event_key,
        max(
            case
                when
                    g.decision in ('accepted', 'edited')
                    and coalesce(g.decided_at, a.occurred_at) - g.occurred_at < a.d7_us
                    then 1
                else 0
            end
        ) as was_used
    from act as a
    inner join ev_suggestion as g on a.trigger = g.suggestion_id and a.source = g.source
    inner join setting as s on g.occurred_at <= s.as_of_us
    group by a.event_key
),

snapshot as (
    select
        a.event_key,
        arg_max(c.segment, (c.occurred_at, c.event_key)) filter (where c.segment is not null) as account_segment,
        arg_max(c.currency, (c.occurred_at, c.event_key)) filter (where c.currency is not null) as currency
    from act as a
    inner join ev_account as c on a.account_id = c.account_id and c.occurred_at <= a.occurred_at
    group by a.event_key
),

judged as (
    select
        a.event_key,
        case
            when a.ai_role not in ('surfaced_signal', 'recommended') then null
            when f.was_used = 1 then true
            when f.was_used = 0 then false
            when a.outcome in ('succeeded', 'failed') and a.outcome_at is null then null
            when a.outcome in ('succeeded', 'failed') then a.outcome_at - a.occurred_at < a.d7_us
            when not a.is_window_open then false
        end as is_acted_on
    from act as a
    left join followed as f on a.event_key = f.event_key
)

select
    a.intervention_id,
    a.event_key,
    a.account_id,
    key60(a.account_id) as person_key,
    bucket200(a.account_id) as bucket,
    k.day,
    a.occurred_at,
    a.source,
    a.kind,
    a.trigger,
    a.csm_id,
    h.team,
    p.account_segment,
    a.ai_role,
    a.retained_ppm,
    j.is_acted_on,
    case
        when a.ai_role = 'none' then false
        when a.ai_role = 'acted' then coalesce(a.retained_ppm >= 500000, true)
        when a.ai_role = 'drafted' then a.retained_ppm >= 500000
        when a.retained_ppm >= 500000 then true
        else j.is_acted_on
    end as is_material,
    a.is_window_open,
    a.outcome,
    case a.outcome when 'succeeded' then true when 'failed' then false end as has_succeeded,
    case when a.outcome_at >= a.occurred_at then a.outcome_at - a.occurred_at end as outcome_us,
    a.value_at_risk,
    case when a.outcome in ('succeeded', 'failed') then a.value_retained end as value_retained,
    coalesce(p.currency, m.currency) as currency,
    coalesce(p.currency = m.currency, true) as in_currency,
    false as is_test,
    false as is_spam
from act as a
cross join setting_money as m
inner join judged as j on a.event_key = j.event_key
left join snapshot as p on a.event_key = p.event_key
left join human_agent as h on a.csm_id = h.human_agent_id
left join _calendar as k
    on a.occurred_at // 86400000000 = k.utc_day and a.occurred_at >= k.starts_at and a.occurred_at < k.ends_at

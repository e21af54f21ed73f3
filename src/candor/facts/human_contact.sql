-- grain: one conversation in which a human agent wrote
-- key: conversation_key
-- clock: its start
-- reads: ev_message, ev_cost, suggestion, _suggesting, setting, setting_money, conversation, human_agent
-- The human agent of a conversation is the one with most public messages in it, the smaller id at a tie. Help is
-- material when a suggestion was accepted as it was, or edited with at least half of it kept. Where no suggestion
-- exists in the data nobody is known to have worked without one.
with later as (
    select c.thread_key, c.conversation_no, c.started_at
    from conversation as c
    where c.conversation_no > 1
),

written as (
    select m.event_key, m.thread_key, m.actor_id, m.occurred_at
    from ev_message as m
    cross join setting as s
    where m.actor = 'human_agent' and m.is_public and m.occurred_at <= s.as_of_us
),

moved as (
    select m.event_key, max(l.conversation_no) as conversation_no
    from written as m
    inner join later as l on m.thread_key = l.thread_key and m.occurred_at >= l.started_at
    group by m.event_key
),

cost_moved as (
    select o.event_key, max(l.conversation_no) as conversation_no
    from ev_cost as o
    inner join later as l on o.thread_key = l.thread_key and o.occurred_at >= l.started_at
    where o.kind = 'human_minutes'
    group by o.event_key
),

wrote as (
    select
        m.thread_key,
        coalesce(v.conversation_no, 1) as conversation_no,
        m.actor_id,
        count(m.event_key) as messages
    from written as m
    left join moved as v on m.event_key = v.event_key
    where m.actor_id is not null
    group by m.thread_key, coalesce(v.conversation_no, 1), m.actor_id
),

writer as (
    select
        w.thread_key,
        w.conversation_no,
        count(w.actor_id) as human_agents,
        max(w.messages) as most
    from wrote as w
    group by w.thread_key, w.conversation_no
),

served as (
    select w.thread_key, w.conversation_no, n.human_agents, min(w.actor_id) as human_agent_id
    from wrote as w
    inner join writer as n
        on w.thread_key = n.thread_key and w.conversation_no = n.conversation_no and w.messages = n.most
    group by w.thread_key, w.conversation_no, n.human_agents
),

paid as (
    select
        o.thread_key,
        coalesce(v.conversation_no, 1) as conversation_no,
        case when min(o.currency) = max(o.currency) and min(o.currency) = min(w.currency) then sum(o.amount) end
            as human_amount
    from ev_cost as o
    cross join setting as s
    cross join setting_money as w
    left join cost_moved as v on o.event_key = v.event_key
    where o.kind = 'human_minutes' and o.thread_key is not null and o.occurred_at <= s.as_of_us
    group by o.thread_key, coalesce(v.conversation_no, 1)
),

helped as (
    select
        g.conversation_key,
        count(g.event_key) as suggestions,
        count(case when g.is_accepted then 1 end) as suggestions_used,
        count(case when not g.is_accepted then 1 end) as suggestions_unused,
        count(case when g.decision = 'accepted' or g.is_edited and g.retained_ppm >= 500000 then 1 end)
            as suggestions_material,
        count(case when g.is_edited and g.retained_ppm is null then 1 end) as edits_unknown
    from suggestion as g
    where g.conversation_key is not null
    group by g.conversation_key
)

select
    c.conversation_key,
    c.conversation_id,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    w.human_agent_id,
    coalesce(w.human_agents, 0) as human_agents,
    bucket200(w.human_agent_id) as agent_bucket,
    h.team,
    case when c.day >= h.started_day then c.day - h.started_day end as tenure_days,
    case
        when c.day < h.started_day then null
        when c.day - h.started_day < 90 then 'under_90d'
        when c.day - h.started_day < 365 then '90d_to_1y'
        when c.day - h.started_day >= 365 then 'over_1y'
    end as tenure_band,
    coalesce(g.suggestions, 0) as suggestions,
    coalesce(g.suggestions_used, 0) as suggestions_used,
    coalesce(g.suggestions_material, 0) as suggestions_material,
    case
        when g.suggestions_material > 0 then 'assisted'
        when not i.knows_suggestions or g.edits_unknown > 0 then null
        else 'unassisted'
    end as assistance,
    case
        when g.suggestions_used + g.suggestions_unused > 0
            then
                case
                    when g.suggestions_unused = 0 then 'accepted'
                    when g.suggestions_used = 0 then 'rejected'
                    else 'mixed'
                end
    end as guidance,
    c.human_fcr_72h as solved,
    case when c.handle_us > 0 then c.handle_us end as handle_us,
    c.human_minutes,
    p.human_amount,
    h.cost_per_hour as hourly_cost,
    c.csat_ppm,
    c.csat_is_positive,
    c.sentiment_first_ppm,
    c.customer_messages,
    c.is_open,
    c.window_open_72h,
    c.is_inbound,
    c.source,
    c.channel,
    c.direction,
    c.language,
    c.region,
    c.customer_segment,
    c.brand,
    c.entry_point,
    c.intent_id,
    c.ai_agent_id,
    c.release,
    c.priority,
    c.path,
    coalesce(c.is_test, false) as is_test,
    coalesce(c.is_spam, false) as is_spam
from conversation as c
cross join _suggesting as i
left join served as w on c.thread_key = w.thread_key and c.conversation_no = w.conversation_no
left join paid as p on c.thread_key = p.thread_key and c.conversation_no = p.conversation_no
left join helped as g on c.conversation_key = g.conversation_key
left join human_agent as h on w.human_agent_id = h.human_agent_id
where c.human_involved

-- grain: one AI message of which more is known than its line says
-- key: message_key
-- clock: none
-- reads: message_line, conversation, ev_message, ev_assessment, setting, _message, _scorer, _span, _verdict
-- Verdicts on the message, its sources, and what followed at once: a customer message that repeats an earlier one,
-- or, before any further AI turn, an escalation or a demand for a human.
with verdict as (
    select
        v.message_key,
        v.criterion,
        v.assessor_kind in ('llm', 'code', 'vendor') as is_machine,
        v.stands,
        v.assessor_kind,
        v.weight_ppm,
        case
            when v.score_ppm = 1000000 then true
            when v.score_ppm = 0 or v.criterion = 'groundedness' and v.score_ppm < 1000000 then false
        end as is_true
    from _verdict as v
    where
        v.message_key is not null
        and v.criterion in ('hallucination', 'groundedness', 'right_source', 'link_used', 'usable')
),

judged as (
    select
        v.message_key,
        bool_or(case when v.criterion = 'hallucination' and v.stands then v.is_true end) as hallucination,
        max(case when v.criterion = 'hallucination' and v.stands then v.assessor_kind end) as hallucination_by,
        max(case when v.criterion = 'hallucination' and v.stands then v.weight_ppm end) as hallucination_weight_ppm,
        bool_or(case when v.criterion = 'hallucination' and v.is_machine then v.is_true end) as hallucination_judged,
        bool_or(case when v.criterion = 'groundedness' and v.stands then v.is_true end) as grounded,
        max(case when v.criterion = 'groundedness' and v.stands then v.assessor_kind end) as grounded_by,
        max(case when v.criterion = 'groundedness' and v.stands then v.weight_ppm end) as grounded_weight_ppm,
        bool_or(case when v.criterion = 'groundedness' and v.is_machine then v.is_true end) as grounded_judged,
        bool_or(case when v.criterion = 'right_source' and v.stands then v.is_true end) as right_source,
        max(case when v.criterion = 'right_source' and v.stands then v.assessor_kind end) as right_source_by,
        bool_or(case when v.criterion = 'link_used' and v.stands then v.is_true end) as link_used,
        bool_or(case when v.criterion = 'usable' and v.stands then v.is_true end) as usable,
        max(case when v.criterion = 'usable' and v.stands then v.assessor_kind end) as usable_by
    from verdict as v
    group by v.message_key
),

sourced as (
    select m.event_key as message_key, cast(len(m.knowledge_ids) as bigint) as sources
    from ev_message as m
    cross join setting as s
    where m.knowledge_ids is not null and m.actor = 'ai_agent' and m.occurred_at <= s.as_of_us
),

corrected as (
    select v.message_key, v.score_ppm
    from _verdict as v
    where v.criterion = 'rephrase' and v.is_human and v.message_key is not null
),

said_again as (
    select a.thread_key, a.occurred_at
    from ev_assessment as a
    cross join setting as s
    inner join _scorer as n on a.assessor_version = n.assessor_version
    left join corrected as k on split_part(a.assessment_id, ':', 2) = cast(k.message_key as varchar)
    where
        a.assessor_id = 'candor_signals'
        and a.criterion = 'rephrase'
        and a.label = 'true'
        and a.occurred_at <= s.as_of_us
        and k.message_key is null
    union
    select m.thread_key, m.occurred_at
    from corrected as k
    inner join _message as m on k.message_key = m.message_key
    where k.score_ppm = 1000000 and m.actor = 0
),

repeated as (
    select a.thread_key, a.occurred_at, coalesce(x.conversation_key, a.thread_key) as conversation_key
    from said_again as a
    left join _span as x
        on a.thread_key = x.thread_key and a.occurred_at >= x.from_at and a.occurred_at < x.until_at
),

before_repeat as (
    select
        r.conversation_key,
        r.occurred_at as repeated_at,
        coalesce(max(m.occurred_at), -9223372036854775807) as previous_at
    from repeated as r
    left join _message as m
        on r.thread_key = m.thread_key and m.occurred_at < r.occurred_at and m.actor = 0
    group by r.conversation_key, r.occurred_at
),

rephrased as (
    select distinct l.message_key
    from before_repeat as b
    inner join message_line as l on b.conversation_key = l.conversation_key
    where l.occurred_at >= b.previous_at and l.occurred_at < b.repeated_at
),

passed_on as (
    select c.conversation_key, c.escalated_at, c.human_requested_at
    from conversation as c
    where c.ai_involved and (c.escalated_at is not null or c.human_requested_at is not null)
),

turn as (
    select
        l.message_key,
        l.conversation_key,
        l.occurred_at,
        p.escalated_at,
        p.human_requested_at
    from passed_on as p
    inner join message_line as l on p.conversation_key = l.conversation_key
    inner join _message as m on l.message_key = m.message_key
    where m.kind in (0, 1, 2, 4)
),

last_turn as (
    select
        t.conversation_key,
        max(case when t.occurred_at <= t.escalated_at then t.occurred_at end) as escalated_after,
        max(case when t.occurred_at < t.human_requested_at then t.occurred_at end) as requested_after
    from turn as t
    group by t.conversation_key
),

escalated as (
    select t.message_key
    from turn as t
    inner join last_turn as d on t.conversation_key = d.conversation_key
    where t.occurred_at = d.escalated_after or t.occurred_at = d.requested_after
),

known as (
    select j.message_key from judged as j
    union
    select u.message_key from sourced as u
    union
    select r.message_key from rephrased as r
    union
    select e.message_key from escalated as e
)

select
    k.message_key,
    j.hallucination,
    j.hallucination_by,
    j.hallucination_weight_ppm,
    j.hallucination_judged,
    j.grounded,
    j.grounded_by,
    j.grounded_weight_ppm,
    j.grounded_judged,
    j.right_source,
    j.right_source_by,
    j.link_used,
    j.usable,
    j.usable_by,
    u.sources,
    r.message_key is not null as rephrased_next,
    e.message_key is not null as escalated_next
from known as k
left join judged as j on k.message_key = j.message_key
left join sourced as u on k.message_key = u.message_key
left join rephrased as r on k.message_key = r.message_key
left join escalated as e on k.message_key = e.message_key

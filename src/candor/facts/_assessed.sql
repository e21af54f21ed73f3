-- grain: one contact judged by a person, a model or other code than the message signals
-- key: thread_key, conversation_no
-- clock: none
-- reads: _label
-- Of several verdicts by one criterion a human's stands, then the greatest version, then the smallest event_id.
-- A violation label is positive when it says so in any verdict that stands.
with ranked as (
    select
        a.thread_key,
        a.conversation_no,
        a.criterion,
        a.label,
        row_number() over (
            partition by a.thread_key, a.conversation_no, a.criterion
            order by
                case when a.assessor_kind = 'human' then 0 else 1 end,
                length(a.assessor_version) desc,
                a.assessor_version desc,
                a.event_id
        ) as place
    from _label as a
    where a.handoff_id is null and a.label is not null and a.criterion in ('needs_human', 'violation')
),

standing as (
    select
        r.thread_key,
        r.conversation_no,
        max(case when r.criterion = 'needs_human' then r.label end) as needs_human,
        max(case when r.criterion = 'violation' then r.label end) as violation
    from ranked as r
    where r.place = 1
    group by r.thread_key, r.conversation_no
),

present as (
    select
        a.thread_key,
        a.conversation_no,
        count(case when a.assessor_kind = 'code' then 1 end) as code_scores,
        count(case when a.assessor_kind = 'llm' then 1 end) as judge_scores,
        count(case when a.assessor_kind = 'human' then 1 end) as human_scores,
        count(case when a.is_near_miss then 1 end) as near_misses,
        count(case when a.is_near_miss is not null then 1 end) as near_miss_verdicts
    from _label as a
    group by a.thread_key, a.conversation_no
)

select
    p.thread_key,
    p.conversation_no,
    p.code_scores,
    p.judge_scores,
    p.human_scores,
    p.near_misses,
    p.near_miss_verdicts,
    case g.needs_human when 'true' then true when 'false' then false end as needs_human,
    case g.violation when 'true' then true when 'false' then false end as violation
from present as p
left join standing as g on p.thread_key = g.thread_key and p.conversation_no = g.conversation_no

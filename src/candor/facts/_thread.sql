-- grain: one thread that has a conversation event
-- key: thread_key
-- clock: occurred_at, up to as_of
-- reads: ev_conversation, setting, setting_gap, setting_coverage
-- Two sources may describe the same thread: each field is then the first one known, by start and key.
with seen as (
    select
        c.thread_key,
        c.event_key,
        c.source,
        c.thread_id,
        c.started_at,
        c.channel,
        c.direction,
        c.customer_id,
        c.account_id,
        c.brand,
        c.language,
        c.region,
        c.customer_segment,
        c.entry_point,
        c.priority,
        c.intent_id,
        c.is_test,
        c.is_spam,
        c.ai_agent_id,
        c.release,
        c.due_first_response_at,
        c.due_resolution_at,
        c.attributes,
        c.extra
    from ev_conversation as c
    cross join setting as s
    where c.occurred_at <= s.as_of_us
),

repeated as (
    select c.thread_key
    from seen as c
    group by c.thread_key
    having count(*) > 1
),

merged as (
    select
        c.thread_key,
        arg_min(c.source, (c.started_at, c.event_key)) filter (where c.source is not null) as source,
        arg_min(c.thread_id, (c.started_at, c.event_key)) filter (where c.thread_id is not null) as thread_id,
        arg_min(c.started_at, (c.started_at, c.event_key)) filter (where c.started_at is not null) as started_at,
        arg_min(c.channel, (c.started_at, c.event_key)) filter (where c.channel is not null) as channel,
        arg_min(c.direction, (c.started_at, c.event_key)) filter (where c.direction is not null) as direction,
        arg_min(c.customer_id, (c.started_at, c.event_key)) filter (where c.customer_id is not null) as customer_id,
        arg_min(c.account_id, (c.started_at, c.event_key)) filter (where c.account_id is not null) as account_id,
        arg_min(c.brand, (c.started_at, c.event_key)) filter (where c.brand is not null) as brand,
        arg_min(c.language, (c.started_at, c.event_key)) filter (where c.language is not null) as language,
        arg_min(c.region, (c.started_at, c.event_key)) filter (where c.region is not null) as region,
        arg_min(c.customer_segment, (c.started_at, c.event_key)) filter (where c.customer_segment is not null) as customer_segment,
        arg_min(c.entry_point, (c.started_at, c.event_key)) filter (where c.entry_point is not null) as entry_point,
        arg_min(c.priority, (c.started_at, c.event_key)) filter (where c.priority is not null) as priority,
        arg_min(c.intent_id, (c.started_at, c.event_key)) filter (where c.intent_id is not null) as intent_id,
        arg_min(c.is_test, (c.started_at, c.event_key)) filter (where c.is_test is not null) as is_test,
        arg_min(c.is_spam, (c.started_at, c.event_key)) filter (where c.is_spam is not null) as is_spam,
        arg_min(c.ai_agent_id, (c.started_at, c.event_key)) filter (where c.ai_agent_id is not null) as ai_agent_id,
        arg_min(c.release, (c.started_at, c.event_key)) filter (where c.release is not null) as release,
        arg_min(c.due_first_response_at, (c.started_at, c.event_key)) filter (where c.due_first_response_at is not null) as due_first_response_at,
        arg_min(c.due_resolution_at, (c.started_at, c.event_key)) filter (where c.due_resolution_at is not null) as due_resolution_at,
        arg_min(c.attributes, (c.started_at, c.event_key)) filter (where c.attributes is not null) as attributes,
        arg_min(c.extra, (c.started_at, c.event_key)) filter (where c.extra is not null) as extra
    from seen as c
    inner join repeated as r on c.thread_key = r.thread_key
    group by c.thread_key
),

single as (
    select
        c.thread_key,
        c.source,
        c.thread_id,
        c.started_at,
        c.channel,
        c.direction,
        c.customer_id,
        c.account_id,
        c.brand,
        c.language,
        c.region,
        c.customer_segment,
        c.entry_point,
        c.priority,
        c.intent_id,
        c.is_test,
        c.is_spam,
        c.ai_agent_id,
        c.release,
        c.due_first_response_at,
        c.due_resolution_at,
        c.attributes,
        c.extra
    from seen as c
    left join repeated as r on c.thread_key = r.thread_key
    where r.thread_key is null
),

thread as (
    select
        c.thread_key,
        c.source,
        c.thread_id,
        c.started_at,
        c.channel,
        c.direction,
        c.customer_id,
        c.account_id,
        c.brand,
        c.language,
        c.region,
        c.customer_segment,
        c.entry_point,
        c.priority,
        c.intent_id,
        c.is_test,
        c.is_spam,
        c.ai_agent_id,
        c.release,
        c.due_first_response_at,
        c.due_resolution_at,
        c.attributes,
        c.extra
    from single as c
    union all
    select
        c.thread_key,
        c.source,
        c.thread_id,
        c.started_at,
        c.channel,
        c.direction,
        c.customer_id,
        c.account_id,
        c.brand,
        c.language,
        c.region,
        c.customer_segment,
        c.entry_point,
        c.priority,
        c.intent_id,
        c.is_test,
        c.is_spam,
        c.ai_agent_id,
        c.release,
        c.due_first_response_at,
        c.due_resolution_at,
        c.attributes,
        c.extra
    from merged as c
)

select
    c.thread_key,
    c.source,
    c.thread_id,
    c.started_at,
    c.channel,
    c.direction,
    c.customer_id,
    c.account_id,
    c.brand,
    c.language,
    c.region,
    c.customer_segment,
    c.entry_point,
    c.priority,
    c.intent_id,
    c.is_test,
    c.is_spam,
    c.ai_agent_id,
    c.release,
    c.due_first_response_at,
    c.due_resolution_at,
    coalesce(g.gap_us, s.gap_us) as gap_us,
    coalesce(v.covered_until, s.as_of_us) as covered_until,
    coalesce(
        case
            when c.extra like '%synthetic_time%'
                then lower(json_extract_string(c.extra, '$.synthetic_time')) = 'true'
        end,
        case
            when c.attributes like '%synthetic_time%'
                then lower(json_extract_string(c.attributes, '$.synthetic_time')) = 'true'
        end,
        false
    ) as is_synthetic_time
from thread as c
cross join setting as s
left join setting_gap as g on c.channel = g.channel
left join setting_coverage as v on c.source = v.source

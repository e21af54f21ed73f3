-- grain: the first intent recognised in a contact, or an item whose intent somebody judged
-- key: attempt_key
-- clock: occurred_at, up to as_of
-- reads: _first_intent, ev_message, ev_conversation, setting, _verdict, conversation, handoff, intent
-- The reference is a person's label of the message, else of the contact (for its first attempt), else the intent on
-- the record of the thread, else the last queue the contact was handed to where the queue is named like an intent.
-- A judged message or contact without a recognised intent stands here too: there the AI recognised nothing.
with verdict as (
    select
        v.item_key,
        min(v.message_key) as message_key,
        min(v.conversation_key) as conversation_key,
        max(case when v.criterion = 'intent' and v.is_human then v.label end) as labelled_intent,
        bool_or(case when v.criterion = 'novel_intent' and v.is_human then v.score_ppm >= 500000 end) as novel_labelled,
        max(case when v.criterion = 'novel_intent' and v.is_human then v.weight_ppm end) as novel_weight_ppm,
        bool_or(case when v.criterion = 'novel_intent' and not v.is_human then v.score_ppm >= 500000 end)
            as novel_detected,
        bool_or(case when v.criterion = 'novel_intent' and v.stands then v.score_ppm >= 500000 end) as is_novel,
        max(case when v.criterion = 'novel_intent' and v.stands then v.assessor_kind end) as novel_by
    from _verdict as v
    where v.criterion in ('intent', 'novel_intent')
    group by v.item_key
),

judged_message as (
    select
        v.message_key,
        v.conversation_key,
        case when m.is_public then m.intent_predicted end as intent_predicted,
        case when m.is_public and m.intent_predicted is not null then m.intent_confidence end as intent_confidence
    from verdict as v
    inner join ev_message as m on v.message_key = m.event_key
    left join _first_intent as f on v.message_key = f.message_key
    where f.message_key is null
),

item as (
    select
        f.message_key as attempt_key,
        f.message_key,
        f.conversation_key,
        f.intent_predicted,
        case when f.intent_confidence >= 0 then f.intent_confidence end as intent_confidence,
        true as is_first
    from _first_intent as f
    union all
    select
        j.message_key as attempt_key,
        j.message_key,
        j.conversation_key,
        j.intent_predicted,
        j.intent_confidence,
        false as is_first
    from judged_message as j
    union all
    select
        v.item_key as attempt_key,
        v.message_key,
        v.conversation_key,
        null as intent_predicted,
        null as intent_confidence,
        false as is_first
    from verdict as v
    left join _first_intent as f on v.conversation_key = f.conversation_key
    where v.message_key is null and f.message_key is null
),

recorded as (
    select c.thread_key, arg_min(c.intent_id, (c.started_at, c.event_key)) as intent_id
    from ev_conversation as c
    cross join setting as s
    where c.intent_id is not null and c.occurred_at <= s.as_of_us
    group by c.thread_key
),

queued as (
    select h.conversation_key, arg_max(h.to_queue, (h.handoff_no, h.event_key)) as intent_id
    from handoff as h
    inner join intent as i on h.to_queue = i.intent_id
    where h.is_executed
    group by h.conversation_key
),

joined as (
    select
        t.attempt_key,
        t.message_key,
        t.conversation_key,
        t.intent_predicted,
        cast(floor(t.intent_confidence * 1000000 + 0.5) as bigint) as intent_confidence_ppm,
        t.is_first,
        coalesce(v.labelled_intent, w.labelled_intent) as labelled_intent,
        coalesce(v.novel_by, w.novel_by) as novel_by,
        case when v.novel_by is not null then v.is_novel else w.is_novel end as is_novel,
        coalesce(v.novel_labelled, w.novel_labelled) as novel_labelled,
        case when v.novel_labelled is not null then v.novel_weight_ppm else w.novel_weight_ppm end
            as novel_weight_ppm,
        coalesce(v.novel_detected, w.novel_detected) as novel_detected
    from item as t
    left join verdict as v on t.attempt_key = v.item_key
    left join verdict as w
        on t.conversation_key = w.item_key and w.message_key is null and t.is_first
)

select
    j.attempt_key,
    j.message_key,
    j.conversation_key,
    c.person_key,
    c.customer_known,
    c.bucket,
    c.day,
    j.is_first,
    j.intent_predicted,
    j.intent_confidence_ppm,
    coalesce(j.labelled_intent, r.intent_id, q.intent_id) as reference_intent,
    case
        when j.labelled_intent is not null then 'human'
        when r.intent_id is not null then 'record'
        when q.intent_id is not null then 'queue'
    end as reference_by,
    lower(j.intent_predicted) = lower(coalesce(j.labelled_intent, r.intent_id, q.intent_id)) as is_correct,
    j.is_novel,
    j.novel_by,
    j.novel_labelled,
    j.novel_weight_ppm,
    j.novel_detected,
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
    c.is_test,
    c.is_spam
from joined as j
inner join conversation as c on j.conversation_key = c.conversation_key
left join recorded as r on c.thread_key = r.thread_key
left join queued as q on c.conversation_key = q.conversation_key

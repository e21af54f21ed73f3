-- grain: one public message of a customer, AI agent or human agent
-- key: message_key
-- clock: occurred_at, up to as_of
-- reads: ev_message, _scored_kind, setting
-- as: columns
-- sorted: thread_key, occurred_at
-- Actors and kinds become small integers once, so that later passes compare no text.
-- actor: 0 customer, 1 AI agent, 2 human agent.
-- kind: 0 unknown, 1 answer, 2 clarification, 3 greeting, 4 fallback, 5 notice or note, 6 closing or survey.
-- Where the source states no kind, the built-in scorer's stands.
select
    m.event_key as message_key,
    m.thread_key,
    m.occurred_at,
    cast(case m.actor when 'customer' then 0 when 'ai_agent' then 1 else 2 end as tinyint) as actor,
    cast(
        case coalesce(m.kind, k.label)
            when 'answer' then 1
            when 'custom_answer' then 1
            when 'clarification' then 2
            when 'greeting' then 3
            when 'fallback' then 4
            when 'handoff_notice' then 5
            when 'note' then 5
            when 'closing' then 6
            when 'survey' then 6
            else 0
        end as tinyint
    ) as kind,
    cast(case m.feedback when 'positive' then 1 when 'negative' then -1 else 0 end as tinyint) as feedback
from ev_message as m
cross join setting as s
left join _scored_kind as k on m.event_key = k.message_key
where
    m.is_public
    and m.actor in ('customer', 'ai_agent', 'human_agent')
    and m.occurred_at <= s.as_of_us

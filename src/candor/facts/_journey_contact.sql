-- grain: one conversation, with what it says as the last contact of a journey
-- key: conversation_key
-- clock: none
-- reads: conversation
-- as: view
select
    e.conversation_id,
    e.conversation_key,
    e.person_key,
    e.customer_known,
    e.bucket,
    e.day,
    e.started_at,
    e.is_synthetic_time,
    e.returned_7d,
    case
        when e.override_outcome is not null
            then case e.override_outcome when 'resolved' then true when 'not_resolved' then false end
        when e.contradicted or e.returned_72h then false
        when e.system_verdict = 'confirms' then case when not e.is_open then true end
        when e.explicit_feedback = 'neg' or e.abandoned or e.ended_negative or e.rage_quit then false
        when e.is_open or e.forced_termination is null or e.forced_termination then null
        when e.confirmed then true
        when e.reply_class is null then null
        when e.answered and not e.returned_72h then true
    end as resolved_at_last,
    e.path,
    e.source,
    e.channel,
    e.direction,
    e.language,
    e.region,
    e.customer_segment,
    e.brand,
    e.entry_point,
    e.intent_id,
    e.ai_agent_id,
    e.release,
    e.priority,
    e.is_test,
    e.is_spam,
    e.is_inbound
from conversation as e

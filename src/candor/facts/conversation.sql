-- grain: one contact inside a thread
-- key: conversation_id
-- clock: started_at; windows count from last_activity_at
-- reads: _base, _thread, _contact, _reply, _outcome, _ending, _state, _escalation, _action,
-- reads: _multi_intent, _predicted, _monitored, _guarded, _assessed, _surveyed, _costed, _recount, _calendar,
-- reads: _agent_live, _intent_live, _previous, intent, setting
with joined as (
    select
        b.conversation_key,
        b.conversation_no,
        b.thread_key,
        b.person_key,
        b.customer_known,
        b.bucket,
        b.intent_id,
        b.has_intent,
        b.started_at,
        b.ended_at,
        b.last_activity_at,
        b.first_contact_at,
        b.closed_at,
        b.is_synthetic_time,
        t.thread_id,
        t.source,
        t.channel,
        t.direction,
        t.language,
        t.region,
        t.customer_segment,
        t.brand,
        t.entry_point,
        t.ai_agent_id,
        t.release,
        t.priority,
        t.account_id,
        t.due_first_response_at,
        t.due_resolution_at,
        coalesce(t.is_test, false) as is_test,
        coalesce(t.is_spam, false) as is_spam,
        coalesce(t.direction <> 'proactive', true) as is_inbound,
        i.kind as intent_kind,
        i.risk as intent_risk,
        i.complexity as intent_complexity,
        coalesce(i.is_automatable, true) as is_automatable,
        i.intent_id is not null as has_intent_policy,
        coalesce(c.customer_messages, 0) as customer_messages,
        coalesce(c.ai_messages, 0) as ai_messages,
        coalesce(c.human_messages, 0) as human_messages,
        coalesce(c.ai_turns, 0) as ai_turns,
        coalesce(c.ai_unknown, 0) > 0 as has_unknown_kind,
        coalesce(c.ai_answers, 0) as ai_answers,
        coalesce(c.ai_fallbacks, 0) as ai_fallbacks,
        coalesce(c.ai_clarifications, 0) as ai_clarifications,
        coalesce(c.ai_greetings, 0) as ai_greetings,
        coalesce(c.ai_endings, 0) as ai_endings,
        c.first_customer_at,
        c.last_customer_at,
        c.first_ai_at,
        c.last_ai_at,
        c.first_ai_answer_at,
        c.last_ai_answer_at,
        c.first_human_at,
        c.last_human_at,
        case when r.scored_messages > 0 then r.rephrases end as rephrases,
        r.sentiment_first_ppm,
        r.sentiment_last_ppm,
        case when r.sentiment_messages > 0 then r.sentiment_total // r.sentiment_messages end
            as sentiment_mean_ppm,
        coalesce(r.sentiment_messages, 0) as sentiment_messages,
        g.closed_by,
        g.close_reason,
        coalesce(h.handoffs, 0) as handoffs,
        coalesce(h.transfers, 0) as transfers,
        h.escalation_attempt_at,
        h.escalated_at,
        h.escalation_reason,
        h.is_planned_handoff,
        coalesce(h.planned_handoff_done, false) as planned_handoff_done,
        coalesce(h.is_ping_pong, false) as is_ping_pong,
        h.blocked_reason,
        h.last_accepted_at,
        h.last_unaccepted_at,
        h.escalated_at is not null as escalated,
        case
            when c.ai_unknown > 0 and c.first_human_at is null then null
            when n.thread_key is null or least(c.first_ai_answer_at, c.first_human_at) is null
                then c.customer_messages
            when least(c.first_ai_answer_at, c.first_human_at) >= c.last_customer_at then c.customer_messages
            else n.messages_before_answer
        end as messages_before_answer,
        case when n.thread_key is null then c.first_ai_at else n.ai_reply_at end as ai_reply_at,
        case when n.thread_key is null then c.first_human_at else n.human_reply_at end as human_reply_at,
        n.human_takeover_at,
        n.escalation_turn,
        p.is_repeat,
        p.is_channel_switch,
        s.day_us,
        s.as_of_us
    from _base as b
    cross join setting as s
    inner join _thread as t on b.thread_key = t.thread_key
    left join _contact as c on b.thread_key = c.thread_key and b.conversation_no = c.conversation_no
    left join _reply as r on b.thread_key = r.thread_key and b.conversation_no = r.conversation_no
    left join _ending as g on b.thread_key = g.thread_key and b.conversation_no = g.conversation_no
    left join _escalation as h on b.thread_key = h.thread_key and b.conversation_no = h.conversation_no
    left join _recount as n on b.thread_key = n.thread_key and b.conversation_no = n.conversation_no
    left join _previous as p on b.conversation_key = p.conversation_key
    left join intent as i on b.intent_id = i.intent_id
)

select
    j.thread_id || '#' || cast(j.conversation_no as varchar) as conversation_id,
    j.conversation_key,
    j.conversation_no,
    j.thread_id,
    j.thread_key,
    j.source,
    j.person_key,
    j.customer_known,
    coalesce(j.bucket, bucket200('conv:' || j.thread_id || '#' || cast(j.conversation_no as varchar))) as bucket,
    j.channel,
    j.direction,
    j.language,
    j.region,
    j.customer_segment,
    j.brand,
    j.entry_point,
    j.intent_id,
    j.ai_agent_id,
    j.release,
    j.priority,
    j.account_id,
    case
        when j.ai_messages > 0 and j.human_messages > 0 then 'hybrid'
        when j.ai_messages > 0 then 'ai_only'
        when j.human_messages > 0 then 'human_only'
        else 'none'
    end as path,
    j.intent_kind,
    j.intent_risk,
    j.intent_complexity,
    j.is_test,
    j.is_spam,
    j.is_inbound,
    j.is_automatable,
    j.has_intent_policy,
    j.customer_messages > 0 as engaged,
    j.is_automatable and j.customer_messages > 0 and j.is_inbound and not j.is_test and not j.is_spam as eligible,
    j.ai_messages > 0 as ai_involved,
    j.human_messages > 0 as human_involved,
    j.is_synthetic_time,
    j.has_intent,
    case when j.has_unknown_kind then null else j.ai_messages > 0 and j.ai_greetings = j.ai_messages end
        as ai_greeting_only,
    j.ai_endings > 0 as end_topic_reached,
    d.is_multi_intent,
    j.started_at,
    j.ended_at,
    j.last_activity_at,
    j.first_customer_at,
    j.last_customer_at,
    j.first_contact_at,
    j.first_ai_at,
    j.last_ai_at,
    j.first_ai_answer_at,
    j.last_ai_answer_at,
    j.first_human_at,
    j.last_human_at,
    j.closed_at,
    k.day,
    j.customer_messages,
    j.ai_messages,
    j.human_messages,
    case when not j.has_unknown_kind then j.ai_answers end as ai_answers,
    case when not j.has_unknown_kind then j.ai_fallbacks end as ai_fallbacks,
    case when not j.has_unknown_kind then j.ai_clarifications end as ai_clarifications,
    j.ai_turns,
    least(j.customer_messages, j.ai_messages + j.human_messages) as turns,
    j.rephrases,
    j.handoffs,
    j.transfers,
    coalesce(a.ai_actions, 0) as ai_actions,
    case when d.is_multi_intent then y.intents_raised when not d.is_multi_intent then 1 end as intents_raised,
    case
        when d.is_multi_intent then y.intents_solved
        when o.true_resolution then 1
        when not o.true_resolution then 0
    end as intents_solved,
    j.escalated,
    j.escalation_attempt_at is not null as escalation_attempted,
    j.escalation_attempt_at,
    j.escalated_at,
    case when j.escalated then coalesce(j.escalation_turn, 0) end as escalation_turn,
    case when not j.is_synthetic_time and j.escalated_at >= j.first_ai_at then j.escalated_at - j.first_ai_at end
        as escalation_us,
    j.escalation_reason,
    case when j.escalated then coalesce(j.is_planned_handoff, false) end as is_planned_handoff,
    j.planned_handoff_done,
    case
        when not j.escalated or j.escalation_reason is null then null
        when j.escalation_reason not in ('low_confidence', 'sentiment', 'policy') then false
        else coalesce(o.human_requested_at > j.escalated_at, o.human_requested_at is null)
    end as is_proactive_escalation,
    o.human_requested_at,
    o.asked_human,
    case
        when o.human_requested_at is null then null
        when j.last_human_at >= o.human_requested_at or j.last_accepted_at >= o.human_requested_at then true
        when o.is_open or j.last_unaccepted_at > coalesce(j.last_human_at, j.last_unaccepted_at - 1) then null
        else false
    end as human_came,
    case
        when e.needs_human is not null then e.needs_human
        when not j.is_automatable or j.intent_risk = 'high' then true
    end as needs_human,
    j.transfers >= 2 as is_chain,
    j.is_ping_pong,
    j.blocked_reason,
    o.is_open,
    j.closed_at is not null as closed,
    j.closed_by,
    j.close_reason,
    f.last_state,
    o.answered,
    o.customer_spoke_last,
    o.abandoned,
    o.rage_quit,
    o.forced_termination,
    case when o.abandoned or o.rage_quit then j.ai_turns end as drop_off_turn,
    o.reply_class,
    o.explicit_feedback,
    o.ended_negative,
    j.sentiment_first_ppm,
    j.sentiment_last_ppm,
    j.sentiment_mean_ppm,
    j.sentiment_messages,
    case when j.sentiment_messages >= 2 then j.sentiment_last_ppm - j.sentiment_first_ppm end
        as sentiment_change_ppm,
    o.system_verdict,
    o.system_verdict_at,
    o.customer_verdict,
    o.confirmed,
    o.contradicted,
    o.evidence,
    o.confirmed_at,
    o.has_complaint,
    o.has_dispute,
    o.has_reversal,
    o.has_account_closure,
    o.claimed is not null as has_claim,
    o.claimed,
    o.claimed_resolved,
    o.claim_is_billable,
    case
        when o.claimed_resolved is null or not o.claimed_resolved then null
        when o.contradicted or o.returned_72h then false
        when o.confirmed or not o.returned_72h then true
    end as claim_held,
    o.return_at,
    o.return_channel,
    o.return_class,
    o.thread_return_at,
    o.reopened_at,
    o.returned_24h,
    o.returned_48h,
    o.returned_72h,
    o.returned_7d,
    o.reopened_24h,
    o.reopened_48h,
    o.reopened_72h,
    o.reopened_7d,
    o.return_delay_us,
    o.return_at_risk_us,
    o.unknown_issue_contact_at,
    o.other_thread_human_reply_at,
    o.window_open_24h,
    o.window_open_72h,
    o.window_open_7d,
    o.contained,
    o.contained or coalesce(o.claimed_resolved, false) as looked_successful,
    case
        when not coalesce(o.contained or coalesce(o.claimed_resolved, false), false) then null
        when
            o.contradicted
            or o.returned_7d
            or o.has_complaint
            or o.has_dispute
            or o.has_reversal
            or o.has_account_closure
            then true
        when j.is_synthetic_time then case when o.system_verdict = 'confirms' then false end
        when not o.returned_7d then false
    end as silent_failure,
    o.true_resolution,
    case when o.true_resolution then not o.confirmed end as resolution_assumed,
    case
        when j.ai_messages = 0 then null
        when j.transfers > 0 or o.contradicted or o.returned_24h then false
        when o.system_verdict = 'confirms' then case when not o.returned_24h then true end
        when not o.answered or o.explicit_feedback = 'neg' or o.ended_negative or o.rage_quit then false
        when o.is_open or o.forced_termination is null or o.forced_termination or o.rage_quit is null then null
        when o.answered and o.reply_class is not null and not o.returned_24h then true
    end as ai_fcr_24h,
    case
        when j.ai_messages = 0 then null
        when j.transfers > 0 or o.contradicted or o.returned_72h then false
        when o.system_verdict = 'confirms' then case when not o.returned_72h then true end
        when not o.answered or o.explicit_feedback = 'neg' or o.ended_negative or o.rage_quit then false
        when o.is_open or o.forced_termination is null or o.forced_termination or o.rage_quit is null then null
        when o.answered and o.reply_class is not null and not o.returned_72h then true
    end as ai_fcr_72h,
    case
        when j.human_messages = 0 then null
        when j.transfers > 1 or o.returned_72h or o.contradicted then false
        when not o.returned_72h then true
    end as human_fcr_72h,
    coalesce(m.since <= coalesce(j.ended_at, j.last_activity_at, j.started_at), false) as is_monitored,
    case
        when m.since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) then coalesce(w.violations, 0)
    end as violations,
    case
        when m.since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) then coalesce(w.near_misses, 0)
    end as near_misses,
    case
        when w.violations > 0 or e.violation then true
        when m.since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) or not e.violation then false
    end as has_violation,
    case
        when w.near_misses > 0 or e.near_misses > 0 then true
        when m.since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) or e.near_miss_verdicts > 0
            then false
    end as has_near_miss,
    case
        when m.since <= coalesce(j.ended_at, j.last_activity_at, j.started_at)
            then coalesce(w.overrides, 0) > 0
    end as has_override,
    case w.worst when 1 then 'low' when 2 then 'medium' when 3 then 'high' when 4 then 'critical' end
        as violation_severity,
    coalesce(e.code_scores > 0, false) or coalesce(j.rephrases is not null, false) as scored_by_code,
    coalesce(e.judge_scores > 0, false) as scored_by_judge,
    coalesce(e.human_scores > 0, false) as scored_by_human,
    case when not j.is_synthetic_time then least(j.ai_reply_at, j.human_reply_at) - j.first_customer_at end
        as first_response_us,
    case when not j.is_synthetic_time then j.ai_reply_at - j.first_customer_at end as ai_first_response_us,
    case
        when j.is_synthetic_time then null
        when j.escalated then j.human_takeover_at - j.escalated_at
        else j.human_reply_at - j.first_customer_at
    end as human_first_response_us,
    case when not j.is_synthetic_time and j.closed_at >= j.started_at then j.closed_at - j.started_at end
        as resolution_us,
    case when not j.is_synthetic_time then j.last_human_at - j.first_human_at end as handle_us,
    case
        when
            not j.is_synthetic_time
            and o.true_resolution
            and o.confirmed
            and j.human_messages = 0
            and o.confirmed_at >= j.first_ai_at
            then o.confirmed_at - j.first_ai_at
    end as self_service_us,
    case
        when j.is_synthetic_time or j.due_first_response_at is null then null
        when least(j.ai_reply_at, j.human_reply_at) is not null
            then least(j.ai_reply_at, j.human_reply_at) <= j.due_first_response_at
        when j.due_first_response_at < j.as_of_us then false
    end as first_response_met,
    case
        when j.is_synthetic_time or j.due_resolution_at is null then null
        when j.closed_at is not null then j.closed_at <= j.due_resolution_at
        when j.due_resolution_at < j.as_of_us then false
    end as resolution_met,
    j.messages_before_answer,
    cast(case j.is_channel_switch when true then 1 when false then 0 end as bigint) as channel_switches,
    cast(case j.is_repeat when true then 1 when false then 0 end as bigint) as repeats,
    case
        when
            j.messages_before_answer is null
            or j.rephrases is null
            or j.has_unknown_kind
            or j.is_channel_switch is null
            or j.is_repeat is null
            then null
        else
            least(
                100,
                10 * greatest(j.messages_before_answer - 1, 0)
                + 15 * j.rephrases
                + 5 * j.ai_clarifications
                + case when j.is_channel_switch then 20 else 0 end
                + case when j.is_repeat then 20 else 0 end
            )
    end as effort_points,
    case
        when j.is_synthetic_time then null
        when j.started_at >= l.live_at then cast((j.started_at - l.live_at) // j.day_us as integer)
    end as days_since_live,
    case
        when j.is_synthetic_time then null
        when j.started_at >= v.live_at then cast((j.started_at - v.live_at) // j.day_us as integer)
    end as days_since_intent_live,
    coalesce(u.survey_asked, false) as survey_asked,
    coalesce(u.survey_answered, false) as survey_answered,
    u.csat_ppm,
    u.csat_ppm >= 750000 as csat_is_positive,
    u.csat_about,
    cc.cost_amount,
    cc.cost_currency,
    cc.human_minutes
from joined as j
inner join _outcome as o on j.conversation_key = o.conversation_key
left join _calendar as k
    on j.started_at // 86400000000 = k.utc_day and j.started_at >= k.starts_at and j.started_at < k.ends_at
left join _predicted as d on j.thread_key = d.thread_key and j.conversation_no = d.conversation_no
left join _multi_intent as y on j.thread_key = y.thread_key and j.conversation_no = y.conversation_no
left join _action as a on j.thread_key = a.thread_key and j.conversation_no = a.conversation_no
left join _assessed as e on j.thread_key = e.thread_key and j.conversation_no = e.conversation_no
left join _state as f on j.thread_key = f.thread_key
left join _monitored as m on coalesce(j.ai_agent_id, '') = m.agent and j.ai_messages > 0
left join _guarded as w on j.thread_key = w.thread_key and j.conversation_no = w.conversation_no
left join _agent_live as l on j.ai_agent_id = l.agent
left join _intent_live as v on j.intent_id = v.intent_id
left join _surveyed as u on j.thread_key = u.thread_key and j.conversation_no = u.conversation_no
left join _costed as cc on j.thread_key = cc.thread_key and j.conversation_no = cc.conversation_no

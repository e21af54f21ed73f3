-- grain: one contact inside a thread
-- key: conversation_id
-- clock: started_at; windows count from last_activity_at
-- reads: _base, _circumstance, _thread, _contact, _reply, _outcome, _ending, _state, _escalation, _action,
-- reads: _multi_intent, _predicted, _guarded, _assessed, _surveyed, _costed, _recount, _previous, setting
-- aligned: b
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
        x.day,
        x.intent_kind,
        x.intent_risk,
        x.intent_complexity,
        x.is_automatable,
        x.has_intent_policy,
        x.monitored_since,
        x.agent_live_at,
        x.intent_live_at,
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
        d.is_multi_intent,
        y.intents_raised,
        y.intents_solved,
        a.ai_actions,
        e.code_scores,
        e.human_scores,
        e.judge_scores,
        e.near_miss_verdicts,
        e.near_misses as judged_near_misses,
        e.needs_human as judged_needs_human,
        e.violation as judged_violation,
        f.last_state,
        w.near_misses as guarded_near_misses,
        w.overrides,
        w.violations,
        w.worst,
        u.csat_about,
        u.csat_ppm,
        u.survey_answered,
        u.survey_asked,
        q.cost_amount,
        q.cost_currency,
        q.human_minutes,
        o.abandoned,
        o.answered,
        o.asked_human,
        o.claim_is_billable,
        o.claimed,
        o.claimed_resolved,
        o.confirmed,
        o.confirmed_at,
        o.contained,
        o.contradicted,
        o.customer_spoke_last,
        o.customer_verdict,
        o.ended_negative,
        o.evidence,
        o.explicit_feedback,
        o.followed_us,
        o.forced_termination,
        o.has_account_closure,
        o.has_complaint,
        o.has_dispute,
        o.has_reversal,
        o.human_requested_at,
        o.is_open,
        o.other_thread_human_reply_at,
        o.override_outcome,
        o.overridden_at,
        o.overridden_by,
        o.rage_quit,
        o.reopened_24h,
        o.reopened_48h,
        o.reopened_72h,
        o.reopened_7d,
        o.reopened_at,
        o.reply_class,
        o.return_at,
        o.return_at_risk_us,
        o.return_channel,
        o.return_class,
        o.return_delay_us,
        o.returned_24h,
        o.returned_48h,
        o.returned_72h,
        o.returned_7d,
        o.system_verdict,
        o.system_verdict_at,
        o.thread_return_at,
        o.true_resolution,
        o.unknown_issue_contact_at,
        o.window_open_24h,
        o.window_open_72h,
        o.window_open_7d,
        s.day_us,
        s.as_of_us
    from _base as b
    cross join setting as s
    inner join _thread as t on b.thread_key = t.thread_key
    inner join _circumstance as x on b.conversation_key = x.conversation_key
    inner join _outcome as o on b.conversation_key = o.conversation_key
    left join _contact as c on b.thread_key = c.thread_key and b.conversation_no = c.conversation_no
    left join _reply as r on b.thread_key = r.thread_key and b.conversation_no = r.conversation_no
    left join _ending as g on b.thread_key = g.thread_key and b.conversation_no = g.conversation_no
    left join _escalation as h on b.thread_key = h.thread_key and b.conversation_no = h.conversation_no
    left join _recount as n on b.thread_key = n.thread_key and b.conversation_no = n.conversation_no
    left join _previous as p on b.conversation_key = p.conversation_key
    left join _predicted as d on b.thread_key = d.thread_key and b.conversation_no = d.conversation_no
    left join _multi_intent as y on b.thread_key = y.thread_key and b.conversation_no = y.conversation_no
    left join _action as a on b.thread_key = a.thread_key and b.conversation_no = a.conversation_no
    left join _assessed as e on b.thread_key = e.thread_key and b.conversation_no = e.conversation_no
    left join _guarded as w on b.thread_key = w.thread_key and b.conversation_no = w.conversation_no
    left join _surveyed as u on b.thread_key = u.thread_key and b.conversation_no = u.conversation_no
    left join _costed as q on b.thread_key = q.thread_key and b.conversation_no = q.conversation_no
    left join _state as f on b.thread_key = f.thread_key
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
    j.is_multi_intent,
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
    j.day,
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
    coalesce(j.ai_actions, 0) as ai_actions,
    case when j.is_multi_intent then j.intents_raised when not j.is_multi_intent then 1 end as intents_raised,
    case
        when j.is_multi_intent then j.intents_solved
        when j.true_resolution then 1
        when not j.true_resolution then 0
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
        else coalesce(j.human_requested_at > j.escalated_at, j.human_requested_at is null)
    end as is_proactive_escalation,
    j.human_requested_at,
    j.asked_human,
    case
        when j.human_requested_at is null then null
        when j.last_human_at >= j.human_requested_at or j.last_accepted_at >= j.human_requested_at then true
        when j.is_open or j.last_unaccepted_at > coalesce(j.last_human_at, j.last_unaccepted_at - 1) then null
        else false
    end as human_came,
    case
        when j.judged_needs_human is not null then j.judged_needs_human
        when not j.is_automatable or j.intent_risk = 'high' then true
    end as needs_human,
    j.transfers >= 2 as is_chain,
    j.is_ping_pong,
    j.blocked_reason,
    j.is_open,
    j.closed_at is not null as closed,
    j.closed_by,
    j.close_reason,
    j.last_state,
    j.answered,
    j.customer_spoke_last,
    j.abandoned,
    j.rage_quit,
    j.forced_termination,
    case when j.abandoned or j.rage_quit then j.ai_turns end as drop_off_turn,
    j.reply_class,
    j.explicit_feedback,
    j.ended_negative,
    j.sentiment_first_ppm,
    j.sentiment_last_ppm,
    j.sentiment_mean_ppm,
    j.sentiment_messages,
    case when j.sentiment_messages >= 2 then j.sentiment_last_ppm - j.sentiment_first_ppm end
        as sentiment_change_ppm,
    j.system_verdict,
    j.system_verdict_at,
    j.customer_verdict,
    j.confirmed,
    j.contradicted,
    j.evidence,
    j.confirmed_at,
    j.has_complaint,
    j.has_dispute,
    j.has_reversal,
    j.has_account_closure,
    j.claimed is not null as has_claim,
    j.claimed,
    j.claimed_resolved,
    j.claim_is_billable,
    case
        when j.claimed_resolved is null or not j.claimed_resolved then null
        when j.override_outcome is not null
            then case j.override_outcome when 'resolved' then true when 'not_resolved' then false end
        when j.contradicted or j.returned_72h then false
        when j.confirmed or not j.returned_72h then true
    end as claim_held,
    j.return_at,
    j.return_channel,
    j.return_class,
    j.thread_return_at,
    j.reopened_at,
    j.returned_24h,
    j.returned_48h,
    j.returned_72h,
    j.returned_7d,
    j.reopened_24h,
    j.reopened_48h,
    j.reopened_72h,
    j.reopened_7d,
    j.return_delay_us,
    j.return_at_risk_us,
    j.followed_us,
    j.unknown_issue_contact_at,
    j.other_thread_human_reply_at,
    j.window_open_24h,
    j.window_open_72h,
    j.window_open_7d,
    j.contained,
    j.contained or coalesce(j.claimed_resolved, false) as looked_successful,
    case
        when not coalesce(j.contained or coalesce(j.claimed_resolved, false), false) then null
        when j.override_outcome is not null
            then case j.override_outcome when 'resolved' then false when 'not_resolved' then true end
        when
            j.contradicted
            or j.returned_7d
            or j.has_complaint
            or j.has_dispute
            or j.has_reversal
            or j.has_account_closure
            then true
        when j.is_synthetic_time then case when j.system_verdict = 'confirms' then false end
        when not j.returned_7d then false
    end as silent_failure,
    j.true_resolution,
    case when j.true_resolution then not j.confirmed end as resolution_assumed,
    j.override_outcome,
    j.overridden_by,
    j.overridden_at,
    case
        when j.ai_messages = 0 then null
        when j.transfers > 0 or j.returned_24h then false
        when j.override_outcome = 'resolved' then case when not j.returned_24h then true end
        when j.override_outcome is not null then case when j.override_outcome = 'not_resolved' then false end
        when j.contradicted then false
        when j.system_verdict = 'confirms' then case when not j.returned_24h then true end
        when not j.answered or j.explicit_feedback = 'neg' or j.ended_negative or j.rage_quit then false
        when j.is_open or j.forced_termination is null or j.forced_termination or j.rage_quit is null then null
        when j.answered and j.reply_class is not null and not j.returned_24h then true
    end as ai_fcr_24h,
    case
        when j.ai_messages = 0 then null
        when j.transfers > 0 or j.returned_72h then false
        when j.override_outcome = 'resolved' then case when not j.returned_72h then true end
        when j.override_outcome is not null then case when j.override_outcome = 'not_resolved' then false end
        when j.contradicted then false
        when j.system_verdict = 'confirms' then case when not j.returned_72h then true end
        when not j.answered or j.explicit_feedback = 'neg' or j.ended_negative or j.rage_quit then false
        when j.is_open or j.forced_termination is null or j.forced_termination or j.rage_quit is null then null
        when j.answered and j.reply_class is not null and not j.returned_72h then true
    end as ai_fcr_72h,
    case
        when j.human_messages = 0 then null
        when j.transfers > 1 or j.returned_72h then false
        when j.override_outcome = 'resolved' then case when not j.returned_72h then true end
        when j.override_outcome is not null then case when j.override_outcome = 'not_resolved' then false end
        when j.contradicted then false
        when not j.returned_72h then true
    end as human_fcr_72h,
    coalesce(j.monitored_since <= coalesce(j.ended_at, j.last_activity_at, j.started_at), false) as is_monitored,
    case
        when j.monitored_since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) then coalesce(j.violations, 0)
    end as violations,
    case
        when j.monitored_since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) then coalesce(j.guarded_near_misses, 0)
    end as near_misses,
    case
        when j.violations > 0 or j.judged_violation then true
        when j.monitored_since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) or not j.judged_violation then false
    end as has_violation,
    case
        when j.guarded_near_misses > 0 or j.judged_near_misses > 0 then true
        when j.monitored_since <= coalesce(j.ended_at, j.last_activity_at, j.started_at) or j.near_miss_verdicts > 0
            then false
    end as has_near_miss,
    case
        when j.monitored_since <= coalesce(j.ended_at, j.last_activity_at, j.started_at)
            then coalesce(j.overrides, 0) > 0
    end as has_override,
    case j.worst when 1 then 'low' when 2 then 'medium' when 3 then 'high' when 4 then 'critical' end
        as violation_severity,
    coalesce(j.code_scores > 0, false) or coalesce(j.rephrases is not null, false) as scored_by_code,
    coalesce(j.judge_scores > 0, false) as scored_by_judge,
    coalesce(j.human_scores > 0, false) as scored_by_human,
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
            and j.true_resolution
            and j.confirmed
            and j.human_messages = 0
            and j.confirmed_at >= j.first_ai_at
            then j.confirmed_at - j.first_ai_at
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
        when j.started_at >= j.agent_live_at then cast((j.started_at - j.agent_live_at) // j.day_us as integer)
    end as days_since_live,
    case
        when j.is_synthetic_time then null
        when j.started_at >= j.intent_live_at then cast((j.started_at - j.intent_live_at) // j.day_us as integer)
    end as days_since_intent_live,
    coalesce(j.survey_asked, false) as survey_asked,
    coalesce(j.survey_answered, false) as survey_answered,
    j.csat_ppm,
    j.csat_ppm >= 750000 as csat_is_positive,
    j.csat_about,
    j.cost_amount,
    j.cost_currency,
    j.human_minutes
from joined as j

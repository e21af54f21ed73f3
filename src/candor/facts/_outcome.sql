-- grain: one conversation
-- key: conversation_key
-- clock: last_activity_at, up to the data's horizon
-- reads: _base, _contact, _reply, _escalation, _ending, _surveyed, _record, _harm_source, _return, _stranger,
-- reads: _reopening, _claimed, _override, setting
-- as: columns
-- aligned: b
-- The last word, who confirmed it, whether the person came back, and what follows for the outcome.
-- An outcome set by a person stands above every other reading; it never changes what happened.
-- Three-valued throughout: null is "not (yet) known". Windows are closed-open and count from the last activity.
with joined as (
    select
        b.conversation_key,
        b.thread_key,
        b.conversation_no,
        b.customer_known,
        b.is_synthetic_time,
        b.started_at,
        b.last_activity_at,
        b.ended_at is null as is_open,
        coalesce(c.customer_messages, 0) as customer_messages,
        coalesce(c.ai_messages, 0) as ai_messages,
        coalesce(c.human_messages, 0) as human_messages,
        coalesce(c.ai_unknown, 0) as ai_unknown,
        coalesce(c.ai_answers, 0) as ai_answers,
        c.last_customer_at,
        c.last_ai_at,
        c.last_human_at,
        c.last_ai_prompt_at,
        c.last_ai_fallback_at,
        c.last_ai_unknown_at,
        r.scored_messages,
        r.last_affirm_at,
        case when r.thread_key is null then 'none' else r.reply_class end as reply_class,
        greatest(c.last_liked_at, v.liked_at) as liked_at,
        case
            when
                greatest(c.last_liked_at, v.liked_at)
                > coalesce(
                    greatest(c.last_disliked_at, v.disliked_at, v.neutral_at),
                    greatest(c.last_liked_at, v.liked_at) - 1
                )
                then 'pos'
            when
                greatest(c.last_disliked_at, v.disliked_at)
                >= coalesce(
                    greatest(c.last_liked_at, v.liked_at, v.neutral_at),
                    greatest(c.last_disliked_at, v.disliked_at)
                )
                then 'neg'
        end as explicit_feedback,
        e.escalated_at,
        least(r.first_asks_human_at, e.requested_at) as human_requested_at,
        b.closed_at,
        coalesce(g.forced_closes, 0) as forced_closes,
        k.confirms_at,
        k.contradicts_at,
        k.complaint_at,
        k.dispute_at,
        k.reversal_at,
        k.account_closure_at,
        u.return_at,
        u.return_channel,
        u.return_class,
        u.thread_return_at,
        least(u.thread_return_at, w.state_reopened_at) as reopened_at,
        x.unknown_issue_contact_at,
        x.other_thread_human_reply_at,
        q.claimed,
        q.claim_is_billable,
        z.override_outcome,
        z.overridden_by,
        z.overridden_at,
        y.knows_complaints,
        y.knows_disputes,
        y.knows_reversals,
        y.knows_closures,
        s.horizon_us,
        s.h24_us,
        s.h48_us,
        s.h72_us,
        s.d3_us,
        s.d7_us
    from _base as b
    cross join setting as s
    cross join _harm_source as y
    left join _contact as c on b.thread_key = c.thread_key and b.conversation_no = c.conversation_no
    left join _reply as r on b.thread_key = r.thread_key and b.conversation_no = r.conversation_no
    left join _surveyed as v on b.thread_key = v.thread_key and b.conversation_no = v.conversation_no
    left join _escalation as e on b.thread_key = e.thread_key and b.conversation_no = e.conversation_no
    left join _ending as g on b.thread_key = g.thread_key and b.conversation_no = g.conversation_no
    left join _claimed as q on b.thread_key = q.thread_key and b.conversation_no = q.conversation_no
    left join _reopening as w on b.thread_key = w.thread_key and b.conversation_no = w.conversation_no
    left join _override as z on b.thread_key = z.thread_key and b.conversation_no = z.conversation_no
    left join _record as k on b.conversation_key = k.conversation_key
    left join _return as u on b.conversation_key = u.conversation_key
    left join _stranger as x on b.conversation_key = x.conversation_key
),

heard as (
    select
        j.conversation_key,
        j.thread_key,
        j.conversation_no,
        j.customer_known,
        j.is_synthetic_time,
        j.started_at,
        j.last_activity_at,
        j.is_open,
        j.ai_messages,
        j.human_messages,
        j.customer_messages,
        j.ai_unknown,
        j.ai_answers,
        j.last_customer_at,
        j.last_ai_at,
        j.last_human_at,
        j.last_ai_prompt_at,
        j.last_ai_fallback_at,
        j.last_ai_unknown_at,
        j.scored_messages,
        j.last_affirm_at,
        j.reply_class,
        j.liked_at,
        j.explicit_feedback,
        j.escalated_at,
        j.human_requested_at,
        j.closed_at,
        j.forced_closes,
        j.confirms_at,
        j.contradicts_at,
        j.complaint_at,
        j.dispute_at,
        j.reversal_at,
        j.account_closure_at,
        j.return_at,
        j.return_channel,
        j.return_class,
        j.thread_return_at,
        j.reopened_at,
        j.unknown_issue_contact_at,
        j.other_thread_human_reply_at,
        j.claimed,
        j.claim_is_billable,
        j.override_outcome,
        j.overridden_by,
        j.overridden_at,
        j.knows_complaints,
        j.knows_disputes,
        j.knows_reversals,
        j.knows_closures,
        j.horizon_us,
        j.h24_us,
        j.h48_us,
        j.h72_us,
        j.d3_us,
        j.d7_us,
        case when j.contradicts_at is not null then 'contradicts' when j.confirms_at is not null then 'confirms' end
            as system_verdict,
        case
            when
                j.explicit_feedback = 'neg'
                or j.reply_class in ('negative', 'asks_human')
                or (j.return_class = 'negative' and not j.is_synthetic_time)
                then 'contradicts'
            when j.explicit_feedback = 'pos' or j.reply_class = 'affirm' then 'confirms'
        end as customer_verdict
    from joined as j
),

known as (
    select
        j.conversation_key,
        j.thread_key,
        j.conversation_no,
        j.escalated_at,
        j.ai_messages,
        j.reply_class,
        j.explicit_feedback,
        j.claimed,
        j.claim_is_billable,
        j.override_outcome,
        j.overridden_by,
        j.overridden_at,
        j.reply_class in ('negative', 'asks_human') as ended_negative,
        j.system_verdict,
        case j.system_verdict when 'contradicts' then j.contradicts_at when 'confirms' then j.confirms_at end
            as system_verdict_at,
        j.customer_verdict,
        coalesce(coalesce(j.system_verdict, j.customer_verdict) = 'confirms', false) as confirmed,
        coalesce(coalesce(j.system_verdict, j.customer_verdict) = 'contradicts', false) as contradicted,
        case
            when j.system_verdict = 'confirms' then 'system_confirmed'
            when j.system_verdict is null and j.customer_verdict = 'confirms' then 'customer_confirmed'
        end as evidence,
        case
            when coalesce(j.system_verdict, j.customer_verdict) = 'confirms'
                then least(
                    j.confirms_at,
                    case when j.explicit_feedback = 'pos' then j.liked_at end,
                    case when j.reply_class = 'affirm' then j.last_affirm_at end
                )
        end as confirmed_at,
        j.is_open,
        j.human_requested_at,
        case
            when j.human_requested_at is not null then true
            when j.customer_messages = 0 or j.scored_messages = j.customer_messages then false
        end as asked_human,
        case
            when j.human_messages > 0 or j.ai_answers > 0 then true
            when j.ai_unknown > 0 then null
            else false
        end as answered,
        coalesce(j.last_customer_at > coalesce(greatest(j.last_ai_at, j.last_human_at), j.last_customer_at - 1), false)
            as customer_spoke_last,
        case
            when j.human_messages > 0 or j.ai_answers > 0 or j.customer_messages = 0 then false
            when j.is_open then null
            when j.last_customer_at > coalesce(j.last_ai_at, j.last_customer_at - 1)
                then case when j.ai_unknown = 0 then true end
            when j.last_ai_unknown_at = j.last_ai_at then null
            when j.last_ai_prompt_at = j.last_ai_at or j.last_ai_fallback_at = j.last_ai_at
                then case when j.ai_unknown = 0 then true end
            else false
        end as abandoned,
        case
            when j.human_messages > 0 or j.customer_messages = 0 then false
            when j.is_open then null
            when j.last_ai_fallback_at = j.last_ai_at then true
            when j.reply_class in ('negative', 'asks_human') then true
            when j.reply_class is null or j.last_ai_unknown_at = j.last_ai_at then null
            else false
        end as rage_quit,
        case
            when j.forced_closes = 0 then false
            when j.last_customer_at > coalesce(greatest(j.last_ai_at, j.last_human_at), j.last_customer_at - 1)
                then j.reply_class not in ('gratitude', 'affirm')
            else false
        end as forced_termination,
        case when j.is_synthetic_time then null else j.return_at end as return_at,
        case when j.is_synthetic_time then null else j.return_channel end as return_channel,
        case when j.is_synthetic_time then null else j.return_class end as return_class,
        case when j.is_synthetic_time then null else j.thread_return_at end as thread_return_at,
        case when j.is_synthetic_time then null else j.reopened_at end as reopened_at,
        case when j.is_synthetic_time then null else j.unknown_issue_contact_at end as unknown_issue_contact_at,
        case when j.is_synthetic_time then null else j.other_thread_human_reply_at end as other_thread_human_reply_at,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.return_at - j.last_activity_at < j.h24_us then true
            when j.is_open or j.last_activity_at + j.h24_us > j.horizon_us then null
            when j.unknown_issue_contact_at - j.last_activity_at < j.h24_us then null
            when j.customer_known then false
        end as returned_24h,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.return_at - j.last_activity_at < j.h48_us then true
            when j.is_open or j.last_activity_at + j.h48_us > j.horizon_us then null
            when j.unknown_issue_contact_at - j.last_activity_at < j.h48_us then null
            when j.customer_known then false
        end as returned_48h,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.return_at - j.last_activity_at < j.h72_us then true
            when j.is_open or j.last_activity_at + j.h72_us > j.horizon_us then null
            when j.unknown_issue_contact_at - j.last_activity_at < j.h72_us then null
            when j.customer_known then false
        end as returned_72h,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.return_at - j.last_activity_at < j.d3_us then true
            when j.is_open or j.last_activity_at + j.d3_us > j.horizon_us then null
            when j.unknown_issue_contact_at - j.last_activity_at < j.d3_us then null
            when j.customer_known then false
        end as returned_3d,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.return_at - j.last_activity_at < j.d7_us then true
            when j.is_open or j.last_activity_at + j.d7_us > j.horizon_us then null
            when j.unknown_issue_contact_at - j.last_activity_at < j.d7_us then null
            when j.customer_known then false
        end as returned_7d,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.reopened_at - j.last_activity_at < j.h24_us then true
            when j.is_open or j.last_activity_at + j.h24_us > j.horizon_us then null
            else false
        end as reopened_24h,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.reopened_at - j.last_activity_at < j.h48_us then true
            when j.is_open or j.last_activity_at + j.h48_us > j.horizon_us then null
            else false
        end as reopened_48h,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.reopened_at - j.last_activity_at < j.h72_us then true
            when j.is_open or j.last_activity_at + j.h72_us > j.horizon_us then null
            else false
        end as reopened_72h,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.reopened_at - j.last_activity_at < j.d7_us then true
            when j.is_open or j.last_activity_at + j.d7_us > j.horizon_us then null
            else false
        end as reopened_7d,
        case when j.is_synthetic_time then null else j.last_activity_at + j.h24_us > j.horizon_us end as window_open_24h,
        case when j.is_synthetic_time then null else j.last_activity_at + j.h72_us > j.horizon_us end as window_open_72h,
        case when j.is_synthetic_time then null else j.last_activity_at + j.d7_us > j.horizon_us end as window_open_7d,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.complaint_at - j.last_activity_at < j.d7_us then true
            when not j.knows_complaints or j.is_open or j.last_activity_at + j.d7_us > j.horizon_us then null
            else false
        end as has_complaint,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.dispute_at - j.last_activity_at < j.d7_us then true
            when not j.knows_disputes or j.is_open or j.last_activity_at + j.d7_us > j.horizon_us then null
            else false
        end as has_dispute,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.reversal_at - j.last_activity_at < j.d7_us then true
            when not j.knows_reversals or j.is_open or j.last_activity_at + j.d7_us > j.horizon_us then null
            else false
        end as has_reversal,
        case
            when j.is_synthetic_time or j.last_activity_at is null then null
            when j.account_closure_at - j.last_activity_at < j.d7_us then true
            when not j.knows_closures or j.is_open or j.last_activity_at + j.d7_us > j.horizon_us then null
            else false
        end as has_account_closure,
        case when j.is_synthetic_time then null else j.return_at - j.last_activity_at end as return_delay_us,
        case
            when j.is_synthetic_time or j.is_open or j.last_activity_at is null then null
            else greatest(coalesce(j.return_at, j.horizon_us) - j.last_activity_at, 0)
        end as return_at_risk_us,
        case
            when j.is_synthetic_time or j.is_open or j.last_activity_at is null then null
            else greatest(j.horizon_us - j.last_activity_at, 0)
        end as followed_us
    from heard as j
)

select
    k.conversation_key,
    k.thread_key,
    k.conversation_no,
    k.reply_class,
    k.explicit_feedback,
    k.ended_negative,
    k.system_verdict,
    k.system_verdict_at,
    k.customer_verdict,
    k.confirmed,
    k.contradicted,
    k.evidence,
    k.confirmed_at,
    k.is_open,
    k.human_requested_at,
    k.asked_human,
    k.answered,
    k.customer_spoke_last,
    k.abandoned,
    k.rage_quit,
    k.forced_termination,
    k.return_at,
    k.return_channel,
    k.return_class,
    k.thread_return_at,
    k.reopened_at,
    k.unknown_issue_contact_at,
    k.other_thread_human_reply_at,
    k.returned_24h,
    k.returned_48h,
    k.returned_72h,
    k.returned_3d,
    k.returned_7d,
    k.reopened_24h,
    k.reopened_48h,
    k.reopened_72h,
    k.reopened_7d,
    k.window_open_24h,
    k.window_open_72h,
    k.window_open_7d,
    k.has_complaint,
    k.has_dispute,
    k.has_reversal,
    k.has_account_closure,
    k.return_delay_us,
    k.return_at_risk_us,
    k.followed_us,
    k.claimed,
    k.claim_is_billable,
    k.override_outcome,
    k.overridden_by,
    k.overridden_at,
    case
        when k.ai_messages = 0 then false
        when k.escalated_at is not null or k.forced_termination then false
        when k.rage_quit and coalesce(k.system_verdict, '') <> 'confirms' then false
        when k.is_open or k.forced_termination is null then null
        when k.rage_quit is null and coalesce(k.system_verdict, '') <> 'confirms' then null
        else true
    end as contained,
    case
        when k.ai_messages = 0 then null
        when k.escalated_at is not null then false
        when k.override_outcome is not null
            then case k.override_outcome when 'resolved' then true when 'not_resolved' then false end
        when k.contradicted or k.returned_72h then false
        when k.system_verdict = 'confirms' then case when not k.is_open then true end
        when k.explicit_feedback = 'neg' or k.abandoned or k.ended_negative or k.rage_quit then false
        when k.is_open or k.forced_termination is null or k.forced_termination or k.rage_quit is null then null
        when k.confirmed then true
        when k.reply_class is null then null
        when k.answered and not k.returned_72h then true
    end as true_resolution,
    k.claimed in ('resolved_confirmed', 'resolved_assumed') as claimed_resolved
from known as k

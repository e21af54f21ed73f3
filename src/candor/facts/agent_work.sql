-- grain: one human agent on one reporting day
-- key: human_agent_id, day
-- clock: starts of conversations
-- reads: human_contact
-- The human agent is the unit of independence here, not the customer.
select
    w.human_agent_id,
    key60(w.human_agent_id) as person_key,
    bucket200(w.human_agent_id) as bucket,
    w.day,
    min(w.team) as team,
    min(w.tenure_days) as tenure_days,
    min(w.tenure_band) as tenure_band,
    count(w.conversation_key) as conversations,
    count(case when w.assistance = 'assisted' then 1 end) as assisted,
    count(w.assistance) as assistance_known,
    count(case when w.solved then 1 end) as solved,
    count(w.solved) as solved_known,
    cast(coalesce(sum(w.handle_us), 0) as bigint) as handle_us,
    count(w.handle_us) as handled,
    false as is_test,
    false as is_spam
from human_contact as w
where w.human_agent_id is not null and not w.is_test and not w.is_spam
group by w.human_agent_id, w.day

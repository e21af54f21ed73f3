-- grain: one issue of one thread
-- key: thread_key, issue_key
-- clock: none
-- reads: _base
-- An issue is a person and an intent; where either is unknown, the thread itself.
with pair as (
    select distinct b.thread_key, b.person_key, b.intent_id, b.customer_known
    from _base as b
)

select distinct
    p.thread_key,
    case
        when p.customer_known and p.intent_id is not null
            then key60(cast(p.person_key as varchar) || ':' || p.intent_id)
        else p.thread_key
    end as issue_key
from pair as p

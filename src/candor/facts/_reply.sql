-- grain: one contact with at least one public customer message
-- key: thread_key, conversation_no
-- clock: occurred_at
-- reads: _heard
-- as: columns
-- The strongest class after the last answer is what the customer said last; see _heard for what is packed.
select
    r.thread_key,
    r.conversation_no,
    coalesce(r.scored_messages, 0) as scored_messages,
    case
        when r.anchor_at is null or r.last_customer_at <= r.anchor_at then 'none'
        when r.last_asks_human_at > r.anchor_at then 'asks_human'
        when r.last_unscored_at > r.anchor_at then null
        when r.last_negative_at > r.anchor_at then 'negative'
        when r.last_follow_up_at > r.anchor_at then 'follow_up'
        when r.last_affirm_at > r.anchor_at then 'affirm'
        when r.last_gratitude_at > r.anchor_at then 'gratitude'
    end as reply_class,
    r.last_affirm_at,
    r.first_asks_human_at,
    least(r.first_code // 8, r.first_unscored_at) as first_contact_at,
    case
        when r.first_code // 8 < coalesce(r.first_unscored_at, r.first_code) then 7 - r.first_code % 8
        when r.first_code // 8 = r.first_unscored_at and r.first_code % 8 = 2 then 5
    end as contact_code,
    greatest(r.last_follow_up_at, r.last_negative_at, r.last_asks_human_at, r.last_unscored_at)
        as last_contact_at,
    r.first_sentiment % 2097152 - 1000000 as sentiment_first_ppm,
    r.last_sentiment % 2097152 - 1000000 as sentiment_last_ppm,
    cast(r.sentiment_total as bigint) as sentiment_total,
    coalesce(r.sentiment_messages, 0) as sentiment_messages,
    coalesce(r.rephrases, 0) as rephrases
from _heard as r

-- grain: one conversation
-- key: conversation_key
-- clock: started_at, looking back 7 d
-- reads: _base, _return, setting
-- Whether the contact repeats an issue of the last 7 d, and whether it did so on another channel. Of several
-- earlier conversations that this one answers to, the latest counts. Without a person and an
-- issue only a return inside the thread or along a link is known.
with earlier as (
    select
        r.return_key as conversation_key,
        nullif(arg_max(coalesce(b.channel, ''), (b.last_activity_at, b.conversation_key)), '') as channel
    from _return as r
    cross join setting as s
    inner join _base as b on r.conversation_key = b.conversation_key
    where r.return_at - b.last_activity_at < s.d7_us and not b.is_synthetic_time
    group by r.return_key
)

select
    b.conversation_key,
    case
        when b.is_synthetic_time then null
        when e.conversation_key is not null then true
        when b.customer_known and b.intent_id is not null then false
    end as is_repeat,
    case
        when b.is_synthetic_time then null
        when e.conversation_key is not null then e.channel <> b.channel
        when b.customer_known and b.intent_id is not null then false
    end as is_channel_switch
from _base as b
left join earlier as e on b.conversation_key = e.conversation_key

-- grain: one criterion of one message, or of one contact as a whole, by people or by machines
-- key: item_key, criterion, is_human
-- clock: none
-- reads: _opinion, _opinion_place
-- Of several verdicts of one side the strongest kind of author stands (llm, code, vendor, customer), then the latest,
-- then the smallest event_id. stands: no stronger side speaks of the same item; people outrank machines. Whoever
-- abstains stands too: a doubt is not overruled by a weaker author. What a person picked and judged with the figures
-- in sight (is_blind false, no chance) is no verdict on which figures rest.
with aimed as (
    select
        p.message_key,
        p.conversation_key,
        coalesce(p.message_key, p.conversation_key) as item_key,
        o.criterion,
        o.strength = 0 as is_human,
        o.assessor_kind,
        trim(o.label) as label,
        o.score_ppm,
        o.weight_ppm,
        row_number() over (
            partition by p.message_key, p.conversation_key, o.criterion, o.strength = 0
            order by o.strength, o.occurred_at desc, o.event_id
        ) as place,
        min(o.strength) over (partition by p.message_key, p.conversation_key, o.criterion) as strongest,
        o.strength
    from _opinion as o
    inner join _opinion_place as p on o.event_key = p.event_key
    where o.handoff_id is null and (o.message_id is null or p.message_key is not null)
        and (o.strength > 0 or o.sampling_ppm is not null or coalesce(o.is_blind, true))
)

select
    a.item_key,
    a.message_key,
    a.conversation_key,
    a.criterion,
    a.is_human,
    a.assessor_kind,
    a.label,
    a.score_ppm,
    a.weight_ppm,
    a.strength = a.strongest as stands
from aimed as a
where a.place = 1

-- grain: one customer joined to the smallest customer that shares an alias
-- key: customer_id, alias_kind, alias
-- clock: occurred_at, up to as_of
-- reads: ev_identity, setting
-- stitch: _customer_component
-- The latest statement about a customer and an alias counts; a removed alias joins nobody.
with statement as (
    select
        i.customer_id,
        i.alias_kind,
        i.alias,
        i.is_removed,
        row_number() over (
            partition by i.customer_id, i.alias_kind, i.alias
            order by i.occurred_at desc, i.event_key
        ) as place
    from ev_identity as i
    cross join setting as s
    where i.occurred_at <= s.as_of_us
)

select
    e.customer_id as node,
    min(e.customer_id) over (partition by e.alias_kind, e.alias) as other
from statement as e
where e.place = 1 and not e.is_removed

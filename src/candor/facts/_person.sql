-- grain: one customer identifier
-- key: customer_id
-- clock: none
-- reads: _thread, ev_survey, ev_confirmation, _customer_component
-- A person is named by the smallest of their identifiers, whatever the order of arrival.
with customer as (
    select t.customer_id
    from _thread as t
    where t.customer_id is not null
    union
    select v.customer_id
    from ev_survey as v
    where v.customer_id is not null
    union
    select c.customer_id
    from ev_confirmation as c
    where c.customer_id is not null
),

named as (
    select
        c.customer_id,
        coalesce(k.representative, c.customer_id) as representative
    from customer as c
    left join _customer_component as k on c.customer_id = k.node
)

select
    n.customer_id,
    key60(n.representative) as person_key,
    bucket200(n.representative) as bucket
from named as n

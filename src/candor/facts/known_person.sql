-- grain: one customer identifier
-- key: customer_key
-- clock: none
-- reads: _person
-- What a refresh must know of the build before: whom each identifier was taken for.
select
    key60(n.customer_id) as customer_key,
    n.person_key
from _person as n

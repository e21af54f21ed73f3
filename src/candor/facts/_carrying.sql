-- grain: one source that hands context over
-- key: source
-- clock: none
-- reads: _transfer
-- Where a source never does, that a handoff carries none says nothing.
select distinct t.source
from _transfer as t
where t.has_context and t.source is not null

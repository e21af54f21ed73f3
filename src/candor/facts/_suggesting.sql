-- grain: the whole data set (one row)
-- key: none
-- clock: none
-- reads: suggestion
-- Whether suggestions to human agents are reported at all: without one, their absence says nothing.
select count(g.suggestion_id) > 0 as knows_suggestions
from suggestion as g

-- grain: one issue joined to another because they share a thread or an explicit link
-- key: node, other
-- clock: none
-- reads: _issue_name, _link
-- stitch: _issue_component
with thread_issue as (
    select i.thread_key, i.issue_key, min(i.issue_key) over (partition by i.thread_key) as least_issue
    from _issue_name as i
)

select t.issue_key as node, t.least_issue as other
from thread_issue as t
where t.issue_key <> t.least_issue
union
select a.issue_key as node, b.issue_key as other
from _link as k
inner join _issue_name as a on k.thread_key = a.thread_key
inner join _issue_name as b on k.other_key = b.thread_key
where a.issue_key <> b.issue_key

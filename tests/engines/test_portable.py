"""The portable subset: every fact passes, and each planted violation is named with file and line."""

import pytest

from candor.engines.portable import lint
from candor.facts.build import steps


@pytest.mark.parametrize("name", sorted(steps()))
def test_every_fact_is_portable(name):
    assert [str(item) for item in lint(steps()[name].sql, f"{name}.sql")] == []


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("a / b", "div"),
        ("avg(a)", "avg"),
        ("stddev(a)", "stddev"),
        ("corr(a, b)", "corr"),
        ("any_value(a)", "anyvalue"),
        ("first(a)", "first"),
        ("approx_count_distinct(a)", "approxdistinct"),
        ("approx_quantile(a, 0.5)", "approxquantile"),
        ("median(a)", "median"),
        ("mode(a)", "mode"),
        ("date_diff('hour', a, b)", "datediff"),
        ("now()", "now"),
        ("current_timestamp", "currenttimestamp"),
        ("today()", "currentdate"),
        ("random()", "rand"),
        ("hash(a)", "hash"),
        ("list(a)", "unordered"),
        ("string_agg(a, ',')", "unordered"),
        ("row_number() over (partition by a)", "window"),
        ("row_number() over (order by occurred_at)", "tie"),
        ("lag(a) over (partition by b order by occurred_at)", "tie"),
        ("arg_max(a, occurred_at)", "tie"),
        ("cast(a * 1.5 as bigint)", "cast"),
        ("cast(cast(a as double) as integer)", "cast"),
    ],
)
def test_violation_is_named_with_its_line(expression, rule):
    sql = f"select\n    a,\n    {expression} as planted\nfrom t"
    found = lint(sql, "planted.sql")
    assert [(item.file, item.line, item.rule) for item in found] == [("planted.sql", 3, rule)]


@pytest.mark.parametrize(
    "expression",
    [
        "a // 60",
        "count(*)",
        "cast(floor(a * 1000000 + 0.5) as bigint)",
        "arg_max(a, (occurred_at, event_key))",
        "row_number() over (partition by a order by occurred_at, event_key)",
        "sum(a) over (partition by b)",
        "list(a order by event_key)",
        "key60(a)",
    ],
)
def test_exact_expressions_pass(expression):
    assert lint(f"select {expression} as fine from t", "fine.sql") == []


def test_star_and_limit_are_refused():
    assert [item.rule for item in lint("select * from t", "f.sql")] == ["star"]
    assert [item.rule for item in lint("select a from t limit 5", "f.sql")] == ["limit"]


def test_broken_sql_is_a_finding_not_a_crash():
    found = lint("select a\nfrom t where (a = 1", "f.sql")
    assert [item.rule for item in found] == ["syntax"]
    assert found[0].line == 2

"""The expression language of mapping files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.sources.expressions import ExpressionError, compile_expression
from candor.sources.scope import Compiled, Scope

ROW = {
    "Solved": None, "Rating": "4", "Customer No": "C-1", "n": 7, "f": 0.1, "yes": True, "name": " Ann ",
    "path.x": "dotted",
}  # fmt: skip


def resolve(name: str) -> Compiled:
    return lambda row, scope: row.get(name)


def run(text: str) -> Any:
    return compile_expression(text, resolve).run(ROW, Scope(ROW))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Solved is null", True),
        ("Solved is not null", False),
        ("not Solved is null", False),
        ("Rating > 3", True),
        ("Rating >= '4'", True),
        ("Rating = 4.0", True),
        ("Rating <> 4", False),
        ("name > 3", None),
        ("Solved = 1", None),
        ("not (Solved = 1)", None),
        ("Solved = 1 or n = 7", True),
        ("Solved = 1 and n = 8", False),
        ("Solved = 1 and n = 7", None),
        ("n in (1, 7)", True),
        ("Rating not in ('1', '2')", True),
        ("Solved in (1)", None),
        ("yes = true", True),
        ("yes", True),
        ('`Customer No` = "C-1"', True),
        ("'it''s'", "it's"),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * -3", -9),
        ("f + 0.2", Decimal("0.3")),
        ("1 / 0", None),
        ("n / 2", Decimal("3.5")),
        ("concat(`Customer No`, '-', n)", "C-1-7"),
        ("concat(Solved, 'x')", None),
        ("coalesce(Solved, Rating)", "4"),
        ("lower(strip(name))", "ann"),
        ("upper('x')", "X"),
        ("split('a-b-c', '-', 1)", "b"),
        ("split('a-b-c', '-', 3)", None),
        ("number('12.50')", Decimal("12.50")),
        ("number('1e999999999')", None),
        ("number('x')", None),
        ("contains(name, 'nn') and starts_with('abc', 'ab')", True),
        ("TRUE AND NOT false", True),
    ],
)
def test_values(text: str, value: Any) -> None:
    found = run(text)
    assert found == value
    assert (found is None) is (value is None)


@pytest.mark.parametrize(
    ("text", "what", "position"),
    [
        ("Rating >", "expected a value, found the end", 9),
        ("Rating 4", "expected the end of the expression, found '4'", 8),
        ("(n = 1", "expected ')', found the end", 7),
        ("n is 4", "expected 'null', found '4'", 6),
        ("n ; 1", "cannot read '; 1'", 3),
        ("n in 1", "expected '(', found '1'", 6),
        ("lowr(n)", "unknown function 'lowr'", 1),
        ("split(n)", "'split' takes 3 arguments, not 1", 1),
        ("__import__('os').system('x')", "unknown function '__import__'", 1),
        ("(" * 60 + "n" + ")" * 60, "too many parentheses", 51),
        ("n" * 2001, "an expression of more than 2000 characters", 2000),
    ],
)
def test_mistakes_say_what_and_where(text: str, what: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        run(text)
    assert (caught.value.what, caught.value.position) == (what, position)


def test_columns_are_known() -> None:
    found = compile_expression("a = 1 and `b c` is null or $.d in ($index)", resolve)
    assert found.columns == ("a", "b c", "$.d", "$index")


@given(st.text(st.sampled_from("ab1.'\"`()+-*/=<>! ,$"), max_size=25))
def test_nothing_but_the_named_error_ever_comes_out(text: str) -> None:
    try:
        run(text)
    except ExpressionError:
        return

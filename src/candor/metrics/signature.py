"""Rows with the same answers to every condition are judged once.

The conditions of all metrics of a fact are made of a few dozen elementary ones, each true, false or
not known. A row's answers to all of them, two bits each, are its signature. There are far fewer
signatures than rows, and a metric's code depends on the signature alone, so codes are worked out
per signature and looked up per row. Sound because and, or, not, case and coalesce look at nothing
but the truth of their parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from candor.metrics.definition import Definition
from candor.metrics.expression import DIALECT, Expression, is_boolean_tree
from candor.metrics.plan import Plan
from candor.metrics.reading import column_types

ATOMS_PER_GROUP = 7
"""Seven answers of two bits fit a SMALLINT, on which engines reckon fastest."""
ATOMS_PER_WORD = 4 * ATOMS_PER_GROUP
_UNKNOWN = 2


@dataclass
class Signature:
    """The elementary conditions of a plan, and its metrics rewritten to read them.

    Attributes:
        fact: name of the fact.
        atoms: SQL of each elementary condition; atom n is column ``a<n>``.
        certain: atoms whose answer is never unknown.
        metrics: the plan's metrics with their conditions over ``a<n>``.
    """

    fact: str
    atoms: list[str] = field(default_factory=list)
    certain: set[str] = field(default_factory=set)
    metrics: list[dict[str, Expression]] = field(default_factory=list)

    @property
    def words(self) -> int:
        """Number of 64-bit words that hold a row's answers."""
        return -(-len(self.atoms) // ATOMS_PER_WORD)

    def add(self, condition: str, *, certain: bool = False) -> int:
        """Number of an elementary condition; a new one is appended."""
        if certain:
            self.certain.add(condition)
        if condition not in self.atoms:
            self.atoms.append(condition)
        return self.atoms.index(condition)

    def word_items(self) -> list[str]:
        """Select items ``w<n>``: a row's answers, 0 false, 1 true, 2 not known."""
        items = []
        for number in range(self.words):
            part = self.atoms[number * ATOMS_PER_WORD : (number + 1) * ATOMS_PER_WORD]
            groups = [
                f"cast({self._group(part[at : at + ATOMS_PER_GROUP])} as bigint) * {4**at}"
                for at in range(0, len(part), ATOMS_PER_GROUP)
            ]
            items.append(f"{' + '.join(groups)} as w{number}")
        return items

    def _group(self, atoms: list[str]) -> str:
        return f"({' + '.join(self._term(atom, place) for place, atom in enumerate(atoms))})"

    def _term(self, atom: str, place: int) -> str:
        """An answer at its place among the bits of a SMALLINT."""
        yes, no, unknown = (f"cast({answer * 4**place} as smallint)" for answer in (1, 0, _UNKNOWN))
        if atom in self.certain:
            return f"cast(({atom}) as smallint) * {yes}"
        # A case is reckoned faster than coalesce, which engines work out row by row.
        return f"case when {atom} then {yes} when ({atom}) is null then {unknown} else {no} end"


def signature(plan: Plan) -> Signature:
    """The elementary conditions of a plan's metrics."""
    made = Signature(plan.fact)
    known = column_types(plan.fact)
    for definition in plan.metrics:
        rewritten = {}
        for place in definition.texts():
            head = place.split(".")[0]
            if head in ("include", "exclude", "unknown", "outcome", "confirmed"):
                tree = _rewrite(made, definition.expression(place).tree.copy(), dict(known))
                rewritten[place] = Expression(definition.expression(place).text, tree)
        made.metrics.append(rewritten)
        if definition.outcome is None:
            made.metrics[-1]["outcome"] = _known_value(made, definition)
    return made


def _known_value(made: Signature, definition: Definition) -> Expression:
    """For a value metric: false when the value is known, NULL when not."""
    parts = [
        f"({definition.expression(place).sql}) is null"
        for place in ("value", "numerator", "denominator")
        if getattr(definition, place) is not None
    ]
    column = exp.column(f"a{made.add(' or '.join(parts), certain=True)}")
    tree = exp.Case(ifs=[exp.If(this=exp.Not(this=column), true=exp.false())])
    return Expression("", tree)


def _rewrite(made: Signature, tree: exp.Expression, known: dict[str, str]) -> exp.Expression:
    if isinstance(tree, exp.Paren | exp.Not):
        tree.set("this", _rewrite(made, tree.this, known))
        return tree
    if isinstance(tree, exp.And | exp.Or):
        tree.set("this", _rewrite(made, tree.this, known))
        tree.set("expression", _rewrite(made, tree.expression, known))
        return tree
    if isinstance(tree, exp.Boolean | exp.Null):
        return tree
    if isinstance(tree, exp.Case) and tree.this is None:
        for branch in tree.args["ifs"]:
            branch.set("this", _rewrite(made, branch.this, known))
            branch.set("true", _rewrite(made, branch.args["true"], known))
        if tree.args.get("default") is not None:
            tree.set("default", _rewrite(made, tree.args["default"], known))
        return tree
    if isinstance(tree, exp.Coalesce):
        tree.set("this", _rewrite(made, tree.this, known))
        tree.set("expressions", [_rewrite(made, part, known) for part in tree.expressions])
        return tree
    if isinstance(tree, exp.Is) and is_boolean_tree(tree.this, known):
        tree.set("this", _rewrite(made, tree.this, known))
        return tree
    certain = isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null)
    return exp.column(f"a{made.add(tree.sql(dialect=DIALECT), certain=certain)}")

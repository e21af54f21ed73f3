"""The workspace's price list, ``rates.yaml``: what work, platforms and claims cost, and since when.

Amounts are exact decimals in the workspace currency with at most six places; days are ISO dates,
ends excluded. All mistakes are reported at once with their lines and the nearest spelling. What the
file does not say is not known: nothing here has a default price.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from candor.errors import CandorError, Problem, nearest
from candor.window import to_day
from candor.yaml_lines import Place, line_at, lines_of

Bearer = Literal["ai", "human", "all"]
CostKind = Literal[
    "ai_usage", "ai_resolution_fee", "platform_licence", "human_minutes", "telephony",
    "implementation", "overhead",
]  # fmt: skip
BEARERS: dict[str, Bearer] = {
    "ai_usage": "ai", "ai_resolution_fee": "ai", "platform_licence": "ai", "implementation": "ai",
    "human_minutes": "human", "telephony": "all", "overhead": "all",
}  # fmt: skip
"""Who carries a cost event that names no thread, unless ``bearers`` says otherwise."""


def _exact(value: object) -> object:
    """Decimals as they were written: YAML reads 0.1 as a float, whose text is exact again."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, bool):
        raise ValueError("an amount is a number")  # noqa: TRY004 - pydantic reports ValueError
    return value


Amount = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False),
]
Share = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=10, allow_inf_nan=False)]
Part = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=1, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Dated(_Part):
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> _Dated:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError(f"until ({self.until}) must lie after since ({self.since})")
        return self

    def holds(self, day: int) -> bool:
        """Whether it holds on a reporting day (days since 1970-01-01)."""
        first = self.since is None or to_day(self.since) <= day
        return first and (self.until is None or day < to_day(self.until))


class Baseline(_Part):
    """The past before AI: when it was, and what a conversation cost then, all in.

    Attributes:
        since, until: first day, and the day after the last.
        cost_per_conversation: measured then; None when the data are to say.
    """

    since: date
    until: date
    cost_per_conversation: Amount | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Baseline:
        if self.since >= self.until:
            raise ValueError(f"until ({self.until}) must lie after since ({self.since})")
        return self


class Human(_Part):
    """What work of people costs.

    Attributes:
        cost_per_minute: of a human agent of whom neither agents.csv nor ``teams`` says more.
        teams: by team of agents.csv, per minute.
        overhead_share: on top of every minute: managers, rooms, tools that nobody bills.
        minutes_from: ``recorded`` takes minutes from cost events alone; ``handle_time`` takes the
            span from the first to the last message where no minutes are recorded.
    """

    cost_per_minute: Amount | None = None
    teams: dict[str, Amount] = Field(default_factory=dict)
    overhead_share: Share = Decimal(0)
    minutes_from: Literal["recorded", "handle_time"] = "recorded"


class Licence(_Dated):
    """A recurring price.

    Attributes:
        name: what is paid.
        amount: per ``every``.
        every: month, quarter or year.
        bearer: whose conversations carry it: those of the AI, of people, or all.
    """

    name: Annotated[str, Field(min_length=1)]
    amount: Amount
    every: Literal["month", "quarter", "year"] = "month"
    bearer: Bearer = "ai"


class Implementation(_Part):
    """A price paid once and spread evenly over the months it serves.

    Attributes:
        name: what was paid.
        amount: in all.
        since: first day it serves.
        months: over how many months it is spread.
        bearer: whose conversations carry it.
    """

    name: Annotated[str, Field(min_length=1)]
    amount: Amount
    since: date
    months: Annotated[int, Field(ge=1, le=600)]
    bearer: Bearer = "ai"


class ClaimPrice(_Dated):
    """What a vendor charges for one claimed resolution."""

    claimant: Annotated[str, Field(min_length=1)]
    price: Amount


class UsagePrice(_Part):
    """Price of usage that cost events count without an amount, such as tokens.

    Attributes:
        unit: as the cost events name it.
        per: how many units the price is for.
        price: of ``per`` units.
    """

    unit: Annotated[str, Field(min_length=1)]
    per: Annotated[int, Field(ge=1)] = 1
    price: Amount


class Rates(_Part):
    """Everything ``rates.yaml`` may say; see the guide on economics.

    Attributes:
        currency: of every amount; must be that of the workspace.
        go_live: first day on which the AI agent answered customers.
        baseline: the past before AI.
        human: what work of people costs.
        licences: recurring prices.
        implementation: prices paid once.
        claims: prices of claimed resolutions.
        usage: prices of usage.
        freed_hours: where freed human hours went, as shares that add up to at most 1.
        bearers: by kind of cost event without a thread, whose conversations carry it; what is not
            named keeps the default.
    """

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    go_live: date | None = None
    baseline: Baseline | None = None
    human: Human = Human()
    licences: tuple[Licence, ...] = ()
    implementation: tuple[Implementation, ...] = ()
    claims: tuple[ClaimPrice, ...] = ()
    usage: tuple[UsagePrice, ...] = ()
    freed_hours: dict[str, Part] = Field(default_factory=dict)
    bearers: dict[CostKind, Bearer] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Rates:
        if sum(self.freed_hours.values()) > 1:
            raise ValueError("the shares of freed_hours add up to more than 1")
        units = [price.unit for price in self.usage]
        repeated = sorted({unit for unit in units if units.count(unit) > 1})
        if repeated:
            raise ValueError(f"usage has two prices for {', '.join(repeated)}")
        return self

    def bearer(self, kind: str) -> Bearer:
        """Whose conversations carry a cost event of a kind that names no thread."""
        named: dict[str, Bearer] = dict(self.bearers.items())
        return named.get(kind, BEARERS[kind])

    def claim_price(self, claimant: str, day: int) -> Decimal | None:
        """Price of a claimed resolution on a reporting day; the latest entry that holds counts."""
        fitting = [one for one in self.claims if one.claimant == claimant and one.holds(day)]
        return fitting[-1].price if fitting else None

    def minute(self, team: str | None, cost_per_hour: Decimal | None) -> Decimal | None:
        """All-in cost of one minute of a human agent; None when no price is known.

        Args:
            team: of agents.csv.
            cost_per_hour: of agents.csv; it outranks the team, the team the general price.
        """
        own = None if cost_per_hour is None else cost_per_hour / 60
        if own is None and team is not None:
            own = self.human.teams.get(team)
        if own is None:
            own = self.human.cost_per_minute
        return None if own is None else own * (1 + self.human.overhead_share)


def load_rates(path: Path, currency: str) -> Rates | None:
    """Read and check ``rates.yaml``; None when there is no such file.

    Args:
        path: the file.
        currency: of the workspace.

    Raises:
        CandorError: ``rates.syntax`` or ``rates.invalid`` with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise CandorError(
            "rates.syntax", Problem(f"byte {error.start} is not UTF-8", str(path), "UTF-8 text")
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        what = getattr(error, "problem", None) or str(error)
        raise CandorError("rates.syntax", Problem(f"not YAML: {what}", where)) from None
    if root is None or raw is None:
        return Rates()
    if not isinstance(raw, dict):
        raise CandorError(
            "rates.invalid",
            Problem("the file is not a mapping of keys", f"{path}:1", "`human:`, `licences:` …"),
        )
    problems: list[Problem] = []
    lines = lines_of(path, root, problems)
    rates: Rates | None = None
    try:
        rates = Rates.model_validate(raw)
    except ValidationError as error:
        problems += [_problem(path, lines, dict(item)) for item in error.errors()]
    said = raw.get("currency")
    if isinstance(said, str) and said != currency:
        problems.append(
            Problem(
                f"amounts in {said} cannot be added to figures in {currency}",
                f"{path}:{line_at(lines, ('currency',))}: currency",
                f"{currency}, the currency of candor.toml",
                "change one of the two",
            )
        )
    if problems:
        raise CandorError("rates.invalid", problems)
    return rates


def _problem(path: Path, lines: dict[Place, int], item: dict[str, Any]) -> Problem:
    at: Place = tuple(item["loc"])
    key = ".".join(str(part) for part in at)
    where = f"{path}:{line_at(lines, at)}" + (f": {key}" if key else "")
    if item["type"] == "extra_forbidden":
        fix = nearest(str(at[-1]), _keys_at(at[:-1]))
        return Problem(f"unknown key '{at[-1]}'", where, "", fix)
    if item["type"] == "missing":
        return Problem(f"'{at[-1]}' is missing", where, f"a value for {key}")
    message = str(item["msg"]).removeprefix("Value error, ")
    found = item.get("input")
    shown = f" (found {found!r})" if isinstance(found, str | int | float | bool) else ""
    return Problem(f"{message}{shown}", where)


_MODELS: dict[str, type[BaseModel]] = {
    "baseline": Baseline,
    "human": Human,
    "licences": Licence,
    "implementation": Implementation,
    "claims": ClaimPrice,
    "usage": UsagePrice,
}


def _keys_at(at: Place) -> tuple[str, ...]:
    model = _MODELS.get(str(at[0]), Rates) if at else Rates
    return tuple(model.model_fields)

"""What a REST interface is: its address, its streams, how each is paged, how fast it may be asked.

Only this module reads descriptions (YAML, in ``vendors/`` or written by the user) and the ``pull``
table of a source in candor.toml. A description never holds a secret: it names environment variables.
Durations are texts such as ``90s``, ``15m``, ``1d``; instants are epoch microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from candor.errors import CandorError, Problem, nearest
from candor.window import duration

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_RESERVED = frozenset(("since", "until", "id"))
TimeFormat = Literal["iso", "epoch_seconds", "epoch_milliseconds", "date"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Auth(_Part):
    """How requests prove who asks. Every secret is the name of an environment variable."""

    kind: Literal["none", "bearer", "basic", "header"] = "none"
    token_env: str = ""
    user_env: str = ""
    user_suffix: str = ""
    password_env: str = ""
    password: Literal["", "X", "x"] = ""
    header: str = "Authorization"

    @field_validator("token_env", "user_env", "password_env")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            # The value is not repeated: it may be the secret itself.
            raise ValueError("this is no name of an environment variable (A–Z, 0–9, _)")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Auth:
        needed = {"bearer": self.token_env, "header": self.token_env, "basic": self.user_env}
        if self.kind != "none" and not needed[self.kind]:
            raise ValueError("the environment variable that holds the secret is not named")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The environment variables it needs."""
        return tuple(n for n in (self.token_env, self.user_env, self.password_env) if n)


class Paging(_Part):
    """How the next page is found.

    ``cursor``: a token of the answer (``token``) is sent as ``parameter``; ``offset``: ``parameter``
    counts from ``start`` in steps of ``step`` until a page holds fewer than ``size`` records;
    ``link``: the address of the next page stands in the ``Link`` header, or in the answer under
    ``token``. ``parameter`` may be a dotted path into the body of a POST (``in_body``).
    """

    kind: Literal["none", "cursor", "offset", "link"] = "none"
    parameter: str = ""
    token: str = ""
    in_body: bool = False
    end: str = ""
    more: str = ""
    keep: bool = False
    start: int = 1
    step: int = 1
    size: Annotated[int, Field(ge=0)] = 0
    most_pages: Annotated[int, Field(ge=0)] = 0
    advance_by: str = ""
    expired: tuple[int, ...] = (410,)

    @model_validator(mode="after")
    def _is_whole(self) -> Paging:
        if self.kind == "cursor" and not (self.parameter and self.token):
            raise ValueError("a cursor needs parameter and token")
        if self.kind == "offset" and not self.parameter:
            raise ValueError("an offset needs its parameter")
        if self.most_pages and not self.advance_by:
            raise ValueError("most_pages needs advance_by, the record's time to go on from")
        return self


class Span(_Part):
    """The times a stream is asked for: in steps, up to a lag before now, overlapping the last run."""

    format: TimeFormat = "iso"
    step: str = ""
    lag: str = "60s"
    overlap: str = "0s"

    @field_validator("step", "lag", "overlap")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        if value:
            duration(value)
        return value


class Detail(_Part):
    """A request for each record of a page, when the page holds less than the record."""

    path: str
    id: str = "id"
    query: dict[str, str | int] = Field(default_factory=dict)
    paging: Paging = Paging()
    keep_page: bool = False


class Stream(_Part):
    """One list of records."""

    name: str
    path: str
    method: Literal["GET", "POST"] = "GET"
    query: dict[str, str | int] = Field(default_factory=dict)
    body: dict[str, Any] = Field(default_factory=dict)
    records: str = ""
    paging: Paging = Paging()
    time: Span | None = None
    detail: Detail | None = None
    optional: bool = False

    @field_validator("name")
    @classmethod
    def _is_word(cls, value: str) -> str:
        if not _WORD.fullmatch(value):
            raise ValueError(f"'{value}' is no name of lower-case letters, digits and _")
        return value


class Limits(_Part):
    """How fast and how long to ask. Bytes and seconds."""

    per_minute: Annotated[int, Field(ge=1)] = 60
    retries: Annotated[int, Field(ge=0, le=20)] = 6
    timeout_seconds: Annotated[float, Field(gt=0)] = 60
    longest_wait_seconds: Annotated[float, Field(gt=0)] = 900
    page_bytes: Annotated[int, Field(ge=1024)] = 64 << 20


class Description(_Part):
    """One REST interface.

    ``keep_latest``: pages of a pull stay until the next one, whose records may need them beside them.
    """

    title: str
    connector: str
    base_url: str
    variables: tuple[str, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    auth: Auth = Auth()
    limits: Limits = Limits()
    first: str = "30d"
    keep_latest: bool = False
    streams: tuple[Stream, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Description:
        names = [stream.name for stream in self.streams]
        if not names:
            raise ValueError("no stream is described")
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"stream '{min(repeated)}' is described twice")
        used = set(_PLACE.findall(self.base_url))
        if unknown := sorted(used - set(self.variables)):
            raise ValueError(f"variable '{unknown[0]}' of the address is not listed in variables")
        return self


class PullOptions(_Part):
    """``[sources.<name>.pull]`` of candor.toml.

    ``description`` is the name of a vendor's or the path of one's own; ``environment`` renames the
    variables that hold secrets; ``allow_private`` permits http and addresses of the own network.
    """

    description: str = ""
    since: str = ""
    variables: dict[str, str] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)
    streams: tuple[str, ...] = ()
    base_url: str = ""
    allow_private: bool = False
    keep_days: Annotated[int, Field(ge=0, le=3650)] = 0

    @field_validator("environment")
    @classmethod
    def _are_names(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(_NAME.fullmatch(name) for name in value.values()):
            raise ValueError("environment holds names of environment variables, never secrets")
        return value

    @field_validator("variables")
    @classmethod
    def _are_plain(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _VARIABLE.fullmatch(text):
                raise ValueError(f"'{name}' may hold letters, digits, dots and hyphens only")
        return value


def options_of(name: str, table: Mapping[str, Any]) -> PullOptions:
    """The pull table of a source.

    Raises:
        CandorError: ``pull.config`` with every mistake.
    """
    try:
        return PullOptions.model_validate(dict(table))
    except ValidationError as error:
        raise _complaint(f"[sources.{name}.pull]", error, PullOptions, "pull.config") from None


def vendors() -> tuple[str, ...]:
    """Names of the descriptions that come with candor."""
    held = files("candor.pulling").joinpath("vendors").iterdir()
    return tuple(sorted(one.name.removesuffix(".yaml") for one in held if one.name[-5:] == ".yaml"))


def load(name: str, folder: Path) -> Description:
    """A description that comes with candor, or the one at a path below ``folder``.

    Raises:
        CandorError: ``pull.unknown``, ``pull.syntax`` or ``pull.invalid`` with every mistake.
    """
    if name in vendors():
        text = files("candor.pulling").joinpath("vendors", f"{name}.yaml").read_text("utf-8")
        return parse(text, f"{name}.yaml")
    path = folder / name
    if not path.is_file():
        raise CandorError(
            "pull.unknown",
            Problem(
                f"no description '{name}'", str(path), "a file, or one of " + ", ".join(vendors()),
                nearest(name, vendors()),
            ),
            exit_code=2,
        )  # fmt: skip
    return parse(path.read_text("utf-8"), path.name)


def parse(text: str, name: str) -> Description:
    """A description from its text.

    Raises:
        CandorError: ``pull.syntax`` or ``pull.invalid`` with every mistake.
    """
    try:
        raw = yaml.safe_load(text)
        return Description.model_validate(raw)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise CandorError("pull.syntax", Problem("this is no YAML", where)) from None
    except ValidationError as error:
        raise _complaint(name, error, Description, "pull.invalid") from None


def address_of(description: Description, options: PullOptions, name: str) -> str:
    """The address with its variables filled in.

    Raises:
        CandorError: ``pull.config`` for every variable without a value.
    """
    missing = [
        Problem(
            f"'{variable}' has no value", f"[sources.{name}.pull] variables",
            f"what stands for {{{variable}}} in {description.base_url}",
        )
        for variable in description.variables
        if variable not in options.variables and not options.base_url
    ]  # fmt: skip
    if missing:
        raise CandorError("pull.config", missing)
    return options.base_url or filled(description.base_url, options.variables)


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its places in braces filled; places without a value stay."""
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), text)


def _complaint(
    where: str, error: ValidationError, model: type[BaseModel], code: str
) -> CandorError:
    """Every mistake, without the values found: one of them may be a secret."""
    problems = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = tuple(model.model_fields) if len(item["loc"]) == 1 else ()
            fix = nearest(str(item["loc"][-1]), known) if known else "see the guide on pulls"
            problems.append(Problem(f"unknown key '{item['loc'][-1]}'", f"{where}: {key}", "", fix))
        else:
            message = str(item["msg"]).removeprefix("Value error, ")
            problems.append(Problem(message, f"{where}: {key}"))
    return CandorError(code, problems)

"""The workspace configuration, ``candor.toml``: what it may hold, with every mistake at once.

Nothing here touches a lake or an engine. Each mistake names file, line and key, says what was
expected and offers the nearest spelling.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from candor.errors import CandorError, Problem, nearest
from candor.window import duration, parse_instant

CHANNELS = ("chat", "messaging", "email", "voice", "sms", "social", "in_app", "web_form")
SEGMENTS = (
    "channel", "intent_id", "release", "path", "language", "region", "customer_segment", "brand",
    "entry_point", "ai_agent_id", "direction", "priority", "source",
)  # fmt: skip
_HEADER = re.compile(r"^\s*\[([^\]]+)\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-\"']+)\s*=")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkspaceSection(_Section):
    """``[workspace]``: name, reporting time zone and currency."""

    name: str = "My support"
    timezone: str = "UTC"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"unknown time zone; {nearest(value, sorted(available_timezones()))}")
        ZoneInfo(value)
        return value


class ConversationSection(_Section):
    """``[conversation]``: after how long a silence the next customer message is a new contact."""

    idle_gap: str = "24h"
    idle_gap_by_channel: dict[str, str] = Field(
        default_factory=lambda: {"email": "72h", "web_form": "72h"}
    )

    @field_validator("idle_gap")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        duration(value)
        return value

    @field_validator("idle_gap_by_channel")
    @classmethod
    def _known_channels(cls, value: dict[str, str]) -> dict[str, str]:
        for channel, text in value.items():
            if channel not in CHANNELS:
                raise ValueError(f"unknown channel '{channel}'; {nearest(channel, CHANNELS)}")
            duration(text)
        return value

    def gap_us(self, channel: str | None) -> int:
        """Idle gap of a channel in microseconds."""
        return duration(self.idle_gap_by_channel.get(channel or "", self.idle_gap))


class PrivacySection(_Section):
    """``[privacy]``: which countries' numbers are looked for, and names that must never be kept."""

    locales: tuple[str, ...] = ("us", "gb", "de", "fr", "es", "it", "nl", "in", "br")
    deny_names: tuple[str, ...] = ()
    deny_names_file: str = ""


class RetentionSection(_Section):
    """``[retention]``: after how many days what is given up; left out, it is kept."""

    text_days: Annotated[int, Field(ge=1)] | None = None
    conversation_days: Annotated[int, Field(ge=1)] | None = None
    quarantine_days: Annotated[int, Field(ge=1)] | None = None
    pages_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> RetentionSection:
        text, whole = self.text_days, self.conversation_days
        if text is not None and whole is not None and text > whole:
            raise ValueError(
                f"text_days ({text}) must not be more than conversation_days ({whole})"
            )
        return self

    def oldest_us(self, now_us: int) -> int | None:
        """Before which instant conversations are not kept (epoch µs); None when all are."""
        if self.conversation_days is None:
            return None
        return now_us - self.conversation_days * 86_400_000_000


class SegmentsSection(_Section):
    """``[segments]``: the breakdowns whose measures are stored (others are computed when asked)."""

    stored: tuple[str, ...] = (
        "channel", "intent_id", "release", "path", "language", "customer_segment",
    )  # fmt: skip

    @field_validator("stored")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in SEGMENTS:
                raise ValueError(f"unknown segment '{name}'; {nearest(name, SEGMENTS)}")
        return value


class EstimatesSection(_Section):
    """``[estimates]``: interval level and the floors below which nothing is shown."""

    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    min_units: Annotated[int, Field(ge=1)] = 30
    min_customers: Annotated[int, Field(ge=2)] = 15
    mature_share: Annotated[float, Field(gt=0, le=1)] = 0.95


class ScorecardSection(_Section):
    """``[scorecard]``: the period it compares."""

    grain: Literal["all", "day", "week", "month", "quarter"] = "month"


class BaselineSection(_Section):
    """``[baseline]``: the frozen past that changes are held against, end excluded.

    Empty: the first full month that the data cover.
    """

    since: str = ""
    until: str = ""

    @field_validator("since", "until")
    @classmethod
    def _is_date(cls, value: str) -> str:
        if value:
            date.fromisoformat(value)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> BaselineSection:
        if bool(self.since) != bool(self.until):
            raise ValueError("since and until come together")
        if self.since and self.since >= self.until:
            raise ValueError(f"until ({self.until}) must lie after since ({self.since})")
        return self


class AlertsSection(_Section):
    """``[alerts]``: where alerts go. Passwords and signing keys come from the environment."""

    email_to: tuple[str, ...] = ()
    email_from: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    webhooks: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


class SsoSection(_Section):
    """``[sso]``: logging in at an OpenID Connect provider, beside local accounts."""

    issuer: Annotated[str, Field(pattern=r"^https?://\S+$")]
    client_id: Annotated[str, Field(min_length=1)]
    title: str = "your company account"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    roles: Annotated[dict[str, str], Field(min_length=1)]
    allow_private: bool = False


class HookSection(_Section):
    """``[sources.<name>.hook]``: webhooks that the source's system sends."""

    scheme: Literal[
        "candor", "standard", "stripe", "zendesk", "zendesk_body_first", "intercom"
    ] = "standard"  # fmt: skip
    secret_env: Annotated[str, Field(pattern=r"^$|^[A-Z][A-Z0-9_]*$")] = ""
    tolerance_seconds: Annotated[int, Field(ge=30, le=900)] = 300
    per_second: Annotated[float, Field(gt=0, le=10_000)] = 100.0
    burst: Annotated[int, Field(ge=1, le=100_000)] = 1_000


class SourceSection(_Section):
    """``[sources.<name>]``: one configured source."""

    connector: str
    mapping: str = ""
    ai_actor_ids: tuple[str, ...] = ()
    observed_at: str = ""
    covered_from: str = ""
    covered_until: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    pull: dict[str, Any] = Field(default_factory=dict)
    hook: HookSection | None = None

    @field_validator("observed_at", "covered_from", "covered_until")
    @classmethod
    def _is_instant(cls, value: str) -> str:
        if value:
            parse_instant(value)
        return value


class JudgeSection(_Section):
    """``[judges.<name>]``: one language model that grades by a rubric; the key is read from ``key_env``."""

    url: str
    model: str
    rubric: str = "support"
    key_env: str = "CANDOR_JUDGE_KEY"
    family: str = ""
    graded_families: tuple[str, ...] = ()
    allow_same_family: bool = False
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    repeats: Annotated[int, Field(ge=1, le=15)] = 3
    anchors: bool = True
    max_tokens: Annotated[int, Field(ge=100, le=16_000)] = 1_500
    timeout_seconds: Annotated[float, Field(gt=0.0, le=600.0)] = 60.0
    parallel: Annotated[int, Field(ge=1, le=32)] = 2
    price_in: Annotated[float, Field(ge=0.0)] = 0.0
    price_out: Annotated[float, Field(ge=0.0)] = 0.0
    budget: Annotated[float, Field(gt=0.0)] | None = None


class Settings(_Section):
    """The whole of ``candor.toml``."""

    workspace: WorkspaceSection = WorkspaceSection()
    conversation: ConversationSection = ConversationSection()
    privacy: PrivacySection = PrivacySection()
    retention: RetentionSection = RetentionSection()
    segments: SegmentsSection = SegmentsSection()
    estimates: EstimatesSection = EstimatesSection()
    scorecard: ScorecardSection = ScorecardSection()
    baseline: BaselineSection = BaselineSection()
    alerts: AlertsSection = AlertsSection()
    sources: dict[str, SourceSection] = Field(default_factory=dict)
    judges: dict[str, JudgeSection] = Field(default_factory=dict)
    sso: SsoSection | None = None


def load_settings(path: Path) -> Settings:
    """Read and check ``candor.toml``.

    Raises:
        CandorError: ``config.missing``, ``config.syntax`` or ``config.invalid`` with every problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CandorError(
            "config.missing",
            Problem(
                "there is no candor.toml, so this is not a workspace",
                str(path.parent),
                "a folder made by `candor init` or `candor demo`",
                "run `candor init DIR`, or name the folder with --workspace",
            ),
        ) from None
    except UnicodeDecodeError as error:
        raise CandorError(
            "config.syntax",
            Problem(f"byte {error.start} is not UTF-8", str(path), "a UTF-8 text file"),
        ) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CandorError(
            "config.syntax", Problem(str(error), str(path), "TOML 1.0", "mend that line")
        ) from None
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        lines = _key_lines(text)
        raise CandorError(
            "config.invalid",
            [_problem(path, lines, dict(item)) for item in error.errors()],
        ) from None


def _problem(path: Path, lines: dict[tuple[str, ...], int], item: dict[str, Any]) -> Problem:
    location = tuple(str(part) for part in item["loc"])
    line = next(
        (
            lines[location[:size]]
            for size in range(len(location), 0, -1)
            if location[:size] in lines
        ),
        1,
    )
    key = ".".join(location)
    where = f"{path}:{line}: {key}"
    if item["type"] == "extra_forbidden":
        return Problem(
            f"unknown key '{location[-1]}'",
            where,
            "",
            nearest(location[-1], _keys_at(location[:-1])),
        )
    if item["type"] == "missing":
        return Problem(f"'{location[-1]}' is missing", where, f"a value for {key}")
    message = str(item["msg"]).removeprefix("Value error, ")
    return Problem(f"{message} (found {item.get('input')!r})", where, "", "mend that line")


def _keys_at(parents: tuple[str, ...]) -> tuple[str, ...]:
    model: type[BaseModel] = Settings
    for part in parents:
        if model is Settings and part in ("sources", "judges"):
            model = SourceSection if part == "sources" else JudgeSection
            continue
        info = model.model_fields.get(part)
        if info is None or not isinstance(info.annotation, type):
            continue
        if issubclass(info.annotation, BaseModel):
            model = info.annotation
    return tuple(model.model_fields)


def _key_lines(text: str) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1].strip("\"'")), number)
    return lines

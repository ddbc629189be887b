"""Settings: `HEDGEROW_*` variables over `hedgerow.toml` in the home folder over defaults."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hedgerow.kit.rates import Rate

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class Settings(BaseSettings):
    """Every setting there is. Sizes are bytes, times are seconds, unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="HEDGEROW_", extra="ignore", frozen=True)

    home: Path = Field(Path("~/.hedgerow"), description="Folder that holds everything a single machine keeps.")
    host: str = Field("127.0.0.1", description="Address `hedgerow serve` listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port `hedgerow serve` listens on; 0 takes a free one.")
    site_url: str = Field(
        "", description="Public address, for links and webhooks; empty: links take the request's own."
    )
    database_url: SecretStr = Field(
        SecretStr(""),
        description="Metadata: `postgresql://…` or `sqlite:///…`; empty is SQLite in the home folder.",
    )
    engine_url: SecretStr = Field(
        SecretStr("chdb:"),
        description="Query engine: `chdb:` or `clickhouse://user:pw@host:8123/?cluster=name`.",
    )
    cache_url: SecretStr = Field(
        SecretStr("memory:"), description="Short-lived state: `memory:` or `redis://host:6379/0`."
    )
    cache_max_bytes: int = Field(64 << 20, gt=0, description="Most that `memory:` keeps, bytes.")
    http_max_age: float = Field(
        60.0, ge=0, description="Longest a browser may keep an endpoint's answer without asking, seconds."
    )
    files_url: SecretStr = Field(
        SecretStr(""),
        description="Uploads: a folder or `s3://key:secret@host/bucket`; empty is a folder in home.",
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Encrypts stored credentials; comma list, first encrypts. Empty: made on first start.",
    )
    bootstrap_key: SecretStr = Field(SecretStr(""), description="A `phx_…` key to install on first start.")
    allow_private_hosts: bool = Field(
        False,
        description="Let table URLs name http and internal addresses (for a bucket on your own network).",
    )
    source_files: str = Field("", description="Folder of files that sources may read; empty is `sources` in home.")
    source_private_hosts: bool = Field(True, description="Let sources name internal addresses.")
    source_checkpoint_seconds: float = Field(
        5.0, ge=0, description="How often a long read of a source's table is written down, so that it can be resumed."
    )
    api_query_timeout: float = Field(60.0, gt=0, description="Longest a query may run, seconds.")
    async_query_timeout: float = Field(600.0, gt=0, description="Longest an asynchronous query may run, seconds.")
    query_memory: int = Field(4 << 30, gt=0, description="Most memory one query may take, bytes.")
    query_max_rows: int = Field(50_000, gt=0, description="Most rows one answer may hold.")
    direct_max_rows: int = Field(
        5_000_000, gt=0, description="Most rows a query may fetch of one table of a direct source."
    )
    query_max_bytes: int = Field(1 << 20, gt=0, description="Longest query text, bytes.")
    query_concurrency: int = Field(0, ge=0, description="Queries that run at once; 0 takes two per core.")
    workers: int = Field(2, ge=0, description="Background jobs that run at once in this process; 0 is none.")
    job_lease: float = Field(30.0, ge=0.5, description="Silence after which a worker's jobs are taken over, seconds.")
    upload_max_bytes: int = Field(52_428_800, gt=0, description="Largest file `warehouse_tables/file` takes, bytes.")
    body_max_bytes: int = Field(20 << 20, gt=0, description="Largest JSON body, bytes.")
    webhook_max_bytes: int = Field(1 << 20, gt=0, description="Largest event that webhooks of sources take, bytes.")
    throttle: bool = Field(True, description="Limit the rate of requests per project.")
    throttle_burst: str = Field("480/minute", description="Short-term rate of ordinary routes.")
    throttle_sustained: str = Field("4800/hour", description="Long-term rate of ordinary routes.")
    throttle_query_burst: str = Field("", description="Short-term rate of query and run routes; empty is none.")
    throttle_query_sustained: str = Field("", description="Long-term rate of query and run routes; empty is none.")
    token_max_seconds: int = Field(2_592_000, gt=0, description="Longest a browser's token may live, seconds.")
    activity_days: int = Field(365, ge=0, description="How long the activity log is kept, days; 0 is for ever.")
    hibernate_days: int = Field(
        30, ge=0, description="Days without a run after which an endpoint's tables are given up; 0 is never."
    )
    run_log_days: int = Field(90, ge=0, description="How long lines on runs are kept, days; 0 is for ever.")
    run_log_rows: int = Field(
        100_000, ge=0, description="Most lines on runs that are kept of one endpoint; 0 is no limit."
    )
    run_usage_days: int = Field(400, ge=0, description="How long sums of runs by hour are kept, days; 0 is for ever.")
    throttle_refused: str = Field("600/minute", description="Refused credentials of one client address; empty is none.")
    throttle_keys_burst: str = Field(
        "", description="Short-term rate of all secret keys and tokens of a project; empty: as queries and runs."
    )
    throttle_keys_sustained: str = Field(
        "", description="Long-term rate of all secret keys and tokens of a project; empty: as queries and runs."
    )
    throttle_materialized_burst: str = Field(
        "", description="Short-term rate of runs that are served from a table; empty is none."
    )
    throttle_materialized_sustained: str = Field(
        "", description="Long-term rate of runs that are served from a table; empty is none."
    )
    concurrent_queries: int = Field(0, ge=0, description="Queries and runs of one project at once; 0 is no limit.")
    concurrent_materialized: int = Field(
        0, ge=0, description="Runs of one project at once that are served from a table; 0 is no limit."
    )
    cors_origins: str = Field(
        "", description="Origins whose pages may run endpoints, such as `https://app.example`, parted by commas."
    )
    trusted_proxies: str = Field(
        "", description="Addresses or networks whose `X-Forwarded-*` is believed, parted by commas; `*` is all."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="`auto`: console on a terminal.")

    @field_validator(
        "throttle_burst",
        "throttle_sustained",
        "throttle_query_burst",
        "throttle_query_sustained",
        "throttle_materialized_burst",
        "throttle_materialized_sustained",
        "throttle_refused",
        "throttle_keys_burst",
        "throttle_keys_sustained",
    )
    @classmethod
    def _is_rate(cls, text: str) -> str:
        Rate.parse(text)
        return text

    @field_validator("cors_origins")
    @classmethod
    def _is_origins(cls, text: str) -> str:
        for origin in _words(text):
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not an origin: write a scheme, a host and a port if any")
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _is_networks(cls, text: str) -> str:
        for word in _words(text):
            if word != "*":
                ip_network(word)
        return text

    @property
    def allowed_origins(self) -> list[str]:
        """The origins, as browsers write them."""
        return [origin.lower() for origin in _words(self.cors_origins)]

    @property
    def source_folder(self) -> Path:
        """Where files lie that sources may read, absolute."""
        return Path(self.source_files).expanduser().absolute() if self.source_files else self.home_path / "sources"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path((env_settings() | init_settings()).get("home", "~/.hedgerow")).expanduser()
        toml = TomlConfigSettingsSource(settings_cls, home / "hedgerow.toml")
        return init_settings, env_settings, toml

    @property
    def home_path(self) -> Path:
        """The home folder, absolute."""
        return self.home.expanduser().absolute()


class SettingsWrong(Exception):
    """A setting has a value it cannot have; the text names it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as `hedgerow config` shows it: secrets masked, `source` one of env, toml, default."""

    name: str
    shown: str
    source: str
    description: str


def load(given: Mapping[str, Any] | None = None) -> Settings:
    """The settings, `given` above all others; raises `SettingsWrong` in one line."""
    try:
        return Settings(**(given or {}))
    except ValidationError as error:
        first = error.errors()[0]
        name = "HEDGEROW_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsWrong(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsWrong(f"hedgerow.toml: {error}") from None


def sources(settings: Settings, environment: Mapping[str, str]) -> list[Setting]:
    """Every setting with its value and where that comes from."""
    file = settings.home_path / "hedgerow.toml"
    written = tomllib.loads(file.read_text()) if file.exists() else {}
    named = {name.upper() for name in environment}
    found = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        source = "env" if f"HEDGEROW_{name.upper()}" in named else "toml" if name in written else "default"
        found.append(Setting(name, _shown(value), source, field.description or ""))
    return found


_OF_CLIENTS = ("URL", "KEY", "PROJECT")


def unknown(environment: Mapping[str, str]) -> list[str]:
    """`HEDGEROW_` variables that are no settings: most often a typo."""
    known = {f"HEDGEROW_{name.upper()}" for name in Settings.model_fields} | {f"HEDGEROW_{n}" for n in _OF_CLIENTS}
    return sorted(n for n in environment if n.startswith("HEDGEROW_") and n not in known and "_TEST_" not in n)


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _shown(value: object) -> str:
    if not isinstance(value, SecretStr):
        return str(value)
    plain = value.get_secret_value()
    scheme, found, rest = plain.partition("://")
    if found and "@" in rest:
        return f"{scheme}://***@{rest.rpartition('@')[2]}"
    return plain if not plain or plain.endswith(":") or found else "***"

"""The environment variables with their types, defaults and descriptions; docs/settings.md lists the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.fernet import Fernet
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

ROOT = Path(__file__).resolve().parent.parent
#: Embedded stacks write a file here while they run, so that manage.py in another terminal uses the same services.
RUNNING_STACKS = ROOT / ".data" / "running"

DEVELOPMENT_SECRET = "only-for-development-never-for-production"  # noqa: S105 -- production refuses it
DEVELOPMENT_KEY = "cmV2ZXJic3luYy1kZXZlbG9wbWVudC1rZXktMzIxMDE="


class Refused(Exception):
    """The environment is not valid for starting; the text says what to set."""


def _split(value: object) -> object:
    """Turn "a, b" into ["a", "b"]; return anything but text unchanged."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


#: A comma-separated list in the environment.
Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Secrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(_split)]


class _Environment(EnvSettingsSource):
    """The environment, the files that it names, and in development the settings of a running embedded stack."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        values = {**os.environ, **_from_files(os.environ)}
        if values.get("ENVIRONMENT") != "production":
            values = {**_running_stack(values.get("DATABASE_URL", "")), **values}
        return values


class Env(BaseSettings):
    """The settings of one process, read once at start."""

    model_config = SettingsConfigDict(
        frozen=True, hide_input_in_errors=True, case_sensitive=True, env_ignore_empty=True, extra="forbid"
    )

    ENVIRONMENT: Literal["development", "production"] = Field(
        "development", description="`production` rejects missing or default secrets and requires https."
    )
    SITE_URL: str = Field(
        "http://127.0.0.1:8000", description="Public address of this app, for browsers and platforms."
    )
    ALLOWED_HOSTS: Names = Field(
        default_factory=list, description="Host names to accept, besides the one of `SITE_URL`."
    )
    INSTANCE_ID: str = Field(
        "", description="Id of this start of the app; health responses return it in `ReverbSync-Instance`."
    )
    SECRET_KEY: SecretStr = Field(SecretStr(DEVELOPMENT_SECRET), description="Signs sessions and links.")
    ENCRYPTION_KEYS: Secrets = Field(
        default_factory=lambda: [SecretStr(DEVELOPMENT_KEY)],
        description="Fernet keys for the sellers' tokens. The first encrypts, all decrypt.",
    )
    DATABASE_URL: SecretStr = Field(
        SecretStr("postgresql://localhost/reverbsync"), description="PostgreSQL, as a libpq connection string."
    )
    REDIS_URL: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"), description="Redis: wake-ups, the rate limiter, the cache."
    )
    REVERB_API_URL: str = Field("https://api.reverb.com/api", description="Reverb's API.")
    REVERB_WEB_URL: str = Field("https://reverb.com", description="Reverb's website, for links.")
    SHOPIFY_ADMIN_URL: str = Field("", description="Only for a stand-in: replaces each shop's myshopify.com address.")
    SHOPIFY_CLIENT_ID: str = Field("", description="Client id of your Shopify app. Empty: sellers paste keys.")
    SHOPIFY_CLIENT_SECRETS: Secrets = Field(
        default_factory=list,
        description="Client secret of your Shopify app; during a rotation the new one, then the old.",
    )
    BIGCOMMERCE_API_URL: str = Field("https://api.bigcommerce.com", description="BigCommerce's API.")
    BIGCOMMERCE_LOGIN_URL: str = Field("https://login.bigcommerce.com", description="Where BigCommerce issues tokens.")
    BIGCOMMERCE_CLIENT_ID: str = Field("", description="Client id of your BigCommerce app. Empty: sellers paste keys.")
    BIGCOMMERCE_CLIENT_SECRET: SecretStr = Field(SecretStr(""), description="Client secret of your BigCommerce app.")
    REVERB_CLIENT_ID: str = Field("", description="Client id of your app on Reverb. Empty: sellers paste tokens.")
    REVERB_CLIENT_SECRET: SecretStr = Field(SecretStr(""), description="Client secret of your app on Reverb.")
    REVERB_SANDBOX_API_URL: str = Field("https://sandbox.reverb.com/api", description="API of Reverb's sandbox.")
    REVERB_SANDBOX_WEB_URL: str = Field("https://sandbox.reverb.com", description="Website of Reverb's sandbox.")
    SHIPSTATION_API_URL: str = Field("https://ssapi.shipstation.com", description="ShipStation's V1 API.")
    REVERB_READS_PER_MINUTE: int = Field(2000, gt=0, description="Reads a minute for each Reverb account.")
    REVERB_WRITES_PER_MINUTE: int = Field(600, gt=0, description="Writes a minute for each Reverb account.")
    REVERB_READS_PER_10_MINUTES: int = Field(10_000, gt=0, description="Reads in ten minutes for each Reverb account.")
    REVERB_WRITES_PER_10_MINUTES: int = Field(3000, gt=0, description="Writes in ten minutes for each Reverb account.")
    REVERB_RESERVE_PERCENT: int = Field(
        10,
        ge=1,
        le=90,
        description="Percent of an account's calls in ten minutes that bulk work leaves to urgent work.",
    )
    REVERB_APP_CALLS_PER_MINUTE: int = Field(
        10_000, gt=0, description="Calls a minute to Reverb for the whole app, all accounts together."
    )
    REVERB_QUICK_POLL_SECONDS: int = Field(
        10,
        ge=0,
        description="Seconds between two looks for sales of an account without webhooks. 0: every minute only.",
    )
    REVERB_JOBS_IN_FLIGHT: int = Field(
        8, gt=0, description="Jobs of one shop that run at the same time; stock changes are not counted."
    )
    MASS_SYNC_PAUSE_HOURS: int = Field(
        6,
        ge=0,
        description="Hours between two mass syncs of a shop; a seller may start sooner after a warning.",
    )
    ALLOWED_PRIVATE_HOSTS: Names = Field(
        default_factory=list,
        description="Hosts on private or loopback addresses that may be called. Others are rejected.",
    )
    TRUSTED_PROXY_COUNT: int = Field(
        0,
        ge=0,
        description="Your proxies in front of the app, each of which appends to `X-Forwarded-For`. 0: none.",
    )
    WEBHOOK_MAX_BYTES: int = Field(4 * 1024 * 1024, gt=0, description="Largest webhook body that is accepted.")
    KEEP_DELIVERIES_DAYS: int = Field(30, gt=0, description="Days to keep processed deliveries.")
    KEEP_ENTRIES_DAYS: int = Field(365, gt=0, description="Days to keep entries of the sync log.")
    EMAIL_HOST: str = Field("", description="SMTP server. Empty: mail goes to the console.")
    EMAIL_PORT: int = Field(587, description="Port of the SMTP server.")
    EMAIL_HOST_USER: str = Field("", description="User at the SMTP server.")
    EMAIL_HOST_PASSWORD: SecretStr = Field(SecretStr(""), description="Password at the SMTP server.")
    EMAIL_USE_TLS: bool = Field(True, description="STARTTLS to the SMTP server.")
    DEFAULT_FROM_EMAIL: str = Field("ReverbSync <no-reply@localhost>", description="Sender of our mail.")
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Minimum level of log lines.")

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # all are passed by name
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment through `_Environment`; values passed in code take precedence."""
        return init_settings, _Environment(settings_cls)

    @field_validator(
        "REVERB_API_URL",
        "REVERB_WEB_URL",
        "REVERB_SANDBOX_API_URL",
        "REVERB_SANDBOX_WEB_URL",
        "SHOPIFY_ADMIN_URL",
        "BIGCOMMERCE_API_URL",
        "BIGCOMMERCE_LOGIN_URL",
        "SHIPSTATION_API_URL",
        "SITE_URL",
    )
    @classmethod
    def _addresses(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("ENCRYPTION_KEYS")
    @classmethod
    def _keys(cls, value: list[SecretStr]) -> list[SecretStr]:
        if not value:
            raise ValueError("needs at least one key")
        for key in value:
            Fernet(key.get_secret_value())
        return value

    @model_validator(mode="after")
    def _production(self) -> Env:
        if self.ENVIRONMENT != "production":
            return self
        missing = [
            name
            for name, wrong in {
                "SECRET_KEY": len(self.SECRET_KEY.get_secret_value()) < 32
                or self.SECRET_KEY.get_secret_value() == DEVELOPMENT_SECRET,
                "ENCRYPTION_KEYS": DEVELOPMENT_KEY in [k.get_secret_value() for k in self.ENCRYPTION_KEYS],
                "DATABASE_URL": "DATABASE_URL" not in self.model_fields_set,
                "REDIS_URL": "REDIS_URL" not in self.model_fields_set,
                "SITE_URL": not self.SITE_URL.startswith("https://"),
                "EMAIL_HOST": not self.EMAIL_HOST,
                "REVERB_API_URL": not self.REVERB_API_URL.startswith("https://"),
            }.items()
            if wrong
        ]
        if missing:
            raise ValueError(
                f"production needs {', '.join(missing)}: secrets of your own (SECRET_KEY of 32 characters "
                "or more), and addresses that start with https://"
            )
        return self


def read() -> Env:
    """Return the settings of this process.

    `NAME_FILE` names a file with the value of `NAME`, as Docker and Kubernetes mount secrets.

    If the environment names no database, or the one of the embedded stack running in this checkout, that stack's
    settings are the defaults: manage.py must decrypt secrets with the keys that the stack encrypts with.

    Raises Refused with a sentence for people. It never contains a value, since values may be secrets.
    """
    try:
        return Env()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'settings'}: {p['msg']}" for p in error.errors())
        raise Refused(f"The settings in the environment cannot be used. {problems}") from None
    except SettingsError:
        raise Refused("The settings in the environment cannot be used.") from None


def _from_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values that `NAME_FILE` variables point to, by name. Raises Refused with names, never a value."""
    found = {}
    for name in Env.model_fields:
        path = environ.get(f"{name}_FILE", "")
        if not path:
            continue
        if environ.get(name, ""):
            raise Refused(f"Set {name} or {name}_FILE, not both.")
        try:
            found[name] = Path(path).read_text().strip()
        except (OSError, ValueError):
            raise Refused(f"{name}_FILE names a file that cannot be read.") from None
        if not found[name]:
            raise Refused(f"{name}_FILE names an empty file.")
    return found


def _running_stack(database_url: str) -> dict[str, Any]:
    """Return the settings of the newest running embedded stack with this database (any if ""); empty if none."""
    for path in sorted(RUNNING_STACKS.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            os.kill(int(path.stem), 0)  # signal 0 only checks whether the process exists
            found: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if database_url in ("", found.get("DATABASE_URL")):
            return found
    return {}

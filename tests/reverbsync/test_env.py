"""The environment: safe defaults, and a production that refuses to start unfit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from reverbsync import env

FIT = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "s" * 40,
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "DATABASE_URL": "postgresql://db/reverbsync",
    "REDIS_URL": "redis://redis:6379/0",
    "SITE_URL": "https://sync.example.com",
    "EMAIL_HOST": "mail.example.com",
}


def test_production_starts_with_all_that_it_needs() -> None:
    assert env.read(FIT).SITE_URL == "https://sync.example.com"


@pytest.mark.parametrize("name", sorted(FIT.keys() - {"ENVIRONMENT"}))
def test_production_refuses_to_start_without(name: str) -> None:
    with pytest.raises(env.Refused, match=name):
        env.read({key: value for key, value in FIT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", env.DEVELOPMENT_SECRET),
        ("SECRET_KEY", "short"),
        ("ENCRYPTION_KEYS", env.DEVELOPMENT_KEY),
        ("SITE_URL", "http://sync.example.com"),
    ],
)
def test_production_refuses_a_default_or_weak_value_of(name: str, value: str) -> None:
    with pytest.raises(env.Refused, match=name):
        env.read({**FIT, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REVERB_READS_PER_MINUTE", "many"),
        ("REVERB_READS_PER_MINUTE", "-517"),
        ("REVERB_API_URL", "api.reverb.com"),
        ("ENCRYPTION_KEYS", "not-a-key"),
        ("ENVIRONMENT", "prod"),
    ],
)
def test_nonsense_is_refused_with_the_name_and_never_the_value(name: str, value: str) -> None:
    with pytest.raises(env.Refused, match=name) as refused:
        env.read({**FIT, "ENVIRONMENT": "development", name: value})
    assert name == "ENVIRONMENT" or value not in str(refused.value)


def test_lists_are_split_at_commas_and_empty_values_count_as_unset() -> None:
    found = env.read({"DATABASE_URL": "x", "ALLOWED_PRIVATE_HOSTS": "127.0.0.1, shop.local ,", "SHOPIFY_ADMIN_URL": ""})
    assert found.ALLOWED_PRIVATE_HOSTS == ["127.0.0.1", "shop.local"]


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    shown = repr(env.read(FIT))
    assert FIT["SECRET_KEY"] not in shown
    assert FIT["ENCRYPTION_KEYS"] not in shown
    assert "postgresql://db" not in shown


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let an embedded stack run beside this checkout."""
    told = {"DATABASE_URL": "postgresql:///stack", "REDIS_URL": "redis://stack/0"}
    (tmp_path / f"{os.getpid()}.json").write_text(json.dumps(told))
    monkeypatch.setattr(env, "RUNNING_STACKS", tmp_path)
    return told


@pytest.mark.parametrize("environ", [{}, {"DATABASE_URL": "postgresql:///stack"}])
def test_manage_py_speaks_to_the_stack_that_runs_beside_it(stack: dict[str, str], environ: dict[str, str]) -> None:
    assert env.read(environ).REDIS_URL.get_secret_value() == stack["REDIS_URL"]


@pytest.mark.parametrize("environ", [{"DATABASE_URL": "postgresql:///other"}, FIT])
def test_another_database_or_production_is_left_alone(stack: dict[str, str], environ: dict[str, str]) -> None:
    assert env.read(environ).REDIS_URL.get_secret_value() != stack["REDIS_URL"]


def test_a_stack_that_is_gone_is_not_spoken_to(stack: dict[str, str]) -> None:
    [path] = env.RUNNING_STACKS.iterdir()
    path.rename(path.with_name(f"{2**22 + 1}.json"))
    assert env.read({}).REDIS_URL.get_secret_value() != stack["REDIS_URL"]

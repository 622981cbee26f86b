"""The environment: safe defaults, and a production that refuses to start unfit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import patch

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


def read(environ: dict[str, str]) -> env.Env:
    """Read the settings in this environment and no other."""
    with patch.dict(os.environ, environ, clear=True):
        return env.read()


def test_production_starts_with_all_that_it_needs() -> None:
    assert read(FIT).SITE_URL == "https://sync.example.com"


@pytest.mark.parametrize("name", sorted(FIT.keys() - {"ENVIRONMENT"}))
def test_production_refuses_to_start_without(name: str) -> None:
    with pytest.raises(env.Refused, match=name):
        read({key: value for key, value in FIT.items() if key != name})


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
        read({**FIT, name: value})


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
        read({**FIT, "ENVIRONMENT": "development", name: value})
    assert name == "ENVIRONMENT" or value not in str(refused.value)


def test_lists_are_split_at_commas_and_empty_values_count_as_unset() -> None:
    found = read({"DATABASE_URL": "x", "ALLOWED_PRIVATE_HOSTS": "127.0.0.1, shop.local ,", "SHOPIFY_ADMIN_URL": ""})
    assert found.ALLOWED_PRIVATE_HOSTS == ["127.0.0.1", "shop.local"]


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    shown = repr(read(FIT))
    assert FIT["SECRET_KEY"] not in shown
    assert FIT["ENCRYPTION_KEYS"] not in shown
    assert "postgresql://db" not in shown


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let an embedded stack run beside this checkout."""
    shared = {"DATABASE_URL": "postgresql:///stack", "REDIS_URL": "redis://stack/0"}
    (tmp_path / f"{os.getpid()}.json").write_text(json.dumps(shared))
    monkeypatch.setattr(env, "RUNNING_STACKS", tmp_path)
    return shared


@pytest.mark.parametrize("environ", [{}, {"DATABASE_URL": "postgresql:///stack"}])
def test_manage_py_speaks_to_the_stack_that_runs_beside_it(stack: dict[str, str], environ: dict[str, str]) -> None:
    assert read(environ).REDIS_URL.get_secret_value() == stack["REDIS_URL"]


@pytest.mark.parametrize("environ", [{"DATABASE_URL": "postgresql:///other"}, FIT])
def test_another_database_or_production_is_left_alone(stack: dict[str, str], environ: dict[str, str]) -> None:
    assert read(environ).REDIS_URL.get_secret_value() != stack["REDIS_URL"]


def test_a_stack_that_is_gone_is_not_spoken_to(stack: dict[str, str]) -> None:
    [path] = env.RUNNING_STACKS.iterdir()
    path.rename(path.with_name(f"{2**22 + 1}.json"))
    assert read({}).REDIS_URL.get_secret_value() != stack["REDIS_URL"]


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret_key"
    secret.write_text("f" * 40 + "\n")
    fit = {name: value for name, value in FIT.items() if name != "SECRET_KEY"}
    assert read({**fit, "SECRET_KEY_FILE": str(secret)}).SECRET_KEY.get_secret_value() == "f" * 40


def test_a_file_may_hold_several_keys(tmp_path: Path) -> None:
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    keys = tmp_path / "keys"
    keys.write_text(f"{first},{second}\n")
    fit = {name: value for name, value in FIT.items() if name != "ENCRYPTION_KEYS"}
    found = read({**fit, "ENCRYPTION_KEYS_FILE": str(keys)}).ENCRYPTION_KEYS
    assert [key.get_secret_value() for key in found] == [first, second]


@pytest.mark.parametrize("name", ["missing", "empty", "a folder", "not text"])
def test_a_file_that_holds_no_secret_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "a folder").mkdir()
    (tmp_path / "not text").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(env.Refused, match="SECRET_KEY_FILE"):
        read({**FIT, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / name)})


def test_a_secret_that_is_set_twice_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("f" * 40)
    with pytest.raises(env.Refused, match="SECRET_KEY or SECRET_KEY_FILE") as refused:
        read({**FIT, "SECRET_KEY_FILE": str(tmp_path / "secret_key")})
    assert FIT["SECRET_KEY"] not in str(refused.value)
    assert "f" * 40 not in str(refused.value)

"""The docs name all that there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from reverbsync.env import Env
from shops.models import FIELDS, SyncSettings
from synclog.reasons import REASONS

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = (ROOT / "docs" / "settings.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
LIBRARIES = sorted(re.split(r"[\[~>=]", line)[0] for line in DECLARED)
COMMITTED = [p for p in ROOT.rglob("*") if p.is_file() and not {".git", ".venv", ".data", "staticfiles"} & set(p.parts)]


@pytest.mark.parametrize("name", sorted(Env.model_fields))
def test_each_setting_of_the_environment_is_documented(name: str) -> None:
    assert f"`{name}`" in SETTINGS


@pytest.mark.parametrize("name", sorted(f.name for f in SyncSettings._meta.fields if f.name not in ("id", "shop")))
def test_each_setting_of_a_shop_is_documented(name: str) -> None:
    assert f"`{name}`" in SETTINGS


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_library_has_its_reason(name: str) -> None:
    plain = {"celery": "Celery", "django": "Django", "psycopg2-binary": "psycopg2"}.get(name, name)
    assert f"| {plain}" in ARCHITECTURE


def test_each_module_says_what_it_is_for() -> None:
    for room in ("reverbsync", "shops", "listings", "synclog", "webhooks", "sandbox", "bench"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            assert not text or "migrations" in path.parts or text.startswith('"""'), path


def test_each_reason_ends_as_a_sentence_and_each_id_is_its_key() -> None:
    for key, reason in REASONS.items():
        assert reason.id == key
        assert reason.words[-1] in ".”"


def test_every_reason_that_the_code_names_exists() -> None:
    for path in (ROOT / "listings" / "sync").glob("*.py"):
        for found in re.findall(r'(?:reason=|_skipped\(|reason = |Action\.\w+, )"(\w+)"', path.read_text()):
            assert found in REASONS, f"{path.name}: {found}"


def test_every_switch_is_a_field_of_the_settings() -> None:
    assert {f"sync_{name}" for name in FIELDS} <= {f.name for f in SyncSettings._meta.fields}


def test_no_committed_file_names_a_package_host() -> None:
    hosts = re.compile(
        "|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.(org|com)", "deb" + r"ian\.org"))
    )
    for path in COMMITTED:
        if path.suffix in (".py", ".md", ".toml", ".lock", ".yml", ".html", "") and path.stat().st_size < 1_000_000:
            assert not hosts.search(path.read_text(errors="ignore")), path

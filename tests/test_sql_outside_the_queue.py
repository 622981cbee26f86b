"""Each SQL statement beside those of the queue runs on the migrated schema, and fills each column that needs a value.

tests/listings/queue/test_sql.py checks those of the queue.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import NOT_PROVIDED

from tests.listings.queue.test_sql import inserted, prepare

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("listings", "reverbsync", "shops", "synclog", "webhooks")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s")


def statements() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each constant that is a whole statement."""
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            for one in ast.walk(node.value):
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and STATEMENT.match(one.value):
                    yield f"{path.relative_to(ROOT)}:{node.targets[0].id}", one.value


FOUND = {name: text for name, text in statements() if not name.startswith("listings/queue/sql")}


def test_the_statements_are_found() -> None:
    assert {name.partition("/")[0] for name in FOUND} >= {"listings", "shops", "synclog", "webhooks"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(FOUND))
def test_each_statement_can_be_prepared_on_the_schema(name: str) -> None:
    prepare(FOUND[name])


@pytest.mark.parametrize("name", sorted(name for name, text in FOUND.items() if "INSERT INTO" in text))
def test_each_insert_fills_the_columns_that_need_a_value(name: str) -> None:
    [table] = re.findall(r"INSERT INTO (\w+)", FOUND[name])
    [model] = [one for one in apps.get_models() if one._meta.db_table == table]
    needed = {
        field.column
        for field in model._meta.concrete_fields
        if not (field.null or field.generated or field.primary_key) and field.db_default is NOT_PROVIDED
    }
    assert needed <= set(inserted(FOUND[name], table))

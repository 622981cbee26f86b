"""Each statement of the engine runs on the migrated schema, and names the models' columns, all of them and in order."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import Field, Model

from listings.models import Job, Ledger, Listing, Product
from listings.queue import lease, sql
from synclog import record
from synclog.models import Entry

STATEMENTS = {name: text for name, text in vars(sql).items() if name.isupper()} | {"INSERT_ENTRY": record.INSERT_ENTRY}


def columns(model: type[Model]) -> list[str]:
    """Return the columns of a model that are written, in the order of its fields."""
    return [field.column for field in fields(model) if field.column is not None]


def fields(model: type[Model]) -> list[Field[Any, Any]]:
    """Return the fields of a model that have a column which is not generated."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def inserted(text: str, table: str) -> list[str]:
    """Return the columns that an INSERT names."""
    found = re.search(rf"INSERT INTO {table}(?: AS \w+)?\s*\((.*?)\)", text, re.DOTALL)
    assert found is not None
    return [name.strip() for name in found[1].split(",")]


def prepare(text: str) -> None:
    """Prepare a statement on the migrated schema."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
    count = itertools.count(1)
    numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", text)
    numbered = re.sub(r"%s", lambda _: f"${next(count)}", numbered).replace("%%", "%")
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE as_written AS {numbered}")
        cursor.execute("DEALLOCATE as_written")


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_each_statement_can_be_prepared_on_the_schema(name: str) -> None:
    prepare(STATEMENTS[name])


@pytest.mark.parametrize("name", ["CLAIM", "READ_ATTEMPT"])
@pytest.mark.parametrize(("alias", "model"), [("product", Product), ("listing", Listing), ("ledger", Ledger)])
def test_an_attempt_reads_all_columns_in_the_order_of_the_fields(name: str, alias: str, model: type[Model]) -> None:
    read = ", ".join(f"{alias}.{field.column}" for field in model._meta.concrete_fields)
    assert f" {read}," in " ".join(STATEMENTS[name].split())


@pytest.mark.parametrize(
    ("name", "model"),
    [("SAVE_LISTING", Listing), ("SAVE_LEDGER", Ledger), ("END_ATTEMPT", Listing)],
)
def test_each_field_of_a_row_can_be_saved(name: str, model: type[Model]) -> None:
    written = re.findall(r"^ +(\w+) = CASE", STATEMENTS[name], re.MULTILINE)
    assert written == [field.column for field in fields(model) if not field.is_relation and not field.primary_key]


def test_a_field_that_the_statement_of_its_model_does_not_write_cannot_be_saved() -> None:
    with pytest.raises(ValueError, match="does not write"):
        lease.save(Product(), "title")


@pytest.mark.parametrize("text", [record.INSERT_ENTRY, sql.END_ATTEMPT], ids=["alone", "with the end of a job"])
def test_an_entry_is_written_whole(text: str) -> None:
    assert sorted(inserted(text, "synclog_entry")) == sorted(set(columns(Entry)) - {"id"})


def test_a_new_job_has_a_value_for_each_column_that_needs_one() -> None:
    needed = {field.column for field in fields(Job) if not field.null and not field.primary_key}
    assert needed <= set(inserted(sql.OPEN_JOBS, "listings_job"))

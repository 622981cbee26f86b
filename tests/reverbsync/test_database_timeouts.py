"""What one connection to PostgreSQL may hold up, and what a timeout counts as."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from reverbsync.outage import is_outage


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "value"),
    [("lock_timeout", "10s"), ("statement_timeout", "1min"), ("idle_in_transaction_session_timeout", "1min")],
)
def test_each_connection_is_bounded_by(setting: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        assert cursor.fetchone() == (value,)


@pytest.mark.django_db
def test_a_statement_that_takes_too_long_is_counted_against_the_work_in_hand() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1ms'")
        with pytest.raises(OperationalError) as failed, transaction.atomic():
            cursor.execute("SELECT pg_sleep(1)")
    assert not is_outage(failed.value)


@pytest.mark.django_db(transaction=True)
def test_waiting_too_long_for_a_lock_is_counted_against_nobody() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1, 1)")
        other = connection.copy()
        try:
            with other.cursor() as second:
                second.execute("SET lock_timeout = '1ms'")
                with pytest.raises(OperationalError) as failed:
                    second.execute("SELECT pg_advisory_lock(1, 1)")
        finally:
            other.close()
            cursor.execute("SELECT pg_advisory_unlock(1, 1)")
    assert is_outage(failed.value)

"""Keep this process on the database's time: queried on each new connection, and every 30 seconds between tasks.

Leases, due times and timestamps of different machines are compared with each other. A query in 30 seconds costs
nothing. A query with each statement would get in the way of tests and of decisions before a write.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from celery.signals import task_prerun
from django.core.signals import request_started
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from reverbsync import clock

logger = logging.getLogger(__name__)

#: A clock drifts by some milliseconds in this time.
ASK_EVERY_S = 30.0


def ask_now_and_then(**_: Any) -> None:
    """Query the time if the last query was long enough ago. If it fails, the previous reading stays in use."""
    if not clock.may_ask(ASK_EVERY_S):
        return
    try:
        if connection.connection is None:
            connection.ensure_connection()  # its signal queries the time
        else:
            _ask(connection)
    except Exception as error:  # noqa: BLE001 -- code that needs the database reports its errors
        logger.warning("The database was not asked for the time: %s", type(error).__name__)


def _ask(connection: BaseDatabaseWrapper, **_: Any) -> None:
    def ask() -> datetime:
        # Bypass Django, which would count and time it as one of its statements.
        with connection.connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            moment: datetime = cursor.fetchone()[0]
        return moment

    with connection.wrap_database_errors:
        clock.set_by(ask)


def begin() -> None:
    """Connect the signals in this process."""
    connection_created.connect(_ask, dispatch_uid="one clock")
    request_started.connect(ask_now_and_then, dispatch_uid="one clock")
    task_prerun.connect(ask_now_and_then, dispatch_uid="one clock")

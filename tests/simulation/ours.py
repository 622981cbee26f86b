"""Our processes: wake-ups, their tasks, the scheduler's sweeps, and the web process that receives webhooks.

Sweeps run every few seconds while there is work. Otherwise they would find nothing, so the next one runs at the next
date in the database.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from celery import Task
from django.apps import apps
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, models
from requests.models import PreparedRequest

from listings.queue import jobs
from reverbsync.celery import app
from reverbsync.database import Statement
from reverbsync.dispatch.wake import FLAG_SECONDS
from tests.simulation import lines
from tests.simulation.lines import Answered
from tests.simulation.processes import Processes
from tests.simulation.schedule import Schedule

#: Only the scheduler's sweeps with a shorter interval are simulated.
OFTEN_S = 20.0
ROOMS = ("shops", "listings", "webhooks")


class Ours:
    """Our processes at work."""

    def __init__(
        self, schedule: Schedule, processes: Processes, luck: Random, *, wake_loss: float, sweep_s: float
    ) -> None:
        """`wake_loss`: the share of wake-ups that get lost. `sweep_s`: minimum seconds between two sweeps."""
        self._schedule, self._processes, self._luck = schedule, processes, luck
        self.wake_loss, self._sweep_s, self._swept_at = wake_loss, sweep_s, 0.0
        self._flags: dict[tuple[str, int], float] = {}
        self._woken = 0
        self._waiting = 0
        self._beat_at: float | None = None
        #: The last sweep found nothing, and nothing has happened since.
        self.quiet = False
        self._web = WSGIHandler()
        app.loader.import_default_modules()
        self.broke: list[str] = []

    # -- wake-ups (reverbsync.dispatch.wake.Carrier) ------------------------------------------------------------------

    def send(self, task: str, shop_id: int) -> None:
        """Send a wake-up unless one is waiting."""
        self._woken += 1
        key = (task, shop_id)
        if self._flags.get(key, 0.0) > self._schedule.now:
            return
        self._flags[key] = self._schedule.now + FLAG_SECONDS
        if self._luck.random() < self.wake_loss:
            return
        self._waiting += 1
        self._schedule.later(self._luck.uniform(0.001, 0.03), lambda: self._run(task, shop_id), busy=True)

    def taken(self, task: str, shop_id: int) -> None:
        """Clear the flag of a wake-up."""
        self._flags.pop((task, shop_id), None)

    def forget(self) -> None:
        """Clear all flags, as after Redis was emptied. Messages in flight still arrive."""
        self._flags.clear()

    # -- tasks -----------------------------------------------------------------------------------------------

    def _run(self, task: str, shop_id: int) -> None:
        self._waiting -= 1
        self.work(task, shop_id)
        self.look_soon()

    def work(self, task: str, *arguments: int) -> None:
        """Run a task in its own process; it may be killed midway."""
        self._schedule.workers += 1
        try:
            with self._processes.running(task, arguments[0] if arguments else None):
                found: Task[Any, Any] = app.tasks[task]
                found(*arguments)
        except Exception as error:  # noqa: BLE001 -- a task that raises is always a bug of ours
            self.broke.append(f"the task {task} raised {type(error).__name__}: {error}")
        finally:
            self._schedule.workers -= 1

    # -- the scheduler ---------------------------------------------------------------------------------------

    def look_soon(self) -> None:
        """Schedule the next second's sweeps, because something happened."""
        self.quiet = False
        self._beat(math.floor(self._schedule.now) + 1.0)

    def _beat(self, at: float) -> None:
        at = max(at, self._swept_at + self._sweep_s)
        if self._beat_at is not None and self._beat_at <= at:
            return
        self._beat_at = at
        self._schedule.later(at - self._schedule.now, lambda: self._sweep(at), busy=True)

    def _sweep(self, at: float) -> None:
        if at != self._beat_at:
            return  # an earlier one replaced it
        self._beat_at, self._swept_at, before = None, at, self._woken
        if self._dates().due:
            for task in sweeps():
                self.work(task)
        self._beat_at = None
        if self._woken > before:
            self.look_soon()
            return
        self.quiet = self._waiting == 0
        if (following := self._dates().next_at) is not None:
            self._beat(max(math.ceil(following), math.floor(self._schedule.now) + 1.0))

    def _dates(self) -> Dates:
        with self._processes.running("the simulation"):
            return dates(self._schedule.datetime())

    # -- the web ---------------------------------------------------------------------------------------------

    def take_webhook(self, request: PreparedRequest) -> Answered:
        """Pass a call to our web process, as the platform's sender makes it. If it is killed, there is no response."""
        with self._processes.running("web") as process:
            answered = lines.ask(self._web, request)
        self.look_soon()
        if process.dead:
            raise lines.broken()
        return answered


@lru_cache(maxsize=1)
def sweeps() -> tuple[str, ...]:
    """Return the tasks that the scheduler sends often."""
    rows = app.conf.beat_schedule.values()
    return tuple(row["task"] for row in rows if float(row["schedule"]) < OFTEN_S)


@dataclass(frozen=True)
class Dates:
    """Whether a sweep might find work now, and when the next might."""

    due: bool
    next_at: float | None


#: Table → condition of the rows whose dates still matter.
_OVER = {"listings_job": "NOT blocked", "webhooks_delivery": "state = 'open'"}


class _Question(Statement):
    """A statement that each connection plans once: planning takes longer than querying the small tables."""

    PLANNED_S = math.inf


@lru_cache(maxsize=1)
def _question() -> Statement:
    """Return one query over all tables with due dates."""
    now = [
        "SELECT 1 FROM shops_shop WHERE recheck_requested",
        "SELECT 1 FROM listings_job WHERE lease IS NOT NULL",
        "SELECT 1 FROM listings_order WHERE decided_on <> status",
        "SELECT 1 FROM shops_breaker WHERE is_back",
        "SELECT 1 FROM shops_storehealth WHERE back_at IS NOT NULL",
        "SELECT 1 FROM shops_reverbconnection WHERE back_at IS NOT NULL",
    ]
    # A claimed job whose worker is dead is noticed before its lease expires.
    gone = "lease_until - %(early)s::interval"
    later = [f"SELECT min({gone}) AS at FROM listings_job WHERE {gone} > %(now)s"]
    for room in ROOMS:
        for model in apps.get_app_config(room).get_models():
            for field in model._meta.get_fields():
                name = field.name if isinstance(field, models.DateTimeField) else ""
                table = model._meta.db_table
                if name in ("due_at", "probe_at", "next_change_at") or name.endswith(("_due_at", "lease_until")):
                    alive = _OVER.get(table, "true")
                    now.append(f"SELECT 1 FROM {table} WHERE {name} <= %(now)s AND {alive}")
                    later.append(f"SELECT min({name}) FROM {table} WHERE {name} > %(now)s AND {alive}")
    exists = " OR ".join(f"EXISTS ({part})" for part in now)
    return _Question(
        f"SELECT {exists}, (SELECT extract(epoch FROM min(at)) FROM ({' UNION ALL '.join(later)}) AS dates)"
    )


def dates(now: datetime) -> Dates:
    """Run the query."""
    early = jobs.LEASE - jobs.LOCKED_WITHIN - timedelta(milliseconds=100)
    with connection.cursor() as cursor:
        _question().run(cursor, {"now": now, "early": early})
        due, following = cursor.fetchone() or (False, None)
    return Dates(bool(due), float(following) if following is not None else None)

"""Celery app: workers wake up and query the database; the scheduler sends sweeps (docs/architecture.md).

Messages carry no state, so a lost one does no harm.
"""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reverbsync.settings")

app = Celery("reverbsync")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["listings.orders"])


@app.on_after_finalize.connect
def _in_each_worker(**_: object) -> None:
    """Install the slow mode without Redis and the fair share of threads per shop in each worker."""
    import reverbsync.dispatch.concurrency  # noqa: PLC0415
    import reverbsync.dispatch.without_redis  # noqa: F401, PLC0415 -- needs the app

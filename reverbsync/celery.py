"""Celery: workers that are woken to look, and a scheduler that sweeps. It holds no truth (docs/architecture.md)."""

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
    """Let each worker go on slowly while Redis is gone, and give each shop its share of the threads."""
    import reverbsync.dispatch.share  # noqa: PLC0415
    import reverbsync.dispatch.without_redis  # noqa: F401, PLC0415 -- needs the app

"""Celery: workers that are woken to look, and a scheduler that sweeps. It holds no truth (docs/architecture.md)."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reverbsync.settings")

app = Celery("reverbsync")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

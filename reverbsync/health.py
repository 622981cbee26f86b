"""Health checks for load balancers: liveness (`/livez`) and readiness for webhooks (`/readyz`)."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from reverbsync.redis import connection as redis_connection


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 regardless of PostgreSQL and Redis: restarting this process would not bring them back."""
    return _answer({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database accepts writes, since webhooks are saved there; else 503.

    Without Redis the status is `degraded`: webhooks are accepted, and processed more slowly.
    """
    database, cache = _database(), _redis()
    status = ("ok" if cache else "degraded") if database else "failing"
    return _answer({"status": status, "database": database, "redis": cache}, status=200 if database else 503)


def _answer(body: dict[str, object], *, status: int = 200) -> JsonResponse:
    """Return a response that names the instance, for whoever started the app (sandbox/stack/ready.py)."""
    headers = {"ReverbSync-Instance": settings.INSTANCE_ID} if settings.INSTANCE_ID else {}
    return JsonResponse(body, status=status, headers=headers)


def _database() -> bool:
    """Return whether the database accepts writes: a standby, or one with a full disk, may respond and accept none."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return bool(cursor.fetchone() == ("off",))
    except DatabaseError:
        return False


def _redis() -> bool:
    try:
        return bool(redis_connection().ping())
    except redis.RedisError:
        return False


#: Path of a health check → its view.
ADDRESSES = {"/livez": live, "/readyz": ready, "/health/": ready}

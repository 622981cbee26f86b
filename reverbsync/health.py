"""Two questions of load balancers: is the process up (`/livez`), and can it take webhooks (`/readyz`)?"""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from reverbsync.redis import connection as redis_connection


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer 200, whatever the process depends on does: restarting it would not bring that back."""
    return _answer({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database can be written to, since webhooks are kept there; else 503.

    Without Redis the status is `degraded`: webhooks are taken, and worked off more slowly.
    """
    database, cache = _database(), _redis()
    status = ("ok" if cache else "degraded") if database else "failing"
    return _answer({"status": status, "database": database, "redis": cache}, status=200 if database else 503)


def _answer(body: dict[str, object], *, status: int = 200) -> JsonResponse:
    """Return an answer that says which start of the app gave it, for who started it (sandbox/stack/ready.py)."""
    headers = {"ReverbSync-Instance": settings.INSTANCE_ID} if settings.INSTANCE_ID else {}
    return JsonResponse(body, status=status, headers=headers)


def _database() -> bool:
    """Return whether the database takes writes: a standby, and one whose disk is full, may answer and take none."""
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


#: Where health is asked for → the view.
ADDRESSES = {"/livez": live, "/readyz": ready, "/health/": ready}

"""Is this machine fit to serve? Asked by load balancers and by the embedded stack."""

from __future__ import annotations

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from reverbsync.redis import connection as redis_connection


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database and Redis answer, else 503; says which, and nothing that is secret."""
    found = {"database": _database(), "redis": _redis()}
    fine = all(found.values())
    return JsonResponse({"status": "ok" if fine else "failing", **found}, status=200 if fine else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis() -> bool:
    try:
        return bool(redis_connection().ping())
    except redis.RedisError:
        return False

"""Baseline of webhook intake: a bare Django app with one view that does one INSERT."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    SECRET_KEY="bare",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            **{name: os.environ[f"BARE_{name}"] for name in ("NAME", "USER", "HOST", "PORT")},
            "CONN_MAX_AGE": 600,
        }
    },
)
django.setup()


def take(request: HttpRequest) -> HttpResponse:
    """Save the body."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_bare (body) VALUES (%s)", [request.body])
    return HttpResponse('{"status": "kept"}', content_type="application/json")


urlpatterns = [path("take/", take)]
application = get_wsgi_application()

"""The web application, for gunicorn."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reverbsync.settings")

_django = get_wsgi_application()
_CHARSET = re.compile(r";\s*charset\*?\s*=[^;]*", re.IGNORECASE)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request, whose forms are UTF-8 whatever `charset` it names.

    Django decodes address and form by any codec of Python's that a request names. Some of them fail before a view, or a
    page for errors, is reached (`hex`, `idna`), others make half surrogates, which PostgreSQL does not take.
    """
    environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE") or "")
    return _django(environ, start_response)

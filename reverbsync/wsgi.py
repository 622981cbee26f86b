"""The WSGI application, for gunicorn."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reverbsync.settings")

_django = get_wsgi_application()
_CHARSET = re.compile(r";\s*charset\*?\s*=[^;]*", re.IGNORECASE)


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serve a request; forms are decoded as UTF-8 regardless of `charset`.

    Django decodes path and form with any Python codec that a request names. Some fail before a view or an error page is
    reached (`hex`, `idna`); others produce surrogates, which PostgreSQL rejects.
    """
    environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE") or "")
    if "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated"):
        _give_length(environ)
    return _django(environ, start_response)


class _Broken(io.RawIOBase):
    """A body that did not arrive intact."""

    def read(self, *_: object) -> bytes:
        raise OSError("the chunks of the body are broken")


def _give_length(environ: WSGIEnvironment) -> None:
    """Read a chunked body up to the size limit of webhooks: Django treats a body without a length as empty.

    .NET's JsonContent, streams in Node and Go, and some proxies send chunked bodies.
    """
    try:
        body = environ["wsgi.input"].read(settings.WEBHOOK_MAX_BYTES + 1)
    except Exception:  # noqa: BLE001 -- gunicorn's own errors have no common base class
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = _Broken(), "1"
    else:
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))

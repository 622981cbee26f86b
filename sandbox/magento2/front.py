"""What is in front of REST: the web server, the front controller, and the store view that a path names.

Facts: Magento 2.4.7 as seen: a path with an unknown view code gets 400 "Specified request cannot be processed.";
without a code the default view is used. Apache refuses "%2F" in a path with its own page unless AllowEncodedSlashes is
set (magento/magento2 #8615). Without URL rewrites, only /index.php/… is served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.common.keep import Doc
from sandbox.common.pages import HTML, PAGES

VIEW = "magento.view"
_REST = re.compile(r"/rest(?:/(?!V1(?:/|$))(?P<view>[^/]+))?(?P<path>/V1(?:/.*)?)")


class Front:
    """Wraps the application; `settings` returns the store's switches: rewrites, encoded_slashes."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], settings: Callable[[], Doc]) -> None:
        """Store both."""
        self._inner = inner
        self._settings = settings

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a call, or the web server's page."""
        path, switches = environ["PATH_INFO"], self._settings()
        if not re.match(r"/(index\.php/)?(rest|oauth)/", path):
            return self._inner(environ, start)
        raw = str(environ.get("RAW_URI") or path).partition("?")[0]
        if "%2f" in raw.lower() and switches.get("encoded_slashes") is False:
            return _not_found(start)
        if path.startswith("/index.php/"):
            path = path.removeprefix("/index.php")
        elif switches.get("rewrites") is False:
            return _not_found(start)
        hit = _REST.fullmatch(path)
        environ["PATH_INFO"] = f"/rest{hit['path']}" if hit else path
        environ[VIEW] = (hit and hit["view"]) or ""
        return self._inner(environ, start)


def _not_found(start: Callable[..., Any]) -> Iterable[bytes]:
    start("404 Not Found", [("Content-Type", HTML)])
    return [PAGES["apache"].replace("403 Forbidden", "404 Not Found").encode()]

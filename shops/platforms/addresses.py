"""Addresses of stores that a person typed: one form, https, and nothing that leads elsewhere.

Whether the host is public is not decided here but at each call, after its name was resolved (reverbsync/http.py).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings


def read_web_address(text: str) -> str:
    """Return `https://host[:port][/path]` without a slash at the end. Raises ValueError with a sentence.

    http is taken only for hosts that ALLOWED_PRIVATE_HOSTS names: keys must not cross the open net unencrypted.
    """
    typed = text.strip()
    parts = urlsplit(typed if "//" in typed else f"https://{typed}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not parts.hostname or port == -1 or parts.username or parts.query or parts.fragment or " " in typed:
        raise ValueError("That is not a web address. It looks like https://www.your-shop.com.")
    host = parts.hostname + (f":{port}" if port else "")
    named = host in settings.ALLOWED_PRIVATE_HOSTS or parts.hostname in settings.ALLOWED_PRIVATE_HOSTS
    if parts.scheme != "https" and not (parts.scheme == "http" and named):
        raise ValueError("The address must begin with https://, since keys are sent to it.")
    if "." not in parts.hostname and not named:
        raise ValueError("That is not the address of a public website.")
    return f"{parts.scheme}://{host.lower()}{parts.path.rstrip('/')}"

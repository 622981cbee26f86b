"""Validate and normalize store addresses that a person typed: https only, one form.

Whether the host is public is checked at each call, after its name was resolved (reverbsync/http/outbound.py).
"""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import urlsplit

from django.conf import settings

NO_ADDRESS = "That is not a web address. It looks like https://www.your-shop.com."
#: Characters that no address contains: blanks, control characters, and those that end a link or a header.
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"{}|^`]")


def read_web_address(text: str) -> str:
    """Return `https://host[:port][/path]` without a trailing slash. Raise ValueError with a sentence.

    http is accepted only for hosts in ALLOWED_PRIVATE_HOSTS: keys must not cross the internet unencrypted.
    """
    typed = text.strip()
    try:
        parts = urlsplit(typed if "//" in typed else f"https://{typed}")
        port, hostname = parts.port, parts.hostname
    except ValueError:
        raise ValueError(NO_ADDRESS) from None
    if not hostname or parts.username or parts.query or parts.fragment or _UNFIT.search(typed):
        raise ValueError(NO_ADDRESS)
    host = hostname + (f":{port}" if port else "")
    named = host in settings.ALLOWED_PRIVATE_HOSTS or hostname in settings.ALLOWED_PRIVATE_HOSTS
    if parts.scheme != "https" and not (parts.scheme == "http" and named):
        raise ValueError("The address must begin with https://, since keys are sent to it.")
    if "." not in hostname and not named:
        raise ValueError("That is not the address of a public website.")
    return f"{parts.scheme}://{host.lower()}{parts.path.rstrip('/')}"


def same_address(one: str, other: str) -> bool:
    """Return whether two addresses name the same store, ignoring scheme, `www.`, `index.php` and a trailing slash."""
    return _plain(one) == _plain(other)


def within(one: str, other: str) -> bool:
    """Return whether one of two addresses contains the other: the same host, and one path is a prefix of the other.

    A Magento that adds store codes to its URLs calls itself `https://shop.example.com/index.php/default/`.
    """
    (host, path), (other_host, other_path) = _plain(one), _plain(other)
    shorter, longer = sorted((path, other_path), key=len)
    return host == other_host and longer[: len(shorter)] == shorter


def _plain(address: str) -> tuple[str, tuple[str, ...]]:
    """Return the normalized host and path; an address without a scheme is a host, or a platform's own id."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
    except ValueError:  # an invalid address matches no other
        return address, ()
    host = parts.netloc.lower().removeprefix("www.")
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, ":443")
    host = host.removesuffix(usual)
    with suppress(UnicodeError):  # an invalid host name stays as typed
        host = host.encode("idna").decode()
    return host, tuple(part for part in parts.path.split("/") if part and part != "index.php")


def another(entered: str, answered: str) -> str:
    """Return the sentence for a seller who entered one store and approved another."""
    return (
        f"Another store answered than the one that was entered here: you entered {entered}, and {answered} answered. "
        f"Start again and enter {answered}, or sign in to {entered} first."
    )

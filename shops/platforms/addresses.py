"""Addresses of stores that a person typed: one form, https, and nothing that leads elsewhere.

Whether the host is public is not decided here but at each call, after its name was resolved
(reverbsync/http/outbound.py).
"""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import urlsplit

from django.conf import settings

NO_ADDRESS = "That is not a web address. It looks like https://www.your-shop.com."
#: What stands in no address: blanks, control signs, and what a link or a header would end at.
_UNFIT = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"{}|^`]")


def read_web_address(text: str) -> str:
    """Return `https://host[:port][/path]` without a slash at the end. Raises ValueError with a sentence.

    http is taken only for hosts that ALLOWED_PRIVATE_HOSTS names: keys must not cross the open net unencrypted.
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
    """Return whether two addresses are spellings of one store's: scheme, `www.`, `index.php` and a last slash aside."""
    return _plain(one) == _plain(other)


def within(one: str, other: str) -> bool:
    """Return whether one of two addresses lies on the other: the same host, and a path that goes on from the other's.

    A Magento that adds store codes to its URLs calls itself `https://shop.example.com/index.php/default/`.
    """
    (host, path), (other_host, other_path) = _plain(one), _plain(other)
    shorter, longer = sorted((path, other_path), key=len)
    return host == other_host and longer[: len(shorter)] == shorter


def _plain(address: str) -> tuple[str, tuple[str, ...]]:
    """Return host and path in one spelling; an address without a scheme is a host, or an id of a platform's own."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
    except ValueError:  # no address at all is like no other
        return address, ()
    host = parts.netloc.lower().removeprefix("www.")
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, ":443")
    host = host.removesuffix(usual)
    with suppress(UnicodeError):  # a name that cannot be one stays as it was typed
        host = host.encode("idna").decode()
    return host, tuple(part for part in parts.path.split("/") if part and part != "index.php")


def another(entered: str, answered: str) -> str:
    """Return the sentence for a seller who entered one store and approved another."""
    return (
        f"Another store answered than the one that was entered here: you entered {entered}, and {answered} answered. "
        f"Start again and enter {answered}, or sign in to {entered} first."
    )

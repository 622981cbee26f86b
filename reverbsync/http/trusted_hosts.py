"""Which hosts the operator trusts: calls to them may go to private addresses."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver


def is_trusted(url: str) -> bool:
    """Return whether the operator configured the host: only such hosts may be private."""
    parts, named = origin(url), _named()
    return parts.hostname in named or parts.netloc in named


def origin(url: str) -> SplitResult:
    """Return the scheme and host of an address; cached once for all paths of a host."""
    end = url.find("/", len("https://"))
    return urlsplit(url if end < 0 else url[:end])


@lru_cache(maxsize=1)
def _named() -> frozenset[str]:
    own = (
        settings.REVERB_API_URL,
        settings.REVERB_WEB_URL,
        settings.REVERB_SANDBOX_WEB_URL,
        settings.REVERB_SANDBOX_API_URL,
        settings.SHOPIFY_ADMIN_URL,
        settings.BIGCOMMERCE_API_URL,
        settings.BIGCOMMERCE_LOGIN_URL,
        settings.SHIPSTATION_API_URL,
    )
    return frozenset(settings.ALLOWED_PRIVATE_HOSTS) | {urlsplit(address).netloc for address in own if address}


@receiver(setting_changed)
def _forget_named(**_: object) -> None:
    """Read the settings again after a test changed one."""
    _named.cache_clear()

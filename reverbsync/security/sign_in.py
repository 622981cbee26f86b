"""Differences of our sign-in from allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accepts any text as the `next` address, and locks an account for one client address at a time."""

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return the key by which failed sign-ins are counted: the account and the client's address.

        By the account alone anybody could lock its owner out, from anywhere and for as long as they like.
        """
        return f"{super()._get_login_attempts_cache_key(request, **credentials)} from {self.get_client_ip(request)}"

    def is_safe_url(self, url: str) -> bool:
        """Return whether `url` is one of ours; a malformed one (`http://[`) is not."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

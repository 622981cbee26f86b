"""What our sign-in does otherwise than allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Takes any text as the address to go on to after signing in, and locks an account for one address at a time."""

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return what wrong passwords count by: the account and the address that they come from.

        By the account alone anybody could lock its owner out, from anywhere and for as long as they like.
        """
        return f"{super()._get_login_attempts_cache_key(request, **credentials)} from {self.get_client_ip(request)}"

    def is_safe_url(self, url: str) -> bool:
        """Return whether `url` is one of ours; a text that is no address at all (`http://[`) is not."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

"""What our sign-in does otherwise than allauth's."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Takes any text as the address to go on to after signing in."""

    def is_safe_url(self, url: str) -> bool:
        """Tell whether `url` is one of ours; a text that is no address at all (`http://[`) is not."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

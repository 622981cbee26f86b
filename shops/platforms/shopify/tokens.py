"""The token of a Shopify store: a pasted one that never expires, or a pair that is renewed hourly.

Facts: shopify.dev "Offline access tokens" (an hour, and 90 days for the refresh token, which changes with each use) and
"More resilient refreshes" (2026-08: the former refresh token works until the new pair is used).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from shops.platforms.errors import TransientStoreError
from shops.schemas import Part

#: A token that expires sooner than this is renewed before use.
EARLY = timedelta(minutes=5)


@dataclass(frozen=True)
class Tokens:
    """Access and refresh token. `ends_at` is None for a pasted token, which never expires."""

    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    ends_at: datetime | None = None

    def must_renew(self, now: datetime) -> bool:
        """Return whether the access token has expired, or will within EARLY."""
        return bool(self.refresh) and self.ends_at is not None and now > self.ends_at - EARLY

    def to_json(self) -> str:
        """Return the form that StoreConnection.token saves, encrypted."""
        return json.dumps(asdict(self), default=datetime.isoformat) if self.refresh else self.access


def from_json(saved: str) -> Tokens:
    """Return the tokens that `to_json` saved."""
    if not saved.startswith("{"):
        return Tokens(saved)
    said = json.loads(saved)
    return Tokens(said["access"], said["refresh"], datetime.fromisoformat(said["ends_at"]))


class _Answer(Part):
    access_token: str
    refresh_token: str = ""
    expires_in: int = 0
    scope: str = ""


def read(answer: Any, now: datetime) -> tuple[Tokens, str]:
    """Return the tokens and the granted scopes from the answer of `/admin/oauth/access_token`."""
    try:
        said = _Answer.model_validate(answer)
    except ValidationError:
        raise TransientStoreError("Shopify's answer holds no token.", may_have_applied=True) from None
    ends_at = now + timedelta(seconds=said.expires_in) if said.expires_in else None
    return Tokens(said.access_token, said.refresh_token if ends_at else "", ends_at), said.scope

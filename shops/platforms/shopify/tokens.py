"""The token of a Shopify store: one that ends and is requested again, or a pasted one that does not end.

    the operator's app       code grant: an access token for an hour, and a refresh token that changes with each use
    an agency's own app      the same, with the client id and secret of that app
    the seller's own app     client credentials grant: a token for 24 hours, requested with client id and secret
    a legacy custom app      a pasted `shpat_` token without an end

Facts: shopify.dev "Offline access tokens" (an hour, and 90 days for the refresh token), "More resilient refreshes"
(2026-08: the former refresh token works until the new pair is used), "Client credentials grant".
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field, ValidationError

from shops.platforms.errors import TransientStoreError
from shops.schemas import Part, Side

#: A token that ends sooner than this is renewed before use: one of an hour, and one of 24 hours.
EARLY, EARLY_OF_A_DAY = timedelta(minutes=5), timedelta(hours=1)
#: How long webhooks that are signed with a replaced client secret are still accepted.
FORMER_SECRET_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Tokens:
    """A store's access token, and how to renew it. `ends_at` is None for one that does not end, or is yet to be had."""

    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    ends_at: datetime | None = None
    #: Client id of the app that the seller or their agency created; its secret is StoreConnection.secret.
    client_id: str = ""
    #: The granted scopes as Shopify names them, separated by commas; "" if it did not say.
    scope: str = ""
    #: The client secret before the last one, and until when it still proves webhooks.
    former_secret: str = field(default="", repr=False)
    former_until: datetime | None = None

    @property
    def can_renew(self) -> bool:
        """Return whether a new access token can be requested."""
        return bool(self.refresh or self.client_id)

    def is_valid(self, now: datetime) -> bool:
        """Return whether the access token has not ended."""
        return bool(self.access) and (self.ends_at is None or now < self.ends_at)

    def must_renew(self, now: datetime) -> bool:
        """Return whether the access token has ended, will soon, or is yet to be had."""
        if not self.can_renew or (self.access and self.ends_at is None):
            return False
        early = EARLY if self.refresh else EARLY_OF_A_DAY
        return not self.access or self.ends_at is None or now > self.ends_at - early

    def renewed(self, fresh: Tokens) -> Tokens:
        """Return what is saved after a renewal: the app and its former secret stay."""
        return replace(
            fresh,
            refresh=fresh.refresh if self.refresh else "",
            client_id=self.client_id,
            former_secret=self.former_secret,
            former_until=self.former_until,
        )

    def with_former_secret(self, secret: str, now: datetime) -> Tokens:
        """Return these tokens with a client secret that was replaced just now."""
        return replace(self, former_secret=secret, former_until=now + FORMER_SECRET_FOR)

    def former_secrets(self, now: datetime) -> list[str]:
        """Return the replaced client secret while it still proves webhooks."""
        valid = self.former_secret and self.former_until is not None and now < self.former_until
        return [self.former_secret] if valid else []

    def to_json(self) -> str:
        """Return the form that StoreConnection.token saves, encrypted."""
        if self == Tokens(self.access):
            return self.access
        said = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(said, default=datetime.isoformat)


def from_json(saved: str) -> Tokens:
    """Return the tokens that `to_json` saved."""
    if not saved.startswith("{"):
        return Tokens(saved)
    said = json.loads(saved)
    dates = {name: datetime.fromisoformat(said[name]) for name in ("ends_at", "former_until") if name in said}
    return Tokens(**{**said, **dates})


class _Answer(Part):
    access_token: Annotated[str, Field(min_length=1, max_length=4000)]
    refresh_token: Side[str] = ""
    #: Seconds; 0 if it is missing or makes no sense, and then the token is renewed once Shopify refuses it.
    expires_in: Side[Annotated[int, Field(ge=0, le=366 * 86_400)]] = 0
    scope: Side[str] = ""


def read(answer: Any, now: datetime) -> Tokens:
    """Return the tokens from the answer of `/admin/oauth/access_token`."""
    try:
        said = _Answer.model_validate(answer)
    except ValidationError:
        raise TransientStoreError("Shopify's answer holds no token.", may_have_applied=True) from None
    ends_at = now + timedelta(seconds=said.expires_in) if said.expires_in else None
    return Tokens(said.access_token, said.refresh_token, ends_at, scope=said.scope)

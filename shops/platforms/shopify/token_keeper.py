"""Renew a store's access token: one worker at a time, and before it ends."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.db import transaction
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.dispatch.locks import blocking_lock, lock_if_free
from shops.models import StoreConnection
from shops.platforms.errors import StoreAuthError, StoreError
from shops.platforms.shopify import token_calls, tokens
from shops.platforms.shopify.tokens import Tokens

logger = logging.getLogger(__name__)

LOCK = "shopify.renew"
#: Seconds between two attempts to renew a token that still works.
AGAIN_S = 60


class TokenKeeper:
    """The tokens of one connection. Those of an unsaved one are renewed, but not saved."""

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._connection = connection

    def now(self) -> Tokens:
        """Return tokens to call with. While the current one works, it serves until a new one is saved.

        Raise StoreAuthError if Shopify issues none, TransientStoreError if it may later.
        """
        current, now = self.saved(), clock.now()
        if not current.must_renew(now):
            return current
        return self._early(current) if current.is_valid(now) else self.after(current)

    def saved(self) -> Tokens:
        """Return the connection's tokens as they are."""
        return tokens.from_json(self._connection.token.get_secret_value())

    def after(self, current: Tokens) -> Tokens:
        """Return tokens in place of `current`, which no longer works. Raise like `now`."""
        if self._connection.pk is None:
            return self._keep(self._request(current))
        with blocking_lock(LOCK, self._connection.pk):
            return self._renew(current)

    def _early(self, current: Tokens) -> Tokens:
        """Renew a token that still works, unless another worker does or has just failed to; never raises StoreError."""
        pk = self._connection.pk
        if pk is None or not cache.add(f"shopify:renew:{pk}", True, AGAIN_S):
            return current
        try:
            with lock_if_free(LOCK, pk) as free:
                return self._renew(current) if free else current
        except StoreError as error:
            logger.warning("The Shopify token of connection %s could not be renewed yet: %s", pk, error)
            return current

    def _renew(self, current: Tokens) -> Tokens:
        """Request tokens and save them before they are used. Another worker may have been faster."""
        row = StoreConnection.objects.filter(pk=self._connection.pk).values_list("token", "secret").first()
        saved = tokens.from_json(row[0].get_secret_value()) if row is not None else current
        if row is not None:
            self._connection.secret = row[1]
        if saved.access != current.access:
            return self._keep(saved)
        return self._keep(self._save(saved, self._request(saved)))

    def _save(self, saved: Tokens, fresh: Tokens) -> Tokens:
        """Save new tokens in place of `saved`. If the seller has reconnected the store meanwhile, theirs stay."""
        mine = StoreConnection.objects.filter(pk=self._connection.pk)
        with transaction.atomic():
            row = mine.select_for_update(no_key=True).values_list("token", flat=True).first()
            if row is None or tokens.from_json(row.get_secret_value()) == saved:
                mine.update(token=SecretStr(fresh.to_json()))
        return fresh

    def _request(self, current: Tokens) -> Tokens:
        address, secret = self._connection.address, self._connection.secret.get_secret_value()
        try:
            return token_calls.renewed(address, current, secret)
        except StoreAuthError:  # one bad answer proves nothing
            return token_calls.renewed(address, current, secret)

    def _keep(self, found: Tokens) -> Tokens:
        self._connection.token = SecretStr(found.to_json())
        return found

"""Connect a WooCommerce store: pasted keys, or the store's own approval page.

Facts: woocommerce.com REST docs, "Auto generating API keys", and WooCommerce 11 as seen: the callback must be https and
be answered exactly 200; `user_id` may contain letters, digits and `._:/-`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from shops.platforms.handshake import Declined, Grant, Pending, Returned, Step, Visit
from shops.platforms.values import Field, Keys

STEPS = (
    "In WordPress, open WooCommerce, Settings, Advanced, REST API, and add a key with permission Read/Write.",
    "Copy the consumer key and the consumer secret into the form on this page; the secret is shown only once.",
    "If it does not work: under Settings, Permalinks, choose anything but “Plain”.",
)
FIELDS = (
    Field("consumer_key", "Consumer key", "Begins with ck_"),
    Field("consumer_secret", "Consumer secret", "Begins with cs_"),
)


def keys(consumer_key: str, consumer_secret: str, webhook_secret: str = "") -> Keys:
    """Return the keys, with a new webhook secret. Raise ValueError with a sentence.

    The secret has only letters and digits: WooCommerce decodes entities in a secret before it signs with it.
    """
    if not consumer_key.startswith("ck_") or not consumer_secret.startswith("cs_"):
        raise ValueError("The consumer key begins with ck_ and the consumer secret with cs_.")
    return Keys(f"{consumer_key}:{consumer_secret}", webhook_secret or secrets.token_hex(24))


class KeyExchange:
    """The store's page on which the seller approves, and its server's call with the keys."""

    asks_address = True
    is_offered = True
    label = "Connect with WooCommerce"

    def begin(self, pending: Pending, base: str) -> str:
        """Return the store's approval page."""
        query = {
            "app_name": "ReverbSync",
            "scope": "read_write",
            "user_id": pending.state,
            "return_url": f"{base}return/",
            "callback_url": f"{base}callback/",
        }
        return f"{pending.address}/wc-auth/v1/authorize?{urlencode(query)}"

    def state_of(self, step: str, visit: Visit) -> str:
        """Return our state, which is `user_id`: in the body of the callback, in the query of the return."""
        return _said(visit).get("user_id", "") if step == "callback" else visit.query.get("user_id", "")

    def by_server(self, step: str) -> bool:
        """Return whether the step is the callback, in which the store's server sends the keys."""
        return step == "callback"

    def visit(self, step: str, visit: Visit, pending: Pending | None) -> Step:
        """Handle `callback` or `return`.

        `callback` brings the keys. It is unsigned, so the keys are tested before they are used.
        """
        if step == "return":
            return Returned(visit.query.get("user_id", ""), refused=visit.query.get("success") != "1")
        said = _said(visit)
        if step != "callback" or pending is None:
            raise Declined("This connection was not begun here, or too long ago.")
        if said.get("key_permissions") != "read_write":
            raise Declined("The key may not write. Please connect again and approve reading and writing.")
        try:
            made = keys(said.get("consumer_key", ""), said.get("consumer_secret", ""))
        except ValueError as error:
            raise Declined(str(error)) from None
        token, secret = made.token.get_secret_value(), made.secret.get_secret_value()
        return Grant(pending.address, token, secret, state=pending.state, by_server=True)


def _said(visit: Visit) -> Mapping[str, str]:
    try:
        said = json.loads(visit.body)
    except ValueError:
        return {}
    return {name: str(value) for name, value in said.items()} if isinstance(said, dict) else {}

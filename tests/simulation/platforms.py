"""Differences between the platforms of a story: addresses, keys, ids, and the meaning of calls."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from requests.models import PreparedRequest

from sandbox.bigcommerce import app as bigcommerce
from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.common.sender import Sender
from sandbox.custom import app as custom
from sandbox.magento2 import app as magento2
from sandbox.shopify import app as shopify
from sandbox.woocommerce import app as woocommerce
from tests.simulation.lines import Wsgi

#: Our tokens for a shop begin like this, wherever they are sent.
TOKEN = re.compile(r"token-[0-9]+-[0-9]+-[0-9a-f]+")


def host_of(kind: str) -> str:
    """Return the host of a platform's stand-in."""
    return f"{kind}.test"


@dataclass(frozen=True)
class Platform:
    """One platform."""

    kind: str
    build: Callable[..., Wsgi]
    #: Number of the shop in its story → the stand-in's id of the store.
    domain: Callable[[int], str]
    #: The domain → the address by which we know it.
    address: Callable[[str], str]
    #: The shop's token in the story → the keys that connect the store.
    keys: Callable[[str], str]
    secret: Callable[[str], str]
    #: The product as the stand-in created it → the sellable unit's id.
    unit: Callable[[Doc], str]
    #: Whether an order in the stand-in has this number on Reverb.
    bears: Callable[[Doc, str], bool]
    #: A path by which stock is written.
    writes_stock: str

    def door(self, clock: Clock, sending: type[Sender]) -> Wsgi:
        """Return the stand-in, without a file of its own."""
        return self.build(None, f"http://{host_of(self.kind)}", clock=clock, sending=sending)

    def shop(self, domain: str, token: str) -> dict[str, Any]:
        """Return the stand-in's settings of a store."""
        return {"domain": domain, "token": self.keys(token), "secret": self.secret(token), "webhooks": []}


def _variant(doc: Doc) -> str:
    return str(doc["variants"][0]["id"])


def _product(doc: Doc) -> str:
    return str(doc["id"])


def _plain(token: str) -> str:
    return token


def _in_field(name: str) -> Callable[[Doc, str], bool]:
    return lambda doc, number: doc.get(name) == number


def _whsec(token: str) -> str:
    return "whsec_" + base64.b64encode(f"secret-{token}".encode()).decode()


PLATFORMS: Mapping[str, Platform] = {
    one.kind: one
    for one in (
        Platform(
            "shopify",
            shopify.build,
            lambda number: f"shop-{number}.myshopify.com",
            _plain,
            _plain,
            lambda token: f"secret-{token}",
            _variant,
            _in_field("source_identifier"),
            r"^/admin/api/",
        ),
        Platform(
            "bigcommerce",
            bigcommerce.build,
            lambda number: f"shophash{number}",
            _plain,
            _plain,
            lambda token: f"secret-{token}",
            _variant,
            _in_field("external_order_id"),
            r"/inventory/adjustments/",
        ),
        Platform(
            "woocommerce",
            woocommerce.build,
            lambda number: f"shop-{number}.example.com",
            lambda _: f"http://{host_of('woocommerce')}",
            lambda token: f"ck_{token}:cs_{token}",
            lambda token: f"secret-{token}",
            _product,
            lambda doc, number: number in [one.get("value") for one in doc.get("meta_data") or []],
            r"/wc/v3/products/",
        ),
        Platform(
            "magento2",
            magento2.build,
            lambda number: f"shop-{number}.magento",
            lambda _: f"http://{host_of('magento2')}",
            lambda token: f"ck{token}:cs{token}:at{token}:ats{token}",
            lambda _: "",
            _product,
            lambda doc, number: number in str(doc.get("customer_email")),
            r"/inventory/source-items|/stockItems/",
        ),
        Platform(
            "custom",
            custom.build,
            lambda number: f"shop-{number}",
            lambda _: f"http://{host_of('custom')}/reverbsync",
            _plain,
            _whsec,
            _variant,
            _in_field("reverb_number"),
            r"/reverbsync$",
        ),
    )
}
#: Host → platform.
BY_HOST = {host_of(kind): kind for kind in PLATFORMS}


#: Platform ("" for Reverb) → its response to keys that it does not accept.
KEYS_REFUSED: Mapping[str, tuple[int, dict[str, Any]]] = {
    "": (401, {"message": "You must be logged in to access this resource"}),
    "shopify": (401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}),
    "bigcommerce": (401, {"status": 401, "title": "Unauthorized", "type": "", "errors": {}}),
    "woocommerce": (401, {"code": "woocommerce_rest_authentication_error", "message": "Consumer key is invalid."}),
    "magento2": (401, {"message": "The consumer isn't authorized to access %1.", "parameters": ["Magento_Catalog"]}),
    "custom": (401, {"error": "The signature is not ours"}),
}
#: SKU of a product that cannot be read.
ODD = "ODD-9"


#: Statuses by which a working side refuses something, such as a webhook topic that it does not offer.
REFUSALS = frozenset({400, 401, 403, 404, 422})


def odd_shapes(kind: str, made: Doc) -> list[dict[str, Any]]:
    """Return the faults by which a store shows a product, in lists and alone, so that its stock cannot be read."""
    number, whatever = made["id"], {"odd": ["shape"]}
    found = {
        "shopify": [
            {"path": "graphql", "edits": {f"data.products.nodes.[legacyResourceId={number}].variants": whatever}},
            {"text": f"gid://shopify/Product/{number}", "edits": {"data.product.variants": whatever}},
        ],
        "bigcommerce": [
            {"path": "/v3/catalog/products$", "edits": {f"data.[id={number}].variants": whatever}},
            {"path": f"/v3/catalog/products/{number}$", "edits": {"data.variants": whatever}},
        ],
        "woocommerce": [
            {"path": "/wc/v3/products$", "edits": {f"[id={number}].stock_quantity": whatever}},
            {"path": f"/wc/v3/products/{number}$", "edits": {"stock_quantity": whatever}},
        ],
        "magento2": [{"path": "/V1/products$", "edits": {f"items.[id={number}].sku": whatever}}],
    }
    return [{"kind": "edited", "times": 10**9, **one} for one in found.get(kind, [])]


def token_of(request: PreparedRequest) -> str:
    """Return the shop's token in a call of ours, wherever it is sent; "" if there is none."""
    headers = request.headers
    said = headers.get("Authorization", "") + headers.get("X-Shopify-Access-Token", "")
    said += headers.get("X-Auth-Token", "")
    if said.startswith("Basic "):
        said = base64.b64decode(said.removeprefix("Basic ").split(" ")[0]).decode(errors="replace")
    named = parse_qs(urlsplit(str(request.url)).query).get("oauth_consumer_key", [""])[0]
    found = TOKEN.search(unquote(said)) or TOKEN.search(named)
    return found[0] if found else ""


def writes(request: PreparedRequest, body: Any) -> bool:
    """Return whether a call to a store changes something."""
    kind = BY_HOST.get(str(urlsplit(str(request.url)).hostname), "")
    if kind == "shopify":
        return "mutation" in str((body or {}).get("query"))
    if kind == "custom":
        return (body or {}).get("type") != "ping"
    return request.method != "GET"


def operation(kind: str, method: str, path: str, body: Any) -> str:
    """Return a short name of a call to a store."""
    if kind == "shopify":
        return " ".join(str((body or {}).get("query", "")).replace("(", " ").split()[:2])
    if kind == "custom":
        return str((body or {}).get("type"))
    return f"{method} {path.partition('?')[0]}"


#: Platform → name of the call that creates an order.
NEW_ORDER = {
    "shopify": "mutation OrderCreate",
    "bigcommerce": "POST /stores/.+/v2/orders$",
    "woocommerce": "POST /wp-json/wc/v3/orders$",
    "magento2": "PUT /rest/.*V1/(orders/create|guest-carts/.+/order)$",
    "custom": "order.create",
}


def makes_order(kind: str, named: str) -> bool:
    """Return whether a call of this name creates an order in the store."""
    return re.search(NEW_ORDER[kind], named) is not None

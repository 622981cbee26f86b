"""The stand-in stores of the demo: their programs, and the settings for them and for the app."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class StandIn:
    """One stand-in. `seed` determines its keys, so that a second start uses the same ones."""

    kind: str
    module: str
    #: Id of the store inside the stand-in.
    domain: str
    #: The stand-in's own address → the address by which the app knows the store.
    address: Callable[[str], str]
    token: Callable[[str], str]
    secret: Callable[[str], str]
    #: The stand-in's own address → the app's environment variables.
    environment: Callable[[str], dict[str, str]]
    #: The store assigns a SKU to products without one.
    always_sku: bool = False
    #: The store's catalogue cannot be read; the store gets the address to push it to.
    pushes: bool = False
    #: The store sends no webhooks; it must be polled.
    silent: bool = False


def _named(part: str, *, size: int = 40) -> Callable[[str], str]:
    return lambda seed: hashlib.sha256(f"{part} {seed}".encode()).hexdigest()[:size]


def _joined(*parts: str) -> Callable[[str], str]:
    return lambda seed: ":".join(f"{part}{_named(part)(seed)}" for part in parts)


def _private(url: str) -> dict[str, str]:
    return {"ALLOWED_PRIVATE_HOSTS": urlsplit(url).netloc}


def _whsec(seed: str) -> str:
    return "whsec_" + base64.b64encode(hashlib.sha256(f"secret {seed}".encode()).digest()).decode()


STORES = {
    one.kind: one
    for one in (
        StandIn(
            "shopify",
            "sandbox.shopify.app",
            "demo-guitars.myshopify.com",
            lambda _: "demo-guitars.myshopify.com",
            _named("shpat"),
            _named("shpss"),
            lambda url: {"SHOPIFY_ADMIN_URL": url},
        ),
        StandIn(
            "bigcommerce",
            "sandbox.bigcommerce.app",
            "demoguitars1",
            lambda _: "demoguitars1",
            _named("token"),
            _named("client"),
            lambda url: {"BIGCOMMERCE_API_URL": url, "BIGCOMMERCE_LOGIN_URL": url},
        ),
        StandIn(
            "magento2",
            "sandbox.magento2.app",
            "demo-guitars.magento",
            lambda url: url,
            _joined("ck", "cs", "at", "ats"),
            lambda _: "",
            _private,
            always_sku=True,
            silent=True,
        ),
        StandIn(
            "woocommerce",
            "sandbox.woocommerce.app",
            "demo-guitars.example.com",
            lambda url: url,
            _joined("ck_", "cs_"),
            _named("hooks"),
            _private,
        ),
        StandIn(
            "custom",
            "sandbox.custom.app",
            "demo-guitars",
            lambda url: f"{url}/reverbsync",
            _named("rs"),
            _whsec,
            _private,
            pushes=True,
        ),
    )
}
